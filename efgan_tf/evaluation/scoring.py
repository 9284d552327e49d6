"""Scores of edited pictures: of each one, and of all together."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from efgan_tf.evaluation.features import FeatureNetwork, Lpips
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import (
    distributions,
    face_readings,
    image_quality,
)
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.geometry import Box

Scores = dict[str, np.ndarray]
"""Metric → float64 `[n]`, a value for each pair; NaN where it has none."""

_Column = tuple[str, np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class ScoringContext:
    """What scores depend on besides the edits and their pairs.

    Attributes:
      judges: networks that read units, expressions and identity.
      boxes: region → its box in pixels.
      au_mask: `[17]`, 1 for the units that count.
      network: whose features FID and KID compare; None for the judge of
        units.
      perceptual: LPIPS; None leaves it out.
    """

    judges: Judges
    boxes: Mapping[str, Box]
    au_mask: np.ndarray
    network: FeatureNetwork | None = None
    perceptual: Lpips | None = None

    @property
    def features(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Pictures → what FID and KID compare; None if there is nothing."""
        has_judge = "units" in self.judges.networks
        return self.network or (self.judges.features if has_judge else None)


def picture_scores(
    edited: np.ndarray, pairs: Pairs, context: ScoringContext
) -> Scores:
    """Scores of each edit; metrics without judge or ground truth are left out.

    Args:
      edited: float32 `[n, S, S, 3]` in [-1, 1].
      pairs: what they should be.
      context: judges, regions and networks.

    Raises:
      ValueError: an edit or a score is not finite, or shapes differ.
    """
    scores: Scores = {}
    arguments = edited, pairs, context
    for name, rows, values in itertools.chain(
        _judged(*arguments), _compared(*arguments)
    ):
        scores[name] = np.full(len(pairs), np.nan)
        scores[name][rows] = np.asarray_chkfinite(values)
    return scores


def _judged(
    edited: np.ndarray, pairs: Pairs, context: ScoringContext
) -> Iterator[_Column]:
    """What the judges read off the edits: metric, which pairs, values."""
    judges, every = context.judges, np.ones(len(pairs), bool)
    readings = judges.estimate(edited)
    if readings is not None:
        errors = face_readings.picture_errors(
            readings, pairs.target, context.au_mask
        )
        yield "au_error", every, errors
    probabilities = judges.classify(edited)
    if probabilities is not None:
        names = np.array(judges.expressions)
        named = np.isin(pairs.expressions, names)
        right = names[probabilities.argmax(1)] == pairs.expressions
        if named.any():
            yield "expression_accuracy", named, right[named].astype(float)
    embeddings, before = judges.embed(edited), judges.embed(pairs.images)
    if embeddings is not None and before is not None:
        similarity = face_readings.cosine_similarity(embeddings, before)
        yield "identity", every, similarity


def _compared(
    edited: np.ndarray, pairs: Pairs, context: ScoringContext
) -> Iterator[_Column]:
    """What the pixels say: metric, which pairs, values."""
    boxes, known = context.boxes, pairs.has_ground_truth
    sigma = edited.shape[1] / 64  # the same detail of a face at every size
    reference = np.where(
        known[:, None, None, None], pairs.ground_truth, pairs.images
    )
    found = image_quality.by_region(
        image_quality.sharpness, boxes, edited, reference, sigma=sigma
    )
    for region, values in found.items():
        yield f"sharpness_{region}", np.ones(len(pairs), bool), values
    if not known.any():
        return
    shown, ground_truth = edited[known], pairs.ground_truth[known]
    yield "psnr", known, image_quality.psnr(shown, ground_truth)
    yield "ssim", known, image_quality.ssim(shown, ground_truth)
    found = image_quality.by_region(
        image_quality.psnr, boxes, shown, ground_truth
    )
    for region, values in found.items():
        yield f"psnr_{region}", known, values
    found = image_quality.by_region(
        image_quality.kept_detail, boxes, shown, ground_truth, sigma=sigma
    )
    for region, values in found.items():
        yield f"detail_{region}", known, values
    if context.perceptual:
        yield "lpips", known, context.perceptual(shown, ground_truth)
    changed = known.copy()
    changed[known] = image_quality.differs(pairs.images[known], ground_truth)
    if changed.any():
        parts = [x[changed] for x in (edited, pairs.images, pairs.ground_truth)]
        yield "ghosting", changed, image_quality.ghosting(*parts)
        correlation = image_quality.ghost_correlation(*parts)
        yield "ghost_correlation", changed, correlation


def set_scores(
    shown: np.ndarray, pairs: Pairs, features: Callable, edited: bool
) -> tuple[dict[str, dict[str, float]], str]:
    """FID and KID to the ground truth, or to the sources without those.

    No picture counts twice: a source or ground truth belongs to many pairs.

    Args:
      shown: float32 `[n, S, S, 3]`, of the pairs.
      pairs: what they should be.
      features: pictures → `[n, d]`.
      edited: whether they are edits; else they are the sources.

    Returns:
      metric → its value and how many pictures were compared with how many; and
      reasons to doubt them.
    """
    known = pairs.has_ground_truth.any()
    if not (known or edited):
        return {}, ""  # sources compared with themselves
    rows = (
        np.flatnonzero(pairs.has_ground_truth)
        if known
        else np.arange(len(pairs))
    )
    ground_truth, index = (
        (pairs.ground_truth, pairs.ground_truth_index)
        if known
        else (pairs.images, pairs.source_index)
    )
    references = rows[np.unique(index[rows], return_index=True)[1]]
    if not edited:
        rows = rows[np.unique(pairs.source_index[rows], return_index=True)[1]]
    fewest = min(len(rows), len(references))
    if fewest < 2:
        return {}, "fewer than two pictures: no FID, no KID"
    found, real = features(shown[rows]), features(ground_truth[references])
    counts = {"pictures": len(rows), "true_pictures": len(references)}
    note = ""
    if fewest <= found.shape[1]:
        note = (
            f"{fewest} pictures are too few for {found.shape[1]} features: FID "
            "is too high by an unknown amount; trust KID"
        )
    return {
        "fid": {"mean": distributions.fid(found, real), **counts},
        "kid": {"mean": 1000 * distributions.kid(found, real), **counts},
    }, note
