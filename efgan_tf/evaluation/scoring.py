"""Scores of edited pictures: of each one, and of all together."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import (
    artifacts,
    distributions,
    identity,
    pictures,
    units,
)
from efgan_tf.evaluation.metrics.intervals import Interval, bootstrap_mean
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.geometry import Box


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a column of the report means.

    Attributes:
      title: for the table's head.
      definition: one sentence.
      better: "higher", "lower", or "1" where that is best.
      digits: behind the point.
      geometric: whether its mean is the geometric one, as for ratios.
    """

    title: str
    definition: str
    better: str
    digits: int = 2
    geometric: bool = False


REGIONS = ("eyes", "nose", "mouth")

_GREY = 2 / 255  # one grey level: pictures that differ by less are the same

METRICS: dict[str, Metric] = {
    "au_error": Metric(
        "AU error",
        "mean absolute difference, 0-5, between the units that the judge reads "
        "off the edit and those that were wanted, over learned units",
        "lower",
    ),
    "expression_accuracy": Metric(
        "expression",
        "share of edits whose expression the judge sees as wanted, among the "
        "named ones",
        "higher",
    ),
    "identity": Metric(
        "identity",
        "cosine of the judge's embeddings of edit and source",
        "higher",
        3,
    ),
    "psnr": Metric(
        "PSNR", "peak signal-to-noise ratio to the true picture, dB", "higher"
    ),
    "ssim": Metric(
        "SSIM", "structural similarity to the true picture", "higher", 3
    ),
    **{
        f"psnr_{region}": Metric(
            f"PSNR {region}",
            f"PSNR inside the box of the {region}, dB",
            "higher",
        )
        for region in REGIONS
    },
    **{
        f"sharpness_{region}": Metric(
            f"sharp {region}",
            f"high-frequency energy inside the box of the {region}, as a share "
            "of the true picture's (of the source's where that is unknown); "
            "geometric mean",
            "1",
            geometric=True,
        )
        for region in REGIONS
    },
    "lpips": Metric(
        "LPIPS", "perceptual distance to the true picture", "lower", 3
    ),
    "ghosting": Metric(
        "ghosting",
        "how much of the source's expression is left: least-squares share of "
        "source − truth in edit − truth, of pairs that differ",
        "lower",
    ),
    "fid": Metric(
        "FID", "Fréchet distance of features to the true pictures'", "lower", 3
    ),
    "kid": Metric(
        "KID ×1000",
        "kernel distance of features to the true pictures', times 1000",
        "lower",
    ),
}


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
    sharp = pictures.by_region(
        artifacts.sharpness, boxes, edited, reference, sigma=_sigma(edited)
    )
    every = np.arange(len(pairs))
    for region, values in sharp.items():
        scores[f"sharpness_{region}"] = PictureScores(values, every)
    if len(true):
        truth, seen = pairs.true_images[true], edited[true]
        scores["psnr"] = PictureScores(pictures.psnr(seen, truth), true)
        scores["ssim"] = PictureScores(pictures.ssim(seen, truth), true)
        by_region = pictures.by_region(pictures.psnr, boxes, seen, truth)
        for region, values in by_region.items():
            scores[f"psnr_{region}"] = PictureScores(values, true)
        if perceptual:
            scores["lpips"] = PictureScores(perceptual(seen, truth), true)
        source = pairs.images[true]
        changed = np.sqrt(np.mean((source - truth) ** 2, (1, 2, 3))) > _GREY
        if changed.any():
            scores["ghosting"] = PictureScores(
                artifacts.ghosting(
                    seen[changed], source[changed], truth[changed]
                ),
                true[changed],
            )
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
    embeddings = judges.embed(edited)
    if embeddings is not None:
        same = identity.cosine_similarity(
            embeddings, judges.embed(pairs.images)
        )
        scores["identity"] = PictureScores(same, every)
    return scores


def set_scores(
    edited: np.ndarray, pairs: Pairs, features: Callable
) -> tuple[dict[str, float], str]:
    """FID and KID to the true pictures, or to the sources without those.

    Args:
      edited: float32 `[n, S, S, 3]`.
      pairs: what they should be.
      features: pictures → `[n, d]`.

    Returns:
      The scores, and what speaks against trusting them.
    """
    truth = pairs.true_images[pairs.has_true]
    truth = truth if len(truth) else pairs.images
    if min(len(edited), len(truth)) < 2:
        return {}, "fewer than two pictures: no FID, no KID"
    found, known = features(edited), features(truth)
    frechet = distributions.fid(found, known)
    kernel = distributions.kid(found, known)
    return {"fid": frechet.value, "kid": 1000 * kernel.value}, frechet.note


def summarize(
    scores: Mapping[str, PictureScores],
    pairs: Pairs,
    rows: np.ndarray,
    seed: int,
) -> dict[str, Interval]:
    """Means and intervals over the chosen pairs.

    Args:
      scores: of `picture_scores`.
      pairs: what they are of.
      rows: bool `[n]`, which pairs count.
      seed: of the bootstrap.
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
            pairs.subjects[score.rows[chosen]],
            seed=seed,
        )
        summary[name] = _exponential(interval) if geometric else interval
    return summary


def _exponential(interval: Interval) -> Interval:
    ends = {
        name: None if value is None else float(np.exp(value))
        for name in ("mean", "low", "high")
        for value in [getattr(interval, name)]
    }
    return dataclasses.replace(interval, **ends)


def difference(
    first: Mapping[str, PictureScores],
    second: Mapping[str, PictureScores],
    pairs: Pairs,
    seed: int,
) -> dict[str, Interval]:
    """How much the first has more, pair by pair; ratios are left out."""
    return summarize(
        {
            name: PictureScores(
                first[name].values - second[name].values, s.rows
            )
            for name, s in first.items()
            if name in second and not METRICS[name].geometric
        },
        pairs,
        np.ones(len(pairs), bool),
        seed,
    )
