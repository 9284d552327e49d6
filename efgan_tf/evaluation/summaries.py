"""The rows of a run's table: no edit, the edit, and the true picture."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from efgan_tf.evaluation import scoring
from efgan_tf.evaluation.comparison import SavedScores
from efgan_tf.evaluation.features import FeatureNetwork, Lpips
from efgan_tf.evaluation.groups import Groups, by_group
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import units
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.tables import (
    ALL,
    EDIT,
    LARGE,
    METRICS,
    NO_EDIT,
    TRUE,
)
from efgan_tf.geometry import Box

_JUDGED = ("au_error", "expression_accuracy", "identity")
"""What the true picture is judged by; beside itself it is perfect."""


@dataclasses.dataclass(frozen=True, eq=False)
class Instruments:
    """What edits are judged with.

    Attributes:
      judges: who read units, expressions and identity.
      network: FID's and KID's; None for the judge's features.
      perceptual: LPIPS; None for none.
      boxes: of the regions, in pixels.
      learned: `[17]`, 1 for the units that count.
      groups: what kind of people there are, to tell them apart.
      seed: of the intervals.
    """

    judges: Judges
    network: FeatureNetwork | None
    perceptual: Lpips | None
    boxes: Mapping[str, Box]
    learned: np.ndarray
    groups: Groups
    seed: int


def judged(
    edited: np.ndarray, pairs: Pairs, instruments: Instruments
) -> tuple[dict[str, Any], SavedScores]:
    """All that is found of some edits.

    Args:
      edited: float32 `[n, S, S, 3]` in [-1, 1].
      pairs: what they should be.
      instruments: what they are judged with.

    Returns:
      Parts of report.json, and the scores of each edit.
    """
    shown = {NO_EDIT: pairs.images, EDIT: edited}
    if pairs.has_true.any():
        truth = np.where(
            pairs.has_true[:, None, None, None], pairs.true_images, pairs.images
        )
        shown[TRUE] = truth
    scores = {
        name: scoring.picture_scores(
            images, pairs, instruments.judges, instruments.boxes,
            instruments.learned, instruments.perceptual,
        )
        for name, images in shown.items()
    }  # fmt: skip
    if TRUE in scores:
        scores[TRUE] = {n: s for n, s in scores[TRUE].items() if n in _JUDGED}
    saved = SavedScores(
        scores[EDIT], pairs.subjects, pairs.large_gaps(instruments.learned)
    )
    rows, notes = _rows(shown, scores, saved, pairs, instruments)
    panel, network = instruments.judges, instruments.network
    perceptual = instruments.perceptual
    return {
        "definitions": {
            name: dataclasses.asdict(metric)
            for name, metric in METRICS.items()
        },
        "rows": rows,
        "edit_minus_no_edit": {
            subset: scoring.difference(
                scores[EDIT], scores[NO_EDIT], pairs.subjects,
                saved.rows(subset), instruments.seed,
            )
            for subset in (ALL, LARGE)
        },
        "groups": by_group(
            scores, pairs.subjects, instruments.groups, instruments.seed
        ),
        "unit_errors": {
            name: _unit_errors(images, pairs, instruments)
            for name, images in shown.items()
        },
        "judges": {
            "scores": panel.scores,
            "verdicts": list(panel.verdicts),
            "digest": panel.digest,
        },
        "features": {
            "name": network.name if network else "the judge of units",
            "digest": network.sha256 if network else panel.digest,
        },
        "lpips": {"name": perceptual.name, "digest": perceptual.sha256}
        if perceptual
        else None,
        "notes": [*_missing(pairs, instruments), *dict.fromkeys(notes)],
    }, saved  # fmt: skip


def _rows(
    shown: Mapping[str, np.ndarray],
    scores: Mapping[str, Mapping[str, scoring.PictureScores]],
    saved: SavedScores,
    pairs: Pairs,
    instruments: Instruments,
) -> tuple[dict[str, Any], list[str]]:
    """name → subset → metric → value; and what speaks against some."""
    rows: dict[str, Any] = {}
    notes: list[str] = []
    features: Callable[[np.ndarray], np.ndarray] | None = instruments.network
    if features is None and "units" in instruments.judges.networks:
        features = instruments.judges.features
    for name, images in shown.items():
        rows[name] = {}
        for subset in (ALL, LARGE):
            chosen = saved.rows(subset)
            row = scoring.summarize(
                scores[name], pairs.subjects, chosen, instruments.seed
            )
            if features and name != TRUE:
                found, note = scoring.set_scores(
                    images[chosen], pairs.chosen(chosen), features, name == EDIT
                )
                row |= found
                notes += [f"FID of {name}, {subset}: {note}"] if note else []
            rows[name][subset] = row
    return rows, notes


def _unit_errors(
    images: np.ndarray, pairs: Pairs, instruments: Instruments
) -> dict[str, float | None]:
    """Mean absolute error of each learned unit, as the judge reads it."""
    readings = instruments.judges.estimate(images)
    if readings is None:
        return {}
    return units.by_unit(
        units.mean_absolute_error, readings, pairs.target, instruments.learned
    )


def _missing(pairs: Pairs, instruments: Instruments) -> list[str]:
    """Which columns there cannot be, and why."""
    notes = []
    if not pairs.has_true.any():
        notes.append(
            "no person has another picture in the same view, so the true "
            "results are unknown: no PSNR, SSIM, LPIPS, detail and ghosting; "
            "sharpness, FID and KID compare with the sources"
        )
    known = instruments.judges.networks
    absent = sorted({"units", "expression", "identity"} - set(known))
    if absent:
        notes.append(f"the data teaches no judge of {', '.join(absent)}")
    if "units" in absent and instruments.network is None:
        notes.append(
            "no FID, no KID: there is no judge of units to look through; name "
            "a network with --inception_weights or --feature_network"
        )
    return notes
