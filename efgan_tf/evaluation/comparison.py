"""Several runs in one table, and their differences pair by pair."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.scoring import Scores
from efgan_tf.evaluation.summaries import difference, subsets, summarize
from efgan_tf.evaluation.tables import ALL, EDIT, METRICS, NO_EDIT, REPORT

SCORES = "scores.npz"

# What reports must share for their numbers to be comparable.
_SAME = (
    ("efgan_tf",),
    ("data", "digest"),
    ("data", "pairs"),
    ("judges", "digest"),
    ("features", "digest"),
    ("lpips",),
)


@dataclasses.dataclass(frozen=True, eq=False)
class SavedScores:
    """The scores of a run's edits, for comparing it with other runs.

    Attributes:
      scores: of `picture_scores`.
      subjects: str `[n]`, who is in each pair.
      large: bool `[n]`, which pairs are large changes.
    """

    scores: Scores
    subjects: np.ndarray
    large: np.ndarray

    def write(self, path: Path) -> None:
        """Writes an `.npz`: `subjects`, `large`, and each metric's values."""
        np.savez_compressed(
            path,
            subjects=self.subjects,
            large=self.large,
            **self.scores,  # type: ignore[arg-type]
        )

    @classmethod
    def read(cls, path: Path) -> "SavedScores":
        """What `write` wrote.

        Raises:
          UserError: it is missing, damaged or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            subjects, large = arrays.pop("subjects"), arrays.pop("large")
            if not arrays.keys() <= METRICS.keys():
                raise ValueError("another version wrote it")
            return cls(arrays, subjects, large)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} cannot be read ({error}); evaluate that run anew"
            ) from error


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """What `efgan_tf.evaluate` found of a run.

    Attributes:
      report: its report.json.
      saved: the scores of each edit.
    """

    report: Mapping[str, Any]
    saved: SavedScores

    @classmethod
    def read(cls, run: Path) -> "EvaluatedRun":
        """What is left of a run's evaluation.

        Args:
          run: the run's folder, or the folder of its report.

        Raises:
          UserError: it was not evaluated, or that cannot be read.
        """
        folder = run if (run / REPORT).exists() else run / "evaluation"
        path = folder / REPORT
        if not path.exists():
            raise UserError(
                f"there is no {path}; evaluate that run first, with "
                f"--run_dir={run}"
            )
        try:
            content = json.loads(path.read_text("utf-8"))
            for keys in (*_SAME, ("rows", EDIT, ALL), ("rows", NO_EDIT, ALL)):
                _at(content, keys)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is no report of this version ({error}); evaluate "
                "that run anew"
            ) from error
        return cls(content, SavedScores.read(folder / SCORES))


def compare(runs: Mapping[str, EvaluatedRun]) -> dict[str, Any]:
    """One table of several runs.

    Args:
      runs: name → what was found; in the order of the table.

    Returns:
      `rows`, as in a report; `minus_before` and `minus_first`: the differences
      of each run to the one before and to the first, pair by pair; and what all
      reports share.

    Raises:
      UserError: they were evaluated on different data or in different ways.
    """
    first, *others = runs
    known = runs[first].report
    for name in others:
        _check_same(first, known, name, runs[name].report)
    rows = {NO_EDIT: known["rows"][NO_EDIT]}
    rows |= {name: run.report["rows"][EDIT] for name, run in runs.items()}
    return {
        "rows": rows,
        "minus_before": {
            f"{name} − {before}": _minus(runs[name], runs[before])
            for before, name in zip(runs, others, strict=False)
        },
        "minus_first": {
            f"{name} − {first}": _minus(runs[name], runs[first])
            for name in others
        },
        "zero_edit_psnr": {
            name: run.report["zero_edit_psnr"] for name, run in runs.items()
        },
        **{
            key: known[key]
            for key in ("data", "definitions", "judges", "features", "notes")
        },
    }


def _check_same(
    first: str, known: Mapping[str, Any], name: str, report: Mapping[str, Any]
) -> None:
    for keys in _SAME:
        if _at(report, keys) != _at(known, keys):
            raise UserError(
                f"{first} and {name} were evaluated with different "
                f"{' '.join(keys)}, so their numbers cannot be compared; "
                "evaluate them alike"
            )


def _at(content: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        content = content[key]
    return content


def _minus(run: EvaluatedRun, other: EvaluatedRun) -> dict[str, Any]:
    """Subset → metric → the difference's interval."""
    gain = difference(run.saved.scores, other.saved.scores)
    return {
        subset: summarize(gain, run.saved.subjects, chosen)
        for subset, chosen in subsets(run.saved.large).items()
    }
