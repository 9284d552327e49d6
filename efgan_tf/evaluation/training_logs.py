"""What runs wrote down while they trained, read to be drawn."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.tables import ALL, EDIT, NO_EDIT, REPORT

METRICS_LOG = "metrics.jsonl"


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """The numbers of one run over the images that it has seen.

    Attributes:
      name: of the run, as legends say it.
      lines: of `metrics.jsonl`, each with `"images"`.
      report: of `efgan_tf.evaluate`; None if the run was not evaluated.
    """

    name: str
    lines: Sequence[Mapping[str, Any]]
    report: Mapping[str, Any] | None = None

    def names(self, section: str) -> list[str]:
        """What was written of a section, `"generator"` say, in order."""
        names = dict.fromkeys(name for line in self.lines for name in line)
        return [name for name in names if name.startswith(f"{section}/")]

    def points(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Images seen and values of one metric, `[n]` each, perhaps none."""
        pairs = [(v["images"], v[name]) for v in self.lines if name in v]
        images, values = np.array(pairs, float).reshape(-1, 2).T
        return images, values

    @property
    def phase_2(self) -> float | None:
        """Images seen when phase 2 began; None if all is of one phase."""
        phases = [line.get("phase") for line in self.lines]
        if 1 not in phases or 2 not in phases:
            return None
        return self.lines[phases.index(2)]["images"]

    def evaluated(self, metric: str, row: str) -> Mapping[str, Any] | None:
        """`{"mean", "low", "high"}` of a metric of the report, if it is there.

        Args:
          metric: of `tables.METRICS`.
          row: `EDIT` or `NO_EDIT`.
        """
        return self.report and self.report["rows"][row][ALL].get(metric)


def read_runs(runs: Sequence[str]) -> list[Curves]:
    """The curves of several runs with their reports.

    Args:
      runs: their folders; each gets a name of its own.

    Raises:
      UserError: a folder is no run, or what it holds is damaged.
    """
    found = []
    for run, name in zip(runs, names_of(runs), strict=True):
        log = Path(run, METRICS_LOG)
        if not Path(run).is_dir():
            raise UserError(f"{run} is no folder; name a run")
        if not log.is_file():
            raise UserError(
                f"{run} has no {METRICS_LOG}, so there is nothing to draw; "
                "name the folder of a run"
            )
        lines = _read_lines(log)
        if not lines:
            raise UserError(f"{log} holds no whole line yet; wait, or train on")
        found.append(Curves(name, lines, _read_report(Path(run))))
    return found


def read_training(runs: Sequence[str]) -> list[Curves]:
    """The curves alone; runs that were copied without a log are left out.

    Raises:
      UserError: a log is damaged.
    """
    return [
        Curves(name, _read_lines(Path(run, METRICS_LOG)))
        for run, name in zip(runs, names_of(runs), strict=True)
        if Path(run, METRICS_LOG).exists()
    ]


def names_of(runs: Sequence[str]) -> list[str]:
    """The runs' names; their paths where two have one name."""
    names = [Path(run).name or str(run) for run in runs]
    return [
        name if names.count(name) == 1 else str(run)
        for run, name in zip(runs, names, strict=True)
    ]


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that is still being written is left."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text: {error}") from error
    whole, _, _ = text.rpartition("\n")
    return [
        _read_line(line, f"{path}, line {number}")
        for number, line in enumerate(whole.splitlines(), 1)
    ]


def _read_line(line: str, place: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
        if "images" not in values:
            raise ValueError("it does not say after how many images")
        for name, value in values.items():
            if type(value) not in (int, float) or not math.isfinite(value):
                raise ValueError(f"{name} is {value!r}, not a number")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{place} is damaged ({error}); delete that line"
        ) from error
    return values


def _read_report(run: Path) -> dict[str, Any] | None:
    """A run's report, if it was evaluated."""
    path = run / "evaluation" / REPORT
    if not path.exists():
        return None
    try:
        report = json.loads(path.read_text("utf-8"))
        float(report["training"]["images"])
        for row in (EDIT, NO_EDIT):
            for value in report["rows"][row][ALL].values():
                float(value["mean"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}: {error}); evaluate "
            "the run anew"
        ) from error
    return report
