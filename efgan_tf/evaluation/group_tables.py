"""Kinds of people side by side, for reading."""

from collections.abc import Mapping
from typing import Any

from efgan_tf.evaluation import markdown
from efgan_tf.evaluation.columns import EDIT, METRICS, TRUE
from efgan_tf.evaluation.groups import GAIN, SHOWN

_NAMES = {EDIT: "", GAIN: " − no edit", TRUE: " of true pictures"}


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
    return markdown.table(heads, rows)


def _head(row: str, name: str) -> str:
    return f"{METRICS[name].title}{_NAMES[row]}"


def _cell(value: Mapping[str, Any] | None, row: str, name: str) -> str:
    sign = "+" if row == GAIN else ""
    return markdown.cell(value, METRICS[name].digits, sign)


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
