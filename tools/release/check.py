"""Runs every command of the documents, as `plan.py` says how.

    python -m tools.release.check --work=DIR
    python -m tools.release.check --work=DIR --only=efgan_tf.edit

It works in a fresh clone of the last commit with a fresh virtual environment,
where photos lie that the commands name. Each command's output is in DIR/logs;
a line for each says whether it succeeded and how long it took. It ends with
status 1 if one failed.
"""

import contextlib
import dataclasses
import subprocess
import sys
import time
import venv
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import option, require
from tools.release import documents, plan
from tools.release.shell import Shell

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
    if not Shell(clone, python, 5).run(
        "python -m tools.release.photos", work / "logs" / "photos.txt"
    ):
        raise UserError(f"no photos: see {work / 'logs' / 'photos.txt'}")
    failed = 0
    for page in documents.documents():
        name = str(page.relative_to(documents.ROOT))
        shell = Shell(clone, python, settings.minutes)
        with contextlib.closing(shell):
            for number, command in enumerate(documents.commands(page), 1):
                how = plan.PLAN[command]
                if isinstance(how, plan.Run) and settings.only in command:
                    log = f"{name.replace('/', '_')}.{number}.txt"
                    found = _checked(shell, command, how, work / "logs" / log)
                    print(f"{name}: {found}", flush=True)
                    failed += found.startswith("FAILED")
    print(f"{failed} failed")
    return int(failed > 0)


def _checked(shell: Shell, command: str, how: plan.Run, log: Path) -> str:
    """Does a command; a line that says how it went."""
    begin = time.monotonic()
    if isinstance(how, plan.Start):
        good = shell.start(how.applied(command), log, how.ready)
    else:
        good = shell.run(how.applied(command), log)
    seconds = time.monotonic() - begin
    return f"{'ok' if good else 'FAILED'}  {command}  ({seconds:.0f} s, {log})"


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


if __name__ == "__main__":
    sys.exit(commands.run(main, CheckConfig))
