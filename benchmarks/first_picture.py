"""How long the first picture takes: whole commands, each in a fresh process.

    git worktree add ../before COMMIT
    python -m benchmarks.first_picture --before=../before --out=first

Runs every command in this checkout and in another one by turns, and prints the
medians of wall time, of processor time, which a busy machine changes less, and
of the lines on standard error. The photo is a rendered one of 384 pixels. The
page is there when it prints its address, having edited a photo. `client` asks a
server that runs already: --server=localhost:8500.
"""

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import flags
from PIL import Image

from benchmarks import harness
from efgan_tf import commands, config
from efgan_tf.common.options import option, require
from efgan_tf.interface.sample_photos import SAMPLES, sample_path

HERE = Path(__file__).parents[1]

# Every commit since 58c4878 has it, whatever its commands take by default.
_PRESET = "--model=preset:faces128"

COLUMNS = {"wall": "s", "cpu": "processor s", "stderr_lines": "lines"}
_EDIT = ("--image={photo}", "--expression=happy", "--out={out}", "--overwrite")
CASES = {
    "edit": ("edit", _PRESET, *_EDIT),
    "edit_keras": ("edit", "--model={keras}", *_EDIT),
    "list_faces": ("edit", "--image={photo}", "--list_faces"),
    "client": ("client", "--server={server}", *_EDIT),
    "export": (
        "export", _PRESET, "--formats=keras", "--out={folder}", "--overwrite",
    ),
    "page": ("demo", _PRESET, "--port=0"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class FirstPictureConfig:
    """What is measured."""

    before: str = option("", "another checkout of this project")
    cases: tuple[str, ...] = option(
        ("edit", "list_faces", "export", "page"), f"some of {', '.join(CASES)}"
    )
    runs: int = option(5, "of each command in each checkout")
    server: str = option("", "HOST:PORT that client asks")
    keras: str = option("", ".keras file that edit_keras edits with")
    out: str = option("", harness.OUT)

    def __post_init__(self):
        require(bool(self.before), "give --before=CHECKOUT")
        require(set(self.cases) <= set(CASES), "--cases names an unknown one")
        for case, needed in {"client": "server", "edit_keras": "keras"}.items():
            require(
                case not in self.cases or bool(getattr(self, needed)),
                f"{case} needs --{needed}",
            )


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, FirstPictureConfig)
    report = harness.Report(settings.out)
    checkouts = {"before": Path(settings.before), "after": HERE}
    found = {case: {name: [] for name in checkouts} for case in settings.cases}
    with tempfile.TemporaryDirectory() as folder:
        names = {
            "photo": f"{folder}/photo.png", "out": f"{folder}/out.png",
            "folder": folder, "server": settings.server,
            "keras": os.path.abspath(settings.keras),
        }  # fmt: skip
        sample = Image.open(sample_path(next(iter(SAMPLES))))
        sample.resize((384, 384)).save(names["photo"])
        for case in settings.cases:
            name, *arguments = CASES[case]
            command = [sys.executable, "-m", f"efgan_tf.{name}"]
            command += [argument.format(**names) for argument in arguments]
            for run in range(settings.runs + 1):
                for checkout, path in checkouts.items():
                    figures = _run(command, path)
                    if run:  # the first one warms the disk's cache
                        found[case][checkout].append(figures)
    report.data["runs"] = found
    report.add(f"Medians of {settings.runs} runs", _rows(found), 1)
    report.write()


def _run(command: list[str], checkout: Path) -> dict[str, float]:
    """Wall and processor seconds, and lines on standard error."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=checkout, stdout=subprocess.PIPE, stderr=errors,
            text=True,
        )  # fmt: skip
        for line in process.stdout:
            if line.startswith("open http"):
                wall = time.perf_counter() - start
                time.sleep(1)  # ended at once, uvicorn warns of it
                process.terminate()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if not (is_page := "efgan_tf.demo" in command):
            wall = time.perf_counter() - start
        errors.seek(0)
        lines = errors.readlines()
    if process.returncode and not is_page:
        raise RuntimeError(f"{' '.join(command)} failed: {''.join(lines)}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": wall, "cpu": cpu, "stderr_lines": len(lines)}


def _rows(found: dict[str, dict[str, list[dict[str, float]]]]) -> list[dict]:
    rows = []
    for case, checkouts in found.items():
        row = {"": case}
        for key, unit in COLUMNS.items():
            before, after = (
                statistics.median(run[key] for run in checkouts[name])
                for name in ("before", "after")
            )
            row[f"{unit}, before"] = float(before)
            row[f"{unit}, after"] = float(after)
            if key != "stderr_lines":
                row[f"{unit}, ratio"] = before / after
        rows.append(row)
    return rows


if __name__ == "__main__":
    sys.exit(commands.run(main, FirstPictureConfig))
