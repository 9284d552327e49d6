"""What the scores say: the rows of a report's tables, and their differences."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from efgan_tf.evaluation import scoring
from efgan_tf.evaluation.metrics import face_readings
from efgan_tf.evaluation.metrics.intervals import bootstrap_mean
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.scoring import Scores, ScoringContext
from efgan_tf.evaluation.tables import (
    ALL,
    EDIT,
    GROUND_TRUTH,
    LARGE,
    METRICS,
    NO_EDIT,
)

_READ = ("au_error", "expression_accuracy", "identity")
"""What the ground truth is scored by; beside itself it is perfect."""


def summarize(
    scores: Scores, subjects: np.ndarray, rows: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Means and intervals over the chosen pairs.

    Args:
      scores: of `picture_scores`.
      subjects: `[n]`, who is in each pair.
      rows: bool `[n]`, which pairs count.

    Returns:
      metric → an `Interval`'s fields and the number of `pictures`; without
      metrics that none of these pairs has.
    """
    summary = {}
    for name, values in scores.items():
        chosen = rows & ~np.isnan(values)
        if chosen.any():
            interval = bootstrap_mean(
                values[chosen],
                subjects[chosen],
                geometric=METRICS[name].geometric,
            )
            summary[name] = {
                **dataclasses.asdict(interval),
                "pictures": int(chosen.sum()),
            }
    return summary


def difference(first: Scores, second: Scores) -> Scores:
    """How much the first has more, pair by pair; ratios are left out.

    Its mean is far surer than two intervals side by side: what differs from
    person to person drops out. Metrics that they have of different pairs are
    left out.
    """
    return {
        name: values - second[name]
        for name, values in first.items()
        if name in second
        and not METRICS[name].geometric
        and np.array_equal(np.isnan(values), np.isnan(second[name]))
    }


def subsets(large: np.ndarray) -> dict[str, np.ndarray]:
    """`ALL` and `LARGE` → which pairs, bool `[n]`; `large` says the latter."""
    return {ALL: np.ones(len(large), bool), LARGE: large}


def summarize_edits(
    edited: np.ndarray, pairs: Pairs, context: ScoringContext
) -> tuple[dict[str, Any], dict[str, Scores]]:
    """All that is found of some edits, beside no edit and the ground truth.

    Args:
      edited: float32 `[n, S, S, 3]` in [-1, 1].
      pairs: what they should be.
      context: judges, regions and networks.

    Returns:
      Parts of report.json; and the scores of `NO_EDIT`, `EDIT` and, if it is
      known, `GROUND_TRUTH`.
    """
    shown = {NO_EDIT: pairs.images, EDIT: edited}
    if pairs.has_ground_truth.any():
        shown[GROUND_TRUTH] = np.where(
            pairs.has_ground_truth[:, None, None, None],
            pairs.ground_truth,
            pairs.images,
        )
    scores = {
        name: scoring.picture_scores(images, pairs, context)
        for name, images in shown.items()
    }
    if GROUND_TRUTH in scores:
        scores[GROUND_TRUTH] = {
            n: s for n, s in scores[GROUND_TRUTH].items() if n in _READ
        }
    gain = difference(scores[EDIT], scores[NO_EDIT])
    large = pairs.large_gaps(context.au_mask)
    rows, notes = _rows(shown, scores, large, pairs, context)
    judges, network = context.judges, context.network
    perceptual = context.perceptual
    return {
        "definitions": {
            name: dataclasses.asdict(metric)
            for name, metric in METRICS.items()
        },
        "rows": rows,
        "edit_minus_no_edit": {
            subset: summarize(gain, pairs.subjects, chosen)
            for subset, chosen in subsets(large).items()
        },
        "unit_errors": {
            name: _unit_errors(images, pairs, context)
            for name, images in shown.items()
        },
        "judges": {
            "scores": judges.scores,
            "verdicts": list(judges.warnings),
            "digest": judges.digest,
        },
        "features": {
            "name": network.name if network else "the judge of units",
            "digest": network.sha256 if network else judges.digest,
        },
        "lpips": {"name": perceptual.name, "digest": perceptual.sha256}
        if perceptual
        else None,
        "notes": [*_missing(pairs, context), *dict.fromkeys(notes)],
    }, scores  # fmt: skip


def _rows(
    shown: Mapping[str, np.ndarray],
    scores: Mapping[str, Scores],
    large: np.ndarray,
    pairs: Pairs,
    context: ScoringContext,
) -> tuple[dict[str, Any], list[str]]:
    """name → subset → metric → value; and what speaks against some."""
    rows: dict[str, Any] = {name: {} for name in shown}
    notes: list[str] = []
    features = context.features
    for name, images in shown.items():
        for subset, chosen in subsets(large).items():
            row = summarize(scores[name], pairs.subjects, chosen)
            if features and name != GROUND_TRUTH:
                found, note = scoring.set_scores(
                    images[chosen], pairs.chosen(chosen), features, name == EDIT
                )
                row |= found
                notes += [f"FID of {name}, {subset}: {note}"] if note else []
            rows[name][subset] = row
    return rows, notes


def _unit_errors(
    images: np.ndarray, pairs: Pairs, context: ScoringContext
) -> dict[str, float | None]:
    """Mean absolute error of each learned unit, as the judge reads it."""
    readings = context.judges.estimate(images)
    if readings is None:
        return {}
    return face_readings.by_unit(
        face_readings.mean_absolute_error,
        readings,
        pairs.target,
        context.au_mask,
    )


def _missing(pairs: Pairs, context: ScoringContext) -> list[str]:
    """Which columns there cannot be, and why."""
    notes = []
    if not pairs.has_ground_truth.any():
        notes.append(
            "no person has another picture in the same view, so there is "
            "no ground truth: no PSNR, SSIM, LPIPS, detail and ghosting; "
            "sharpness, FID and KID compare with the sources"
        )
    known = context.judges.networks
    absent = sorted({"units", "expression", "identity"} - set(known))
    if absent:
        notes.append(f"the data teaches no judge of {', '.join(absent)}")
    if not context.features:
        notes.append(
            "no FID, no KID: there is no judge of units to look through; name "
            "a network with --inception_weights or --feature_network"
        )
    return notes
