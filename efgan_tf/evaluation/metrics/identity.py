"""Whether an edited face is still the same person's."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import mannwhitneyu

from efgan_tf.evaluation.metrics import checks


@dataclasses.dataclass(frozen=True)
class Verification:
    """How well an embedding tells people apart: what similarities mean.

    Attributes:
      area: under the ROC curve: the probability that two pictures of one
        person are more alike than two of different people; 0.5 is chance.
      same: mean cosine of pictures of one person.
      different: mean cosine of pictures of different people.
    """

    area: float
    same: float
    different: float


def cosine_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of the angle between the rows of `[n, d]` and `[n, d]`.

    Returns:
      float64 `[n]`, −1 to 1.

    Raises:
      ValueError: shapes differ, empty, not finite, or a row is zero.
    """
    first, second = _unit_rows(first, "first"), _unit_rows(second, "second")
    checks.same_shape(first=first, second=second)
    return np.sum(first * second, axis=1)


def verification(
    embeddings: np.ndarray, subjects: Sequence[str] | np.ndarray
) -> Verification:
    """The yardstick for identity similarity, on unedited pictures.

    All pairs of pictures are compared. Identity similarity of edits is good
    when it is about `same`, and bad when it is about `different`.

    Args:
      embeddings: `[n, d]`.
      subjects: `[n]`, who is in the picture.

    Raises:
      ValueError: lengths differ, empty, not finite, a row is zero; or there
        are no two pictures of one person, or no two people.
    """
    rows = _unit_rows(embeddings, "embeddings")
    names = np.asarray(subjects)
    checks.same_length(embeddings=rows, subjects=names)
    first, second = np.triu_indices(len(rows), k=1)
    cosines = (rows @ rows.T)[first, second]
    equal = names[first] == names[second]
    if equal.all() or not equal.any():
        raise ValueError(
            "subjects: there must be two pictures of one person, and two people"
        )
    same, different = cosines[equal], cosines[~equal]
    return Verification(
        area_under_curve(same, different),
        float(same.mean()),
        float(different.mean()),
    )


def area_under_curve(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive's score is higher; ties count half.

    Args:
      positive: `[p]` scores of what should score high.
      negative: `[q]` scores of what should score low.

    Returns:
      The area under the ROC curve (Mann and Whitney's U / p·q), 0–1.
    """
    positive = checks.finite(positive, "positive", 1)
    negative = checks.finite(negative, "negative", 1)
    u = mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(u / (len(positive) * len(negative)))


def _unit_rows(array: np.ndarray, name: str) -> np.ndarray:
    array = checks.finite(array, name, 2)
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    if not norms.all():
        raise ValueError(f"{name} has a row of zeros, which has no direction")
    return array / norms
