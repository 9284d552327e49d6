"""The bootstrap over subjects."""

import numpy as np
import pytest

from efgan_tf.evaluation.metrics.intervals import (
    bootstrap_difference,
    bootstrap_mean,
)


def simulated(generator, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores about 0 that a person's pictures share, 2 to 8 of each."""
    counts = generator.integers(2, 9, people)
    subjects = np.repeat(np.arange(people), counts)
    person = generator.normal(0, 1, people)[subjects]
    return person + generator.normal(0, 0.3, len(subjects)), subjects


def test_the_interval_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(400):
        values, subjects = simulated(generator, people=20)
        found = bootstrap_mean(values, subjects, resamples=400, seed=seed)
        hits += found.low <= 0 <= found.high
    # Nominal 95 %; percentile intervals of 20 clusters come a little short.
    # (Pictures taken as independent would hold it less than 75 % of the time.)
    assert 0.89 <= hits / 400 <= 0.97


def test_two_subjects_by_hand():
    # ann 1 1 1 1, bob 16: a draw is ann twice (1), both (4) or bob twice (16).
    values, subjects = [1, 1, 1, 1, 16], ["ann"] * 4 + ["bob"]
    found = bootstrap_mean(values, subjects)
    assert (found.mean, found.low, found.high) == (4, 1, 16)
    assert (found.subjects, found.note) == (2, "")
    found = bootstrap_mean(values, subjects, geometric=True)
    ends = found.mean, found.low, found.high
    assert ends == pytest.approx((16**0.2, 1, 16))


def test_the_seed_fixes_it_and_equal_scores_have_no_width():
    values, subjects = simulated(np.random.default_rng(3), people=12)
    first = bootstrap_mean(values, subjects, seed=5)
    assert bootstrap_mean(values, subjects, seed=5) == first
    assert bootstrap_mean(values, subjects, seed=6) != first
    assert first.low < first.mean < first.high
    flat = bootstrap_mean(np.full(6, 2.5), list("aabbcc"))
    assert (flat.low, flat.high) == (2.5, 2.5)


def test_one_subject_has_no_interval_and_says_so():
    found = bootstrap_mean([1.0, 3.0], ["ann", "ann"])
    assert (found.mean, found.low, found.high) == (2, None, None)
    assert "one subject" in found.note


def test_bad_input_is_named():
    for values, people in (
        ([1.0, np.nan], ["ann", "bob"]), ([1.0, 2.0], ["ann"]), ([], []),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            bootstrap_mean(values, people)


def test_a_difference_is_as_unsure_as_both_means():
    generator = np.random.default_rng(1)
    one, who = simulated(generator, people=40)
    other, others = simulated(generator, people=40)
    names = [f"other {n}" for n in others]
    found = bootstrap_difference(one + 5, who, other, names)
    parts = [bootstrap_mean(one, who), bootstrap_mean(other, names)]
    assert found.mean == pytest.approx(5 + one.mean() - other.mean())
    assert found.subjects == 40
    widths = [part.high - part.low for part in parts]
    assert found.high - found.low == pytest.approx(np.hypot(*widths), rel=0.1)
    alone = bootstrap_difference(one, who, other[:1], names[:1])
    assert alone.low is None and "one subject" in alone.note
