"""How edits of different kinds of people compare."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.evaluation import scoring, tables
from efgan_tf.evaluation.metrics.intervals import bootstrap_difference
from efgan_tf.evaluation.scoring import PictureScores
from efgan_tf.evaluation.tables import EDIT, METRICS, NO_EDIT, TRUE

Groups = Mapping[str, Mapping[str, str]]
"""Attribute → subject → group: `{"age": {"s00001": "young", ...}}`."""

GAIN = "gain"
"""The row of the edit's scores minus those of no edit."""

SHOWN = {
    EDIT: ("psnr", "au_error", "expression_accuracy", "identity"),
    GAIN: ("psnr", "au_error"),
    TRUE: ("au_error", "expression_accuracy", "identity"),
}
"""Row → its metrics that are compared. The true picture's say how the judge
itself reads each group."""

_ROW_TITLES = {EDIT: "", GAIN: " − no edit", TRUE: " of true pictures"}


def groups_of(subjects: Sequence[str], data: DataConfig, table: str) -> Groups:
    """Which groups people belong to, as far as that is known.

    Args:
      subjects: the people.
      data: where they are from; rendered people are known.
      table: CSV of others; empty for none.

    Raises:
      UserError: the table cannot be read, lacks the column `subject` or one of
        the people, or names somebody twice.
    """
    if table:
        return _read(Path(table), subjects)
    if data.dataset != "synthetic":
        return {}
    from efgan_tf.synthetic.identity import kinds

    known = {name: kinds(data.data_seed, int(name[1:])) for name in subjects}
    attributes = next(iter(known.values()))
    return {
        attribute: {name: kind[attribute] for name, kind in known.items()}
        for attribute in attributes
    }


def _read(path: Path, subjects: Sequence[str]) -> Groups:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = list(reader)
            columns = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--groups={path} cannot be read: {error}") from error
    if "subject" not in columns or len(columns) < 2:
        raise UserError(
            f"--groups={path} needs a column subject and at least one more; it "
            f"has {', '.join(columns) or 'none'}"
        )
    names = [row["subject"] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"--groups={path} names {twice[0]} twice")
    missing = sorted(set(subjects) - set(names))
    if missing:
        raise UserError(
            f"--groups={path} lacks {len(missing)} of the {len(subjects)} "
            f"people, {missing[0]} for one"
        )
    columns.remove("subject")
    return {
        column: {
            row["subject"]: (row[column] or "").strip() or "unknown"
            for row in rows
            if row["subject"] in set(subjects)
        }
        for column in columns
    }


def by_group(
    scores: Mapping[str, Mapping[str, PictureScores]],
    subjects: np.ndarray,
    groups: Groups,
    seed: int,
) -> dict[str, Any]:
    """The scores of each group, and how far apart the groups are.

    Args:
      scores: row of the table → metric → its values.
      subjects: str `[n]`, who is in each pair.
      groups: of the people.
      seed: of the intervals.

    Returns:
      attribute → `"groups"`: group → `"people"` and, for each row of `SHOWN`,
      metric → interval; and `"gaps"`: row → metric → the groups with the
      largest and the smallest mean, and the interval of their difference.
    """
    rows = {**scores, GAIN: _gain(scores)}
    rows = {
        row: {name: rows[row][name] for name in names if name in rows[row]}
        for row, names in SHOWN.items()
        if row in rows
    }
    found = {}
    for attribute, group_of in groups.items():
        kind = np.array([group_of[name] for name in subjects.tolist()])
        found[attribute] = {
            "groups": {
                group: {
                    "people": len(np.unique(subjects[kind == group])),
                    **{
                        row: scoring.summarize(
                            metrics, subjects, kind == group, seed
                        )
                        for row, metrics in rows.items()
                    },
                }
                for group in sorted(set(kind.tolist()))
            },
            "gaps": {
                row: {
                    name: gap
                    for name, score in metrics.items()
                    if (gap := _gap(score, subjects, kind, seed))
                }
                for row, metrics in rows.items()
            },
        }
    return found


def _gain(
    scores: Mapping[str, Mapping[str, PictureScores]],
) -> dict[str, PictureScores]:
    edit, before = scores[EDIT], scores[NO_EDIT]
    return {
        name: PictureScores(
            edit[name].values - before[name].values, edit[name].rows
        )
        for name in SHOWN[GAIN]
        if name in edit and name in before
    }


def _gap(
    score: PictureScores, subjects: np.ndarray, kind: np.ndarray, seed: int
) -> dict[str, Any] | None:
    """How far the best group is from the worst; None with only one group."""
    kinds, people = kind[score.rows], subjects[score.rows]
    means = {
        group: float(score.values[kinds == group].mean())
        for group in np.unique(kinds).tolist()
    }
    if len(means) < 2:
        return None
    most = max(means, key=means.__getitem__)
    least = min(means, key=means.__getitem__)
    parts = [
        (score.values[kinds == group], people[kinds == group])
        for group in (most, least)
    ]
    interval = bootstrap_difference(*parts[0], *parts[1], seed=seed)
    return {
        "largest": most,
        "smallest": least,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
    }


def text(groups: Mapping[str, Any]) -> str:
    """A table for each attribute, with how far apart its groups are."""
    parts = [
        "Where the true pictures of a group are read worse too, it is the "
        "judge that sees it less well. PSNR minus no edit counts for how much "
        "each group's faces change."
    ]
    for attribute, found in groups.items():
        parts += [f"#### By {attribute}", _table(found["groups"])]
        parts.append(_gaps(found["gaps"]))
    return "\n\n".join(part for part in parts if part)


def _table(groups: Mapping[str, Any]) -> str:
    shown = [
        (row, name)
        for row, names in SHOWN.items()
        for name in names
        if any(name in group.get(row, {}) for group in groups.values())
    ]
    heads = ["", "people", *(_head(row, name) for row, name in shown)]
    rows = [
        [name, str(group["people"])]
        + [_cell(group[row].get(metric), row, metric) for row, metric in shown]
        for name, group in groups.items()
    ]
    return tables.markdown_table(heads, rows)


def _head(row: str, name: str) -> str:
    return f"{METRICS[name].title}{_ROW_TITLES[row]}"


def _cell(value: Mapping[str, Any] | None, row: str, name: str) -> str:
    sign = "+" if row == GAIN else ""
    return tables.cell(value, METRICS[name].digits, sign)


def _gaps(gaps: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        f"- {_head(row, name)}: {gap['largest']} − {gap['smallest']} = "
        f"{_cell(gap, row, name)}"
        for row, metrics in gaps.items()
        for name, gap in metrics.items()
    ]
    if not lines:
        return ""
    return "\n".join(["Largest differences between two groups:", "", *lines])
