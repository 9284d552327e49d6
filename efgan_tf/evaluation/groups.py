"""How edits of different kinds of people compare."""

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf.common.csv_files import read_rows
from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.evaluation import summaries, tables
from efgan_tf.evaluation.metrics.intervals import bootstrap_difference
from efgan_tf.evaluation.scoring import Scores
from efgan_tf.evaluation.tables import EDIT, GROUND_TRUTH, METRICS, NO_EDIT

Groups = Mapping[str, Mapping[str, str]]
"""Attribute → subject → group: `{"age": {"s00001": "young", ...}}`."""

GAIN = "gain"
"""The row of the edit's scores minus those of no edit."""

SHOWN = {
    EDIT: ("psnr", "au_error", "expression_accuracy", "identity"),
    GAIN: ("psnr", "au_error"),
    GROUND_TRUTH: ("au_error", "expression_accuracy", "identity"),
}
"""Row → its metrics that are compared. The ground truth's say how the judge
itself reads each group."""

_ROW_TITLES = {EDIT: "", GAIN: " − no edit", GROUND_TRUTH: " of ground truth"}


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
    rows = read_rows(path)
    columns = list(rows[0]) if rows else []
    if "subject" not in columns or len(columns) < 2:
        raise UserError(
            f"--groups={path} needs a column subject, at least one more, and a "
            f"row for each person; it has {', '.join(columns) or 'no rows'}"
        )
    named = {row["subject"]: row for row in rows}
    if len(named) < len(rows):
        counts = collections.Counter(row["subject"] for row in rows)
        ((name, _),) = counts.most_common(1)
        raise UserError(f"--groups={path} names {name} twice")
    missing = sorted(set(subjects) - set(named))
    if missing:
        raise UserError(
            f"--groups={path} lacks {len(missing)} of the {len(subjects)} "
            f"people, {missing[0]} for one"
        )
    return {
        column: {name: named[name][column] or "unknown" for name in subjects}
        for column in columns
        if column != "subject"
    }


def by_group(
    scores: Mapping[str, Scores], subjects: np.ndarray, groups: Groups
) -> dict[str, Any]:
    """The scores of each group, and how far apart the groups are.

    Args:
      scores: of the rows of the table.
      subjects: str `[n]`, who is in each pair.
      groups: of the people.

    Returns:
      attribute → `"groups"`: group → `"people"` and, for each row of `SHOWN`,
      metric → interval; and `"gaps"`: row → metric → the groups with the
      largest and the smallest mean, and the interval of their difference.
    """
    gain = summaries.difference(scores[EDIT], scores[NO_EDIT])
    rows = {
        row: {name: found[name] for name in SHOWN[row] if name in found}
        for row, found in {**scores, GAIN: gain}.items()
        if row in SHOWN
    }
    report = {}
    for attribute, group_of in groups.items():
        kind = np.array([group_of[name] for name in subjects.tolist()])
        report[attribute] = {
            "groups": {
                group: {
                    "people": len(np.unique(subjects[kind == group])),
                    **{
                        row: summaries.summarize(
                            metrics, subjects, kind == group
                        )
                        for row, metrics in rows.items()
                    },
                }
                for group in sorted(set(kind.tolist()))
            },
            "gaps": {
                row: {
                    name: gap
                    for name, values in metrics.items()
                    if (gap := _gap(values, subjects, kind))
                }
                for row, metrics in rows.items()
            },
        }
    return report


def _gap(
    values: np.ndarray, subjects: np.ndarray, kind: np.ndarray
) -> dict[str, Any] | None:
    """How far the best group is from the worst; None with only one group."""
    known = ~np.isnan(values)
    parts = {
        group: (values[chosen], subjects[chosen])
        for group in np.unique(kind[known]).tolist()
        for chosen in [known & (kind == group)]
    }
    if len(parts) < 2:
        return None
    largest = max(parts, key=lambda group: parts[group][0].mean())
    smallest = min(parts, key=lambda group: parts[group][0].mean())
    interval = bootstrap_difference(*parts[largest], *parts[smallest])
    return {
        "largest": largest,
        "smallest": smallest,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
    }


def text(groups: Mapping[str, Any]) -> str:
    """A table for each attribute, with how far apart its groups are."""
    parts = [
        "Where a group's ground truth is read worse too, it is the "
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
    return tables.markdown_table(
        ["", "people", *(_head(row, name) for row, name in shown)],
        [
            [group, str(found["people"])]
            + [_cell(found[row].get(name), row, name) for row, name in shown]
            for group, found in groups.items()
        ],
    )


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
