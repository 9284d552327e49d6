"""Action units that a judge reads off edits, against those wanted; 0 to 5.

Units that the data could not teach are left out by name, never counted as 0:
their columns may hold anything, NaN included.
"""

from collections.abc import Callable

import numpy as np

from efgan_tf import action_units
from efgan_tf.evaluation.metrics import checks

Score = Callable[[np.ndarray, np.ndarray], float | None]


def by_unit(
    score: Score, readings: np.ndarray, wanted: np.ndarray, learned: np.ndarray
) -> dict[str, float | None]:
    """A score of each learned unit: `by_unit(mean_absolute_error, …)`.

    Args:
      score: `mean_absolute_error`, `intraclass_correlation` or `slope`.
      readings: `[n, 17]`, 0–5.
      wanted: `[n, 17]`, 0–5.
      learned: `[17]`, 1 for the units that count.

    Returns:
      The scores by the units' names, `AU01` first.

    Raises:
      ValueError: shapes, no rows, no learned unit, or a learned unit that is
        not finite.
    """
    readings, wanted, names = _learned(readings, wanted, learned)
    return {
        name: score(readings[:, i], wanted[:, i])
        for i, name in enumerate(names)
    }


def picture_errors(
    readings: np.ndarray, wanted: np.ndarray, learned: np.ndarray
) -> np.ndarray:
    """Mean absolute error of each picture over its learned units.

    The mean over the pictures is the overall error.

    Args and raises: as `by_unit`.

    Returns:
      float64 `[n]`, 0–5.
    """
    readings, wanted, _ = _learned(readings, wanted, learned)
    return np.abs(readings - wanted).mean(axis=1)


def mean_absolute_error(readings: np.ndarray, wanted: np.ndarray) -> float:
    """Mean absolute error of one unit, `[n]` each."""
    readings, wanted = _vectors(readings, wanted)
    return float(np.abs(readings - wanted).mean())


def slope(readings: np.ndarray, wanted: np.ndarray) -> float | None:
    """Least-squares slope of `[n]` readings over what is; None if constant.

    Below 1 a judge holds back: where it is unsure it reads an average.
    """
    readings, wanted = _vectors(readings, wanted)
    offsets = wanted - wanted.mean()
    energy = offsets @ offsets
    return float(offsets @ readings / energy) if energy else None


def intraclass_correlation(*raters: np.ndarray) -> float | None:
    """ICC(3,1): do raters agree, but for a constant offset of each?

    Shrout and Fleiss, "Intraclass correlations", Psychological Bulletin 1979:
    `(BMS − EMS) / (BMS + (k − 1)·EMS)`, the mean squares between pictures and
    of the residuals in a two-way analysis of variance. It is what intensities
    are usually judged by; unlike Pearson's it minds the scale.

    Args:
      *raters: k ≥ 2 arrays `[n]`, n ≥ 2.

    Returns:
      −1 / (k − 1) to 1; None where all raters are constant.
    """
    ratings = np.stack(_vectors(*raters), axis=1)
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


def _learned(readings, wanted, learned):
    """The learned columns of both, and their names."""
    readings, wanted = np.asarray(readings), np.asarray(wanted)
    checks.same_shape(readings=readings, wanted=wanted)
    kept = np.asarray(learned, bool)
    if readings.shape[1:] != kept.shape or len(kept) != action_units.COUNT:
        raise ValueError(
            f"readings {readings.shape} and learned {kept.shape}: "
            f"expected [n, {action_units.COUNT}] and [{action_units.COUNT}]"
        )
    if not kept.any():
        raise ValueError("learned has no unit")
    names = [action_units.NAMES[i] for i in np.flatnonzero(kept)]
    readings = checks.finite(readings[:, kept], "readings", 2)
    return readings, checks.finite(wanted[:, kept], "wanted", 2), names


def _vectors(*arrays: np.ndarray) -> list[np.ndarray]:
    vectors = [checks.finite(x, f"series {i}", 1) for i, x in enumerate(arrays)]
    checks.same_shape(**{f"series {i}": x for i, x in enumerate(vectors)})
    return vectors
