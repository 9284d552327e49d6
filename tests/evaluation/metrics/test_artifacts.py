"""Blur and ghosts."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from efgan_tf.evaluation.metrics import image_quality
from efgan_tf.evaluation.metrics.image_quality import by_region
from efgan_tf.geometry import pixel_boxes


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """`[1, 64, 64, 3]` in [-1, 1]."""
    crop = skimage.data.astronaut()[80:208:2, 160:288:2]
    return crop[None].astype(np.float64) / 127.5 - 1


@pytest.fixture(scope="module")
def expressions() -> tuple[np.ndarray, np.ndarray]:
    """Two pictures each of four people, who change in the mouth alone."""
    generator = np.random.default_rng(1)
    source = generator.uniform(-0.5, 0.5, (4, 32, 32, 3))
    target = source.copy()
    target[:, 20:28, 10:22] = generator.uniform(-0.5, 0.5, (4, 8, 12, 3))
    return source, target


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return scipy.ndimage.gaussian_filter(images, (0, sigma, sigma, 0))


def test_sharpness_is_the_energy_above_a_gaussian(face):
    """Against SciPy's filter, cut off and mirrored as ours."""
    soft = blurred(face, 0.8)

    def energy(images):
        luma = images[0] @ [0.299, 0.587, 0.114]
        smooth = scipy.ndimage.gaussian_filter(
            luma, 1.5, truncate=3.5, mode="reflect"
        )
        return np.mean((luma - smooth) ** 2) + image_quality.ROUNDING

    np.testing.assert_allclose(
        image_quality.sharpness(soft, face, sigma=1.5),
        energy(soft) / energy(face),
        rtol=1e-9,
    )


def test_sharpness_falls_with_blur_and_rises_with_noise(face):
    np.testing.assert_array_equal(image_quality.sharpness(face, face), 1)
    ratios = [
        image_quality.sharpness(blurred(face, sigma), face)[0]
        for sigma in (0.5, 1, 2, 4)
    ]
    assert 1 > ratios[0] > ratios[1] > ratios[2] > ratios[3] > 0
    assert ratios[1] < 0.2
    noise = np.random.default_rng(0).normal(0, 0.1, face.shape)
    noisy = np.clip(face + noise, -1, 1)
    assert image_quality.sharpness(noisy, face)[0] > 1.2


def test_only_the_blurred_region_is_blurred(face):
    boxes = pixel_boxes(64)
    edited = face.copy()
    edited[:, 34:62, 18:46] = blurred(face, 1.5)[:, 34:62, 18:46]
    scores = by_region(image_quality.sharpness, boxes, edited, face)
    np.testing.assert_array_equal(scores["eyes"], 1)
    assert scores["mouth"][0] < 0.5


def test_plain_areas_have_equal_sharpness():
    flat = np.zeros((2, 16, 16, 3))
    np.testing.assert_array_equal(image_quality.sharpness(flat + 0.3, flat), 1)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1, -0.2])
def test_a_blend_has_its_share_of_ghost(expressions, share):
    source, target = expressions
    edited = share * source + (1 - share) * target
    ghosts = image_quality.ghosting(edited, source, target)
    np.testing.assert_allclose(ghosts, share, atol=1e-12)
    # Nothing but ghost is in the error, however faint.
    correlation = image_quality.ghost_correlation(edited, source, target)
    np.testing.assert_allclose(correlation, np.sign(share), atol=1e-9)


def test_errors_of_another_kind_are_no_ghosts(expressions):
    source, target = expressions
    generator = np.random.default_rng(2)
    noise = generator.normal(0, 0.1, (4, 32, 32, 3))
    edited = np.clip(target + noise, -1, 1)
    # 864 values that differ: the coefficient's standard error is
    # 0.1 / (0.41·√864) = 0.008, the correlation's about 1 / √3072 = 0.018.
    ghosts = image_quality.ghosting(edited, source, target)
    assert np.abs(ghosts).max() < 0.03
    correlation = image_quality.ghost_correlation(edited, source, target)
    assert np.abs(correlation).max() < 0.07
    # A change of tone is none at all.
    tone = target + np.array([0.3, -0.2, 0.1])
    ghosts = image_quality.ghosting(tone, source, target)
    np.testing.assert_allclose(ghosts, 0, atol=1e-12)


def test_without_a_change_of_expression_there_is_no_ghost(expressions):
    source, _ = expressions
    edited = np.clip(source + 0.1 * np.sign(source), -1, 1)
    rounded = np.rint(source * 127.5) / 127.5
    for target in (source, rounded):
        for metric in (image_quality.ghosting, image_quality.ghost_correlation):
            np.testing.assert_array_equal(metric(edited, source, target), 0)


def test_bad_pictures_are_named():
    good = np.zeros((1, 16, 16, 3))
    bad = np.full_like(good, np.nan)
    with pytest.raises(ValueError):
        image_quality.sharpness(bad, good)
    with pytest.raises(ValueError):
        image_quality.ghost_correlation(good, bad, good)


def test_kept_detail_wants_edges_where_they_belong():
    generator = np.random.default_rng(0)
    truth = generator.uniform(-0.5, 0.5, (2, 32, 32, 3))
    other = generator.uniform(-0.5, 0.5, (2, 32, 32, 3))
    kept = image_quality.kept_detail
    np.testing.assert_allclose(kept(truth, truth), 1)
    np.testing.assert_allclose(kept(truth / 2, truth), 0.5, atol=1e-3)
    # As sharp as the truth, and none of it where it should be.
    assert np.all(image_quality.sharpness(other, truth) > 0.8)
    assert np.all(np.abs(kept(other, truth)) < 0.1)


def test_what_hardly_differs_leaves_no_ghost():
    source = np.zeros((2, 8, 8, 3))
    target = source.copy()
    target[0, :4] = 0.1
    target[1, :4] = 0.001
    assert image_quality.differs(source, target).tolist() == [True, False]
