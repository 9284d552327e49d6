"""How sure a mean over pictures is when they show few people.

Pictures of one person are not independent: ten thousand pairs of twelve people
tell little about a thirteenth. So people are resampled, not pictures.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.95
"""Of confidence, of all intervals."""

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap confidence interval.

    Attributes:
      mean: over all pictures.
      low: lower end, or None where there is no interval.
      high: upper end, or None.
      subjects: how many people the interval rests on.
      note: why there is no interval; empty if there is one.
    """

    mean: float
    low: float | None
    high: float | None
    subjects: int
    note: str = ""


def bootstrap_mean(
    values: np.ndarray,
    subjects: Sequence[str] | np.ndarray,
    *,
    geometric: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Mean of the pictures' scores with a percentile interval over subjects.

    The clustered bootstrap (Davison and Hinkley, "Bootstrap methods and their
    application", 1997, section 3.8): as many subjects as there are, drawn with
    replacement, each with all of its pictures. `scipy.stats.bootstrap` draws
    single values and has no clusters. With few subjects the interval is too
    narrow: of those at 95 % the truth was in 83 % for 5 simulated subjects,
    89 % for 10, 92 % for 20, 94 % for 40.

    To compare two rows of a table, give the differences of their scores.

    Args:
      values: `[n]`, one score for each picture, n ≥ 1.
      subjects: `[n]`, who is in the picture.
      geometric: whether the mean is the geometric one, as for ratios above 0.
      resamples: how many times to draw.
      seed: of the draws.

    Raises:
      ValueError: lengths differ, empty, or not finite.
    """
    if geometric:
        values = np.log(values)
    means, people = _resampled(
        values, subjects, resamples, np.random.default_rng(seed)
    )
    found = _interval(float(np.mean(values)), means, people)
    if not geometric:
        return found
    return dataclasses.replace(
        found,
        mean=math.exp(found.mean),
        low=_exp(found.low),
        high=_exp(found.high),
    )


def _exp(value: float | None) -> float | None:
    return None if value is None else math.exp(value)


def bootstrap_difference(
    first: np.ndarray,
    first_subjects: Sequence[str] | np.ndarray,
    second: np.ndarray,
    second_subjects: Sequence[str] | np.ndarray,
) -> Interval:
    """How much larger the mean over some people is than over other people.

    As `bootstrap_mean`, both resampled each time; `subjects` is the smaller of
    the two numbers.
    """
    generator = np.random.default_rng(0)
    more, people = _resampled(first, first_subjects, RESAMPLES, generator)
    less, others = _resampled(second, second_subjects, RESAMPLES, generator)
    mean = float(np.mean(first) - np.mean(second))
    return _interval(mean, more - less, min(people, others))


def _resampled(
    values: np.ndarray,
    subjects: Sequence[str] | np.ndarray,
    resamples: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """Means over people drawn anew, `[resamples]`, and how many people."""
    values = np.asarray_chkfinite(values, float)
    _, person = np.unique(np.asarray(subjects), return_inverse=True)
    people = int(person.max()) + 1
    # A ValueError where their lengths differ.
    sums, counts = np.bincount(person, values), np.bincount(person)
    shares = np.full(people, 1 / people)
    drawn = generator.multinomial(people, shares, size=resamples)
    return drawn @ sums / (drawn @ counts), people


def _interval(mean: float, means: np.ndarray, people: int) -> Interval:
    if people == 1:
        note = "one subject: an interval needs several"
        return Interval(mean, None, None, 1, note)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high), people)
