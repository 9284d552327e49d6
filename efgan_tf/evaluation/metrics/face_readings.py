"""Scores of what a network reads off faces: action units and identity.

Units are 0 to 5. Those that the data could not teach are left out by name,
never counted as 0: their columns may hold anything, NaN included.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import mannwhitneyu

from efgan_tf import action_units

UnitScore = Callable[[np.ndarray, np.ndarray], float | None]


def by_unit(
    score: UnitScore,
    readings: np.ndarray,
    target: np.ndarray,
    au_mask: np.ndarray,
) -> dict[str, float | None]:
    """A score of each learned unit: `by_unit(mean_absolute_error, …)`.

    Args:
      score: `mean_absolute_error`, `intraclass_correlation` or `slope`.
      readings: `[n, 17]`, 0–5.
      target: `[n, 17]`, 0–5.
      au_mask: `[17]`, 1 for the units that count.

    Returns:
      The scores by the units' names, `AU01` first.

    Raises:
      ValueError: shapes, no rows, no unit that counts, or one of those is not
        finite.
    """
    readings, target = _counted(readings, target, au_mask)
    return {
        action_units.NAMES[unit]: score(readings[:, i], target[:, i])
        for i, unit in enumerate(np.flatnonzero(au_mask))
    }


def picture_errors(
    readings: np.ndarray, target: np.ndarray, au_mask: np.ndarray
) -> np.ndarray:
    """Mean absolute error of each picture over its learned units.

    Args and raises: as `by_unit`.

    Returns:
      float64 `[n]`, 0–5.
    """
    readings, target = _counted(readings, target, au_mask)
    return np.abs(readings - target).mean(axis=1)


def _counted(readings, target, au_mask) -> tuple[np.ndarray, np.ndarray]:
    """The columns that count of both as float64, checked."""
    kept, shape = np.asarray(au_mask, bool), np.shape(readings)
    if not (
        shape == np.shape(target) == (len(readings), action_units.COUNT)
        and kept.shape == shape[1:]
        and kept.any()
        and len(readings)
    ):
        raise ValueError(
            f"readings {shape}, target {np.shape(target)}, au_mask "
            f"{kept.shape}: expected [n, {action_units.COUNT}] twice and "
            f"[{action_units.COUNT}] with a 1"
        )
    first, second = (
        np.asarray_chkfinite(np.asarray(x)[:, kept], np.float64)
        for x in (readings, target)
    )
    return first, second


def mean_absolute_error(readings: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute error of one unit, `[n]` each."""
    return float(np.abs(readings - target).mean())


def slope(readings: np.ndarray, target: np.ndarray) -> float | None:
    """Least-squares slope of `[n]` readings over `target`; None if constant.

    Below 1 a network holds back: where it is unsure it reads an average.
    """
    offsets = target - target.mean()
    energy = offsets @ offsets
    return float(offsets @ readings / energy) if energy else None


def intraclass_correlation(*raters: np.ndarray) -> float | None:
    """ICC(3,1): do raters agree, but for a constant offset of each?

    Shrout and Fleiss, "Intraclass correlations", Psychological Bulletin 1979:
    `(BMS − EMS) / (BMS + (k − 1)·EMS)`, the mean squares between pictures and
    of the residuals in a two-way analysis of variance. It is what intensities
    are usually compared by; unlike Pearson's it minds the scale.

    Args:
      *raters: k ≥ 2 arrays `[n]`, n ≥ 2.

    Returns:
      −1 / (k − 1) to 1; None where all raters are constant.
    """
    ratings = np.stack(raters, axis=1)
    n, k = ratings.shape
    if n < 2 or k < 2:
        raise ValueError(f"raters: {k} of {n} pictures; 2 of 2 at least")
    if not np.ptp(ratings, axis=0).any():
        return None
    of_picture = ratings.mean(axis=1, keepdims=True)
    of_rater = ratings.mean(axis=0, keepdims=True)
    between = k * np.sum((of_picture - ratings.mean()) ** 2) / (n - 1)
    residual = ratings - of_picture - of_rater + ratings.mean()
    error = np.sum(residual**2) / ((n - 1) * (k - 1))
    return float((between - error) / (between + (k - 1) * error))


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
      ValueError: not finite, or a row is zero.
    """
    return np.sum(_unit_rows(first) * _unit_rows(second), axis=1)


def verification(
    embeddings: np.ndarray, subjects: Sequence[str] | np.ndarray
) -> Verification:
    """What identity similarity means, on unedited pictures.

    All pairs of pictures are compared. Identity similarity of edits is good
    when it is about `same`, and bad when it is about `different`.

    Args:
      embeddings: `[n, d]`.
      subjects: `[n]`, who is in the picture.

    Raises:
      ValueError: not finite, a row is zero; or there are no two pictures of
        one person, or no two people.
    """
    rows, names = _unit_rows(embeddings), np.asarray(subjects)
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
    u = mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(u / (len(positive) * len(negative)))


def _unit_rows(array: np.ndarray) -> np.ndarray:
    array = np.asarray_chkfinite(array, np.float64)
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    if not norms.all():
        raise ValueError("a row of zeros has no direction")
    return array / norms
