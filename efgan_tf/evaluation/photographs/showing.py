"""Sheets of the people whose edits came out best and worst."""

from collections.abc import Sequence

import numpy as np

from efgan_tf.common import sheets
from efgan_tf.common.images import to_uint8
from efgan_tf.evaluation.photographs.edits import EXPRESSIONS as PRESETS
from efgan_tf.evaluation.photographs.measure import Score
from efgan_tf.evaluation.photographs.readers import EXPRESSIONS

PEOPLE = 10
"""As many rows has a sheet."""


def sheets_of(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    """Name → uint8 `[height, width, 3]`; only people who may be shown.

    A person's rank is the mean probability that the expression network gives
    the wanted expressions, over that person's edits.
    """
    found = {}
    for kind, names in PRESETS.items():
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
                score.seen.probabilities[EXPRESSIONS.index(name)]
                for name, score in edits.items()
                if name in EXPRESSIONS
            ]
        )
    )


def _sheet(
    rows: Sequence[dict[str, Score]], names: Sequence[str]
) -> np.ndarray:
    first = [next(iter(row.values())).source.seen for row in rows]
    columns = {"photograph": first}
    columns |= {name: [row[name].seen for row in rows] for name in names}
    return sheets.grid(
        {
            title: to_uint8(np.stack([s.aligned for s in seen]))
            for title, seen in columns.items()
        }
    )
