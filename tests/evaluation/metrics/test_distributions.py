"""FID and KID."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from efgan_tf.evaluation.metrics import distributions


def features(seed: int, count: int, width: int) -> np.ndarray:
    """Correlated features with a mean of their own."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(width, width))
    return generator.normal(size=(count, width)) @ mixing + generator.random()


def by_square_root(first: np.ndarray, second: np.ndarray) -> float:
    """Equation 6 as the reference implementation writes it."""
    shift = first.mean(0) - second.mean(0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = scipy.linalg.sqrtm(one @ two)
    return shift @ shift + np.trace(one + two - 2 * np.real(root))


def naive_kid(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased MMD², pair by pair."""
    n, width = first.shape

    def kernel(x, y):
        return (x @ y / width + 1) ** 3

    within = sum(
        kernel(rows[i], rows[j])
        for rows in (first, second)
        for i, j in itertools.permutations(range(n), 2)
    )
    between = sum(kernel(x, y) for x in first for y in second)
    return within / (n * (n - 1)) - 2 * between / n**2


def test_fid_of_gaussians_by_hand():
    # Means 3 apart; standard deviations 1 and 2: 9 + (1 − 2)².
    spread = np.sqrt(0.5)  # ±spread has the variance 1 over n − 1
    first = np.array([[-spread], [spread]])
    second = 3 + 2 * first
    assert distributions.fid(first, second) == pytest.approx(10)
    assert distributions.fid(first, first) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "width", "error"),
    # A singular product: SciPy's root is good to 1e-6 of the traces there.
    [((200, 150), 16, 1e-9), ((10, 60), 40, 1e-4)],
)
def test_fid_is_the_matrix_square_roots(counts, width, error):
    first, second = (
        features(n, count, width) for n, count in enumerate(counts)
    )
    found = distributions.fid(first, second)
    assert found == pytest.approx(by_square_root(first, second), rel=error)
    assert distributions.fid(first, first) == pytest.approx(0, abs=1e-9)


def test_kid_is_the_double_loops():
    first, second = features(0, 12, 5), features(1, 12, 5)
    found = distributions.kid(first, second)
    assert found == pytest.approx(naive_kid(first, second), rel=1e-10)


def test_kid_averages_over_subsets_that_the_seed_fixes():
    first, second = features(0, 30, 4), features(1, 50, 4)
    small = {"subset_size": 20, "subsets": 400}
    found = [distributions.kid(first, second, seed=n, **small)
             for n in range(8)]  # fmt: skip
    assert distributions.kid(first, second, **small) == found[0] != found[1]
    # Unbiased: the size of the subsets changes the spread, not the mean.
    whole = [
        distributions.kid(first, second, subset_size=30, subsets=400, seed=n)
        for n in range(8)
    ]
    error = np.hypot(np.std(found), np.std(whole)) / np.sqrt(8)
    assert np.mean(found) == pytest.approx(np.mean(whole), abs=4 * error)


@pytest.mark.parametrize("metric", [distributions.fid, distributions.kid])
def test_bad_features_are_named(metric):
    good = np.ones((3, 2))
    for pair in (
        (good * np.inf, good), (good, good[:0]), (good[:1], good),
        (good, good[:, :1]),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            metric(*pair)
