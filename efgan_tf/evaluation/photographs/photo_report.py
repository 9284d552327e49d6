"""The measure of photographs as tables and sheets of pictures, for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from efgan_tf.common import sheets
from efgan_tf.common.images import to_uint8
from efgan_tf.evaluation import tables
from efgan_tf.evaluation.photographs import points
from efgan_tf.evaluation.photographs.readers import EXPRESSIONS
from efgan_tf.evaluation.photographs.scores import (
    EXPRESSION_EDITS,
    ZERO_EDIT,
    Score,
)

METRICS = {
    "seen_before": ("seen before", 2),
    "seen": ("seen after ↑", 2),
    "share": ("share of change → 1", 2),
    "unasked": ("unasked change ↓", 2),
    "identity": ("identity distance ↓", 2),
    "sharp_mouth": ("sharp mouth → 1", 2),
    "sharp_eyes": ("sharp eyes → 1", 2),
    "ghost": ("ghost ↓", 2),
    "kid_before": ("KID before", 2),
    "kid": ("KID ↓", 2),
}
"""Columns: titles and digits."""

_TITLES = {ZERO_EDIT: "zero edit"}
"""Names of edits that report.md does not take from report.json."""

_KINDS = {"neutral": "From a neutral face", "smile": "From a broad smile"}

_DEFINITIONS = """\
- zero edit: to the units that the model sees in the photograph already;
  no edit: the photograph itself
- seen: share whose most probable expression, to face-api's network, is the
  target's; before: of the unedited photographs
- share of change: how much of the target's change of the units that are read
  off dlib's points is there, along that change; 1 is all of it
- unasked change: mean absolute change, 0–5, of those of the units that were to
  change by less than 0.5; of the zero edit it is what reader and model add
- identity distance: between dlib's embeddings of edit and photograph; two
  photographs of one person have .23 on average, of two people .84
- sharp: detail inside the box as a share of the photograph's, in the aligned
  face at 256 pixels; geometric mean
- ghost, old detail: share of the old mouth's detail that is still at its place
- KID: of the boxes of mouths, times 1000, through {features}, to
  pictures of others that show the expression, or to the ground truth;
  before: of the unedited photographs
- distance: LPIPS's formula through the same network, all channels alike"""


def text(report: Mapping[str, Any]) -> str:
    """report.md."""
    edited = [s for s in report["sources"] if s["kind"] in report["edits"]]
    lines = [
        f"# {report['model']} on {len(edited)} photographs",
        "In brackets: 95 % intervals, people resampled.",
        "### Goals",
        tables.markdown_table(
            ["", "goal", "found"],
            [
                [g["name"], g["goal"], tables.cell(g["found"], 2)]
                for g in report["goals"]
            ],
        ),
    ]
    for kind, rows in report["edits"].items():
        lines += [f"### {_KINDS[kind]}", _edits(rows)]
    for way, values in report["truths"].items():
        lines += [f"### Against ground truth: {way}", _ground_truth(values)]
        lines.append(f"{values['edit, PSNR']['people']} people.")
    lines += [
        "### Definitions",
        _DEFINITIONS.format(features=report["features"]),
    ]
    if report["without a face"]:
        lines.append(f"No face: {', '.join(report['without a face'])}.")
    return "\n\n".join(lines) + "\n"


def _edits(rows: Mapping[str, Mapping[str, Any]]) -> str:
    names = [n for n in METRICS if any(n in row for row in rows.values())]
    return tables.markdown_table(
        ["to", "people", *(METRICS[name][0] for name in names)],
        [
            [
                _TITLES.get(label, label),
                str(row["identity"]["people"]),
                *(tables.cell(row.get(n), METRICS[n][1]) for n in names),
            ]
            for label, row in rows.items()
        ],
    )


def _ground_truth(values: Mapping[str, Mapping[str, Any]]) -> str:
    return tables.markdown_table(
        ["", "mean"],
        [[name, tables.cell(value, 2)] for name, value in values.items()],
    )


def score_rows(scores: Sequence[Score]) -> Iterator[list[Any]]:
    """scores.csv: a line for each edit, and one of heads."""
    metrics = [n for n in METRICS if not n.startswith("kid")]
    yield [
        "file", "subject", "set", "kind", "to", *metrics,
        *(f"{when} {name}" for when in ("before", "after")
          for name in (*points.UNITS, *EXPRESSIONS)),
    ]  # fmt: skip
    for score in scores:
        photo = score.source.photo
        readings = [
            value
            for reading in (score.source.reading, score.reading)
            for value in (*reading.units, *reading.probabilities)
        ]
        yield [
            photo.file, photo.subject, photo.group, score.source.kind,
            score.edit.name,
            *(_digits(score.values.get(name)) for name in metrics),
            *map(_digits, readings),
        ]  # fmt: skip


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


PEOPLE = 10
"""As many rows has a sheet."""


def sheets_of(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    """Name → uint8 `[height, width, 3]`; only people who may be shown.

    A person's rank is the mean probability that the expression network gives
    the targets, over that person's edits.
    """
    found = {}
    for kind, names in EXPRESSION_EDITS.items():
        edits: dict[str, dict[str, Score]] = {}
        for score in scores:
            source = score.source
            if source.kind == kind and source.photo.shown:
                row = edits.setdefault(source.photo.file, {})
                row[score.edit.name] = score
        ranked = sorted(edits.values(), key=_probability)
        if not ranked:
            continue
        for title, rows in (
            ("worst", ranked[:PEOPLE]),
            ("best", ranked[::-1][:PEOPLE]),
        ):
            found[f"{kind}_{title}"] = _sheet(rows, names)
    return found


def _probability(edits: dict[str, Score]) -> float:
    return float(
        np.mean(
            [
                score.reading.probabilities[EXPRESSIONS.index(name)]
                for name, score in edits.items()
                if name in EXPRESSIONS
            ]
        )
    )


def _sheet(
    rows: Sequence[dict[str, Score]], names: Sequence[str]
) -> np.ndarray:
    first = [next(iter(row.values())).source.reading for row in rows]
    columns = {"photograph": first}
    columns |= {name: [row[name].reading for row in rows] for name in names}
    return sheets.grid(
        {
            title: to_uint8(np.stack([r.aligned for r in readings]))
            for title, readings in columns.items()
        }
    )
