"""PSNR, SSIM, blur and ghosts, whole and by region."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import skimage.metrics

from efgan_tf.evaluation.metrics import image_quality
from efgan_tf.geometry import pixel_boxes


@pytest.fixture(scope="module")
def pairs() -> tuple[np.ndarray, np.ndarray]:
    """A face and a cat, and the same with noise: 70×64, in [-1, 1]."""
    faces = [
        skimage.data.astronaut()[80:220:2, 170:298:2],
        skimage.data.chelsea()[100:170, 120:184],
    ]
    truth = np.stack(faces).astype(np.float32) / 127.5 - 1
    noise = np.random.default_rng(0).normal(0, 0.1, truth.shape)
    return np.clip(truth + noise, -1, 1).astype(np.float32), truth


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


def test_psnr_is_scikit_images(pairs):
    expected = [
        skimage.metrics.peak_signal_noise_ratio(y, x, data_range=2)
        for x, y in zip(*pairs, strict=True)
    ]
    np.testing.assert_allclose(image_quality.psnr(*pairs), expected, rtol=1e-6)


def test_ssim_is_scikit_images_on_0_to_1(pairs):
    expected = [
        skimage.metrics.structural_similarity(
            (np.float64(x) + 1) / 2,
            (np.float64(y) + 1) / 2,
            data_range=1,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(*pairs, strict=True)
    ]
    found = image_quality.ssim(*pairs)
    assert 0.3 < found[0] < 0.95
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_region_is_measured_by_its_own_pixels():
    truth = np.zeros((2, 64, 64, 3))
    edited = truth.copy()
    edited[1, 34:62, 18:46] = 0.2  # inside the mouth's box, 28 of 32 each way
    scores = image_quality.by_region(
        image_quality.psnr, pixel_boxes(64), edited, truth
    )
    assert list(scores) == ["eyes", "nose", "mouth"]
    np.testing.assert_allclose(scores["eyes"], 106, atol=0.1)
    # An error of 0.2 alone has 20 dB; here on (28 / 32)² of the pixels.
    expected = 20 + 20 * np.log10(32 / 28)
    np.testing.assert_allclose(scores["mouth"], [106.02, expected], atol=0.01)


def test_sharpness_is_the_energy_above_a_gaussian(pairs):
    """By hand: SciPy's filter, cut off and mirrored."""
    _, truth = pairs
    soft = blurred(truth, 0.8)

    def energy(image):
        luma = image.astype(np.float64) @ [0.299, 0.587, 0.114]
        smooth = scipy.ndimage.gaussian_filter(
            luma, 1.5, truncate=3.5, mode="reflect"
        )
        return np.mean((luma - smooth) ** 2) + image_quality.ROUNDING

    np.testing.assert_allclose(
        image_quality.sharpness(soft, truth, sigma=1.5),
        [energy(x) / energy(y) for x, y in zip(soft, truth, strict=True)],
        rtol=1e-9,
    )


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


def test_what_hardly_differs_leaves_no_ghost(expressions):
    source, target = expressions
    rounded = np.rint(source * 127.5) / 127.5
    assert image_quality.differs(source, target).all()
    for same in (source, rounded):
        assert not image_quality.differs(source, same).any()
        for metric in (
            image_quality.ghosting, image_quality.ghost_correlation,
        ):  # fmt: skip
            np.testing.assert_array_equal(metric(target, source, same), 0)


@pytest.mark.parametrize(
    "metric",
    [image_quality.psnr, image_quality.ssim, image_quality.sharpness],
)
def test_bad_pictures_are_refused(metric):
    good = np.zeros((1, 16, 16, 3))
    for images in (
        good[:0], good * np.nan, np.full(good.shape, 255, np.uint8), good[0],
        good[..., :1], np.zeros((2, 16, 16, 3)),
    ):  # fmt: skip
        for pair in ((images, good), (good, images)):
            with pytest.raises(ValueError):
                metric(*pair)
    narrow = good[:, :, :10]  # than SSIM's window
    with pytest.raises(ValueError):
        image_quality.ssim(narrow, narrow)
