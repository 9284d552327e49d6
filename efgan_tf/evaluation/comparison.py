"""Several runs in one table, and their differences pair by pair."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation import report as report_lib
from efgan_tf.evaluation import scoring
from efgan_tf.evaluation.scoring import PictureScores
from efgan_tf.evaluation.tables import ALL, EDIT, LARGE, NO_EDIT, REPORT

SCORES = "scores.npz"

# What reports must share for their numbers to be comparable.
_SAME = (
    ("efgan_tf",),
    ("data", "digest"),
    ("data", "pairs"),
    ("seed",),
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

    scores: Mapping[str, PictureScores]
    subjects: np.ndarray
    large: np.ndarray

    def rows(self, subset: str) -> np.ndarray:
        """Bool `[n]`: the pairs of `ALL` or `LARGE`."""
        return self.large if subset == LARGE else np.ones(len(self.large), bool)

    def write(self, path: Path) -> None:
        """Writes an `.npz`."""
        arrays = {"subjects": self.subjects, "large": self.large}
        for name, score in self.scores.items():
            arrays[f"values/{name}"] = score.values
            arrays[f"rows/{name}"] = score.rows
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, path: Path) -> "SavedScores":
        """What `write` wrote.

        Raises:
          UserError: it is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = [
                    name.removeprefix("values/")
                    for name in arrays.files
                    if name.startswith("values/")
                ]
                scores = {
                    name: PictureScores(
                        arrays[f"values/{name}"], arrays[f"rows/{name}"]
                    )
                    for name in names
                }
                return cls(scores, arrays["subjects"], arrays["large"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} cannot be read ({error}); evaluate that run anew"
            ) from error


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """A run that was evaluated.

    Attributes:
      report: its report.json.
      scores: of each edit.
    """

    report: Mapping[str, Any]
    scores: SavedScores

    @classmethod
    def read(cls, run: Path) -> "Judged":
        """What `efgan_tf.evaluate` left of a run.

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


def compare(runs: Mapping[str, Judged]) -> dict[str, Any]:
    """One table of several runs.

    Args:
      runs: name → what was found; in the order of the table.

    Returns:
      `rows`, as in a report; `minus_before` and `minus_first`: the differences
      of each run to the one before and to the first, pair by pair; and what all
      reports share.

    Raises:
      UserError: they were judged on different data or in different ways.
    """
    _check_same(runs)
    (first, known), *others = runs.items()
    rows = {NO_EDIT: known.report["rows"][NO_EDIT]}
    rows |= {name: run.report["rows"][EDIT] for name, run in runs.items()}
    before, minus_before, minus_first = first, {}, {}
    for name, run in others:
        minus_before[f"{name} − {before}"] = _minus(run, runs[before])
        minus_first[f"{name} − {first}"] = _minus(run, known)
        before = name
    return {
        "rows": rows,
        "minus_before": minus_before,
        "minus_first": minus_first,
        "zero_edit_psnr": {
            name: run.report["zero_edit_psnr"] for name, run in runs.items()
        },
        **{
            key: known.report[key]
            for key in ("data", "seed", "definitions", "judges", "features",
                        "notes")
        },
    }  # fmt: skip


def _check_same(runs: Mapping[str, Judged]) -> None:
    (first, known), *others = runs.items()
    for name, run in others:
        for keys in _SAME:
            if _at(run.report, keys) != _at(known.report, keys):
                raise UserError(
                    f"{first} and {name} were evaluated with different "
                    f"{' '.join(keys)}, so their numbers cannot be compared; "
                    "evaluate them alike"
                )


def _at(content: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        content = content[key]
    return content


def _minus(run: Judged, other: Judged) -> dict[str, Any]:
    """Subset → metric → the difference's interval."""
    return {
        subset: scoring.difference(
            run.scores.scores,
            other.scores.scores,
            run.scores.subjects,
            run.scores.rows(subset),
            run.report["seed"],
        )
        for subset in (ALL, LARGE)
    }


def text(comparison: Mapping[str, Any]) -> str:
    """The comparison, for reading."""
    label = report_lib.feature_label(comparison)
    parts = [report_lib.all_tables(comparison["rows"], label)]
    if comparison["minus_before"]:
        parts.append(
            "### Each row minus the one before, pair by pair\n\nWhere the "
            "interval leaves out 0, these people tell the rows apart. It says "
            "nothing of other training seeds."
        )
        parts.append(report_lib.differences(comparison["minus_before"]))
    if len(comparison["minus_first"]) > 1:
        parts.append("### Each row minus the first")
        parts.append(report_lib.differences(comparison["minus_first"]))
    parts.append(report_lib.judges_lines(comparison))
    return "\n\n".join(parts) + "\n"
