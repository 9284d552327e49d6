"""Runs every command of the documents, as `plan.py` says how.

    python -m tools.release.check --work=DIR
    python -m tools.release.check --work=DIR --only=efgan_tf.edit

It works in a fresh clone of the last commit with a fresh virtual environment,
where photos lie that the commands name. Each command's output is in DIR/logs;
a line for each says whether it succeeded and how long it took. It ends with
status 1 if one failed.
"""

import dataclasses
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.options import option, require
from tools.release import documents, plan

_EXTRAS = "test,demo,docs"


@dataclasses.dataclass(frozen=True)
class CheckConfig:
    """Where it is checked, and how much."""

    work: str = option("", "folder to work in; goes on with what is there")
    only: str = option("", "only commands that contain this text")
    here: bool = option(
        False, "use the Python that runs this instead of a fresh environment"
    )
    minutes: float = option(20.0, "most that one command may take")

    def __post_init__(self):
        require(bool(self.work), "give --work=DIR")


def main(values: flags.FlagValues) -> int:
    """Runs the command; returns its exit status."""
    settings = config.from_flags(values, CheckConfig)
    work = Path(settings.work).absolute()
    clone = _cloned(work)
    python = Path(sys.executable) if settings.here else _environment(work)
    _run(f"{python} -m tools.release.photos", clone, python, work / "photos")
    failed = 0
    for page in documents.documents():
        name = page.relative_to(documents.ROOT)
        for number, command in enumerate(documents.commands(page), 1):
            how = plan.PLAN[command]
            if not isinstance(how, plan.Run) or settings.only not in command:
                continue
            log = work / "logs" / f"{str(name).replace('/', '_')}.{number}.txt"
            begin = time.monotonic()
            status = _run(
                how.applied(command), clone, python, log, settings.minutes
            )
            failed += status != 0
            print(
                f"{'ok' if status == 0 else 'FAILED'}  {name}: {command}  "
                f"({time.monotonic() - begin:.0f} s, {log})",
                flush=True,
            )
    print(f"{failed} failed")
    return int(failed > 0)


def _cloned(work: Path) -> Path:
    """A clone of the last commit in `work`, made where it is absent."""
    clone = work / "efgan_tf"
    if not clone.exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["git", "clone", "--quiet", str(documents.ROOT), str(clone)],
            check=True,
        )
    return clone


def _environment(work: Path) -> Path:
    """The Python of a fresh environment with the clone installed."""
    folder = work / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "-e",
             f"{work / 'efgan_tf'}[{_EXTRAS}]"],
            check=True,
        )  # fmt: skip
    return python


def _run(
    command: str, clone: Path, python: Path, log: Path, minutes: float = 5
) -> int:
    """Runs a line in the clone; returns its status, 124 if it took too long."""
    log.parent.mkdir(parents=True, exist_ok=True)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    with open(log, "w") as output:
        try:
            return subprocess.run(
                ["bash", "-c", command], cwd=clone, stdout=output,
                stderr=subprocess.STDOUT, timeout=60 * minutes,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(clone)},
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124


if __name__ == "__main__":
    sys.exit(commands.run(main, CheckConfig))
