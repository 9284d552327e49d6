"""Scores of edited pictures: of each one, and of all together."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import (
    distributions,
    identity,
    image_quality,
    units,
)
from efgan_tf.evaluation.metrics.intervals import Interval, bootstrap_mean
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.evaluation.tables import METRICS
from efgan_tf.geometry import Box


@dataclasses.dataclass(frozen=True, eq=False)
class PictureScores:
    """A metric's values and whose pictures they are of.

    Attributes:
      values: float64 `[k]`.
      rows: int `[k]`, which of the pairs; not all metrics have all.
    """

    values: np.ndarray
    rows: np.ndarray


def picture_scores(
    edited: np.ndarray,
    pairs: Pairs,
    judges: Judges,
    boxes: Mapping[str, Box],
    learned: np.ndarray,
    perceptual: Callable | None = None,
) -> dict[str, PictureScores]:
    """Scores of each edit; without a judge or truths, without those columns.

    Args:
      edited: float32 `[n, S, S, 3]` in [-1, 1].
      pairs: what they should be.
      judges: who reads units, expression and identity.
      boxes: of the regions, in pixels.
      learned: `[17]`, 1 for the units that count.
      perceptual: edits, truths → LPIPS `[n]`.

    Raises:
      ValueError: an edit is not finite, or shapes differ.
    """
    true = np.flatnonzero(pairs.has_true)
    scores = _judged(edited, pairs, judges, learned)
    reference = np.where(
        pairs.has_true[:, None, None, None], pairs.true_images, pairs.images
    )
    sharp = image_quality.by_region(
        image_quality.sharpness, boxes, edited, reference, sigma=_sigma(edited)
    )
    every = np.arange(len(pairs))
    for region, values in sharp.items():
        scores[f"sharpness_{region}"] = PictureScores(values, every)
    if len(true):
        truth, seen = pairs.true_images[true], edited[true]
        scores["psnr"] = PictureScores(image_quality.psnr(seen, truth), true)
        scores["ssim"] = PictureScores(image_quality.ssim(seen, truth), true)
        by_region = {
            "psnr": image_quality.by_region(
                image_quality.psnr, boxes, seen, truth
            ),
            "detail": image_quality.by_region(
                image_quality.kept_detail,
                boxes,
                seen,
                truth,
                sigma=_sigma(edited),
            ),
        }
        for name, found in by_region.items():
            for region, values in found.items():
                scores[f"{name}_{region}"] = PictureScores(values, true)
        if perceptual:
            scores["lpips"] = PictureScores(perceptual(seen, truth), true)
        source = pairs.images[true]
        changed = image_quality.differs(source, truth)
        if changed.any():
            parts = seen[changed], source[changed], truth[changed]
            rows = true[changed]
            for name, score in (
                ("ghosting", image_quality.ghosting),
                ("ghost_correlation", image_quality.ghost_correlation),
            ):
                scores[name] = PictureScores(score(*parts), rows)
    return scores


def _sigma(images: np.ndarray) -> float:
    return images.shape[1] / 64  # the same detail of a face at every size


def _judged(
    edited: np.ndarray, pairs: Pairs, judges: Judges, learned: np.ndarray
) -> dict[str, PictureScores]:
    every = np.arange(len(pairs))
    scores = {}
    readings = judges.estimate(edited)
    if readings is not None:
        errors = units.picture_errors(readings, pairs.target, learned)
        scores["au_error"] = PictureScores(errors, every)
    probabilities = judges.classify(edited)
    if probabilities is not None:
        names = np.array(judges.expressions)
        named = np.flatnonzero(np.isin(pairs.expressions, names))
        seen = names[probabilities.argmax(1)]
        right = (seen == pairs.expressions)[named].astype(float)
        if len(named):
            scores["expression_accuracy"] = PictureScores(right, named)
    embeddings, before = judges.embed(edited), judges.embed(pairs.images)
    if embeddings is not None and before is not None:
        same = identity.cosine_similarity(embeddings, before)
        scores["identity"] = PictureScores(same, every)
    return scores


def set_scores(
    shown: np.ndarray, pairs: Pairs, features: Callable, edited: bool
) -> tuple[dict[str, dict[str, float]], str]:
    """FID and KID to the true pictures, or to the sources without those.

    No picture counts twice: a source and a truth belong to many pairs.

    Args:
      shown: float32 `[n, S, S, 3]`, of the pairs.
      pairs: what they should be.
      features: pictures → `[n, d]`.
      edited: whether they are edits; else they are the sources.

    Returns:
      metric → its value and how many pictures were compared with how many; and
      what speaks against trusting them.
    """
    known = pairs.has_true.any()
    if not (known or edited):
        return {}, ""  # the sources beside themselves
    rows = np.flatnonzero(pairs.has_true) if known else np.arange(len(pairs))
    truth, index = (
        (pairs.true_images, pairs.true_index)
        if known
        else (pairs.images, pairs.source_index)
    )
    references = rows[np.unique(index[rows], return_index=True)[1]]
    if not edited:
        rows = rows[np.unique(pairs.source_index[rows], return_index=True)[1]]
    if min(len(rows), len(references)) < 2:
        return {}, "fewer than two pictures: no FID, no KID"
    found, wanted = features(shown[rows]), features(truth[references])
    frechet = distributions.fid(found, wanted)
    kernel = distributions.kid(found, wanted)
    counts = {"pictures": len(rows), "true_pictures": len(references)}
    return {
        "fid": {"mean": frechet.value, **counts},
        "kid": {"mean": 1000 * kernel.value, **counts},
    }, frechet.note


def summarize(
    scores: Mapping[str, PictureScores],
    subjects: np.ndarray,
    rows: np.ndarray,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Means and intervals over the chosen pairs.

    Args:
      scores: of `picture_scores`.
      subjects: `[n]`, who is in each pair.
      rows: bool `[n]`, which pairs count.
      seed: of the bootstrap.

    Returns:
      metric → an `Interval`'s fields and the number of `pictures`.
    """
    summary = {}
    for name, score in scores.items():
        chosen = rows[score.rows]
        if not chosen.any():
            continue
        values = score.values[chosen]
        geometric = METRICS[name].geometric
        interval = bootstrap_mean(
            np.log(values) if geometric else values,
            subjects[score.rows[chosen]],
            seed=seed,
        )
        interval = _exponential(interval) if geometric else interval
        summary[name] = {
            **dataclasses.asdict(interval),
            "pictures": int(chosen.sum()),
        }
    return summary


def _exponential(interval: Interval) -> Interval:
    def exp(value: float | None) -> float | None:
        return None if value is None else math.exp(value)

    return dataclasses.replace(
        interval,
        mean=math.exp(interval.mean),
        low=exp(interval.low),
        high=exp(interval.high),
    )


def difference(
    first: Mapping[str, PictureScores],
    second: Mapping[str, PictureScores],
    subjects: np.ndarray,
    rows: np.ndarray,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """How much the first has more, pair by pair; ratios are left out.

    Far surer than two intervals side by side: what differs from person to
    person drops out.

    Args and returns: as `summarize`.
    """
    return summarize(
        {
            name: PictureScores(
                first[name].values - second[name].values, score.rows
            )
            for name, score in first.items()
            if name in second
            and not METRICS[name].geometric
            and np.array_equal(score.rows, second[name].rows)
        },
        subjects,
        rows,
        seed,
    )
