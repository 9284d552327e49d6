"""Speed of inference and training steps, beside PyTorch and another commit.

    python -m benchmarks.step --torch_python=PYTHON --before=CHECKOUT

Three tables, each from contenders that take turns in one run: the global
branch alone against GANimation's networks in PyTorch; the whole EF-GAN and the
cascade as multiples of the global branch; a step of `configs/faces128.flags`
at another commit, now, and with cheaper settings. `--torch_python` is an
interpreter that has PyTorch; without it, or without `--before`, the rows are
left out and the report says so.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.harness import Contender, Result
from efgan_tf.common.flag_files import FlagValues

ROOT = Path(__file__).parents[1]


def _flags_of(name: str) -> list[str]:
    """A flag file's flags: older commits look elsewhere for nested files."""
    file = f"--flagfile={ROOT}/configs/{name}.flags"
    return FlagValues().read_flags_from_files([file])


REFERENCE, BOX = _flags_of("method"), _flags_of("faces128")
GLOBAL = (
    "--nolocal_branches", "--norefiner", "--stages=1", "--n_critic=1",
    "--lambda_zero=0", "--precision=float32", "--image_size=128",
)  # fmt: skip
CHEAPER = ("--cycle_every=2", "--zero_every=4")
HALF = "--precision=mixed_bfloat16"
UPDATES = "inference,critics,generator"


@dataclasses.dataclass(frozen=True)
class Section:
    """A table: who takes part, and what its rows say of the results."""

    title: str
    contenders: Callable[[argparse.Namespace], list[Contender]]
    rows: Callable[[Mapping[str, Result]], list[dict[str, Any]]]


def main() -> None:
    """Runs what the flags ask for, and writes JSON and markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch_python", default="")
    parser.add_argument("--before", default="", help="checkout to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--out", default="runs/step", help=harness.OUT)
    parser.add_argument("-v", action="store_true", help="show workers' output")
    options = parser.parse_args()
    report = harness.Report(options.out)
    for name in options.sections.split(","):
        section = SECTIONS[name]
        results = harness.interleave(
            section.contenders(options), options.rounds
        )
        versions = sorted({r.facts["versions"] for r in results.values()})
        batch = next(iter(results.values())).facts["batch"]
        report.add(
            f"{section.title} ({'; '.join(versions)}; batch {batch}; medians "
            f"of {options.rounds}).",
            section.rows(results),
        )
    if not options.torch_python:
        report.note("Left out: PyTorch (no --torch_python).")
    if not options.before:
        report.note("Left out: another commit (no --before).")
    report.write()


def _rivals(options) -> list[Contender]:
    tasks = f"{UPDATES},ceiling"
    contenders = [
        _ours(
            f"ours, {injection}", 1, tasks, options.batch,
            *REFERENCE, *GLOBAL, f"--au_injection={injection}",
        )
        for injection in ("concat", "film")
    ]  # fmt: skip
    if options.torch_python:
        script = str(ROOT / "benchmarks" / "step_torch.py")
        contenders += [
            Contender(
                f"PyTorch, {setting}",
                [options.torch_python, script, setting, str(options.batch),
                 tasks],
            )
            for setting in ("plain", "channels_last", "compile")
        ]  # fmt: skip
    return contenders


def _beside_rivals(results) -> list[dict[str, Any]]:
    rivals = [r for name, r in results.items() if name.startswith("PyTorch")]
    # The same arithmetic for all: GANimation's, which tiles units.
    facts = results["ours, concat"].facts
    rows = []
    for name, result in results.items():
        row = {"": name, **_milliseconds(result, UPDATES)}
        for task in UPDATES.split(","):
            best = min((r.median(task) for r in rivals), default=None)
            row[f"{task}: PyTorch's best / this"] = (
                _ratio(best, result.median(task)) if best else "-"
            )
        adds = facts["multiply_adds"] * result.facts["batch"]
        row["GFLOP/s at inference"] = _gigaflops(
            adds, result.median("inference")
        )
        row["its convolution ceiling"] = _gigaflops(
            facts["ceiling_multiply_adds"], result.median("ceiling")
        )
        rows.append(row)
    return rows


def _networks(options) -> list[Contender]:
    bare = "--nolocal_branches", "--norefiner", "--stages=1"
    return [
        # A small batch: the reference's cascade needs the memory.
        _ours(
            f"{name}: {part}", phase, UPDATES, 2,
            *flags, "--precision=float32", "--n_critic=1", *more,
        )
        for name, flags in {"reference": REFERENCE, "box": BOX}.items()
        for part, phase, more in (
            ("global branch", 1, bare), ("EF-GAN", 1, ()), ("cascade", 2, ()),
        )
    ]  # fmt: skip


def _as_multiples(results) -> list[dict[str, Any]]:
    rows = []
    for name, result in results.items():
        base = results[f"{name.split(':')[0]}: global branch"]
        adds = result.facts["multiply_adds"]
        row = {
            "": name,
            "parameters, M": f"{result.facts['parameters'] / 1e6:.2f}",
            "multiply-adds, G": f"{adds / 1e9:.2f}",
            "×": _ratio(adds, base.facts["multiply_adds"]),
        }
        for task, time in _milliseconds(result, UPDATES).items():
            name = task.split(",")[0]
            row[task] = time
            row[f"{name} ×"] = _ratio(result.median(name), base.median(name))
        rows.append(row)
    return rows


def _steps(phase: int) -> Callable[[argparse.Namespace], list[Contender]]:
    def contenders(options):
        return [
            _ours(name, phase, "step", options.batch, *BOX, *more, root=root)
            for name, root, more in (
                ("before", options.before, ()),
                ("now", ROOT, ()),
                ("now, bfloat16", ROOT, (HALF,)),
                ("now, cheaper", ROOT, CHEAPER),
                ("now, bfloat16, cheaper", ROOT, (HALF, *CHEAPER)),
            )
            if root
        ]

    return contenders


def _beside_before(results) -> list[dict[str, Any]]:
    base = results.get("before", results["now"]).median("step")
    return [
        {
            "": name,
            **_milliseconds(result, "step"),
            "images a second": _ratio(
                result.facts["batch"], result.median("step")
            ),
            "times as fast": _ratio(base, result.median("step")),
        }
        for name, result in results.items()
    ]


SECTIONS = {
    "rivals": Section(
        "The global branch alone, ms an image at 128×128, float32",
        _rivals,
        _beside_rivals,
    ),
    "networks": Section(
        "Whole networks as multiples of their global branch, float32",
        _networks,
        _as_multiples,
    ),
    "phase1": Section(
        "A step of configs/faces128.flags at 128×128, phase 1",
        _steps(1),
        _beside_before,
    ),
    "phase2": Section(
        "A step of configs/faces128.flags at 128×128, phase 2",
        _steps(2),
        _beside_before,
    ),
}


def _ours(name, phase, tasks, batch, *flags, root=ROOT) -> Contender:
    script = str(ROOT / "benchmarks" / "step_tensorflow.py")
    return Contender(
        name,
        [sys.executable, script, str(phase), tasks, *flags,
         f"--batch_size={batch}"],
        {"PYTHONPATH": str(Path(root).resolve())},
    )  # fmt: skip


def _milliseconds(result: Result, tasks: str) -> dict[str, str]:
    batch = result.facts["batch"]
    return {
        f"{task}, ms": f"{1000 * result.median(task) / batch:.1f}"
        for task in tasks.split(",")
    }


def _gigaflops(multiply_adds: float, seconds: float) -> str:
    return f"{2 * multiply_adds / seconds / 1e9:.0f}"


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}"


if __name__ == "__main__":
    main()
