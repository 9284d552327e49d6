"""PSNR and SSIM, whole and by region."""

import numpy as np
import pytest
import skimage.data
import skimage.metrics

from efgan_tf.evaluation.metrics import image_quality
from efgan_tf.geometry import Box, pixel_boxes


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


def test_ssim_of_flat_pictures_by_hand():
    # No variance: luminance alone, of 0.5 and 0.75 on the scale from 0 to 1.
    flat = np.zeros((1, 16, 16, 3))
    expected = (2 * 0.5 * 0.75 + 1e-4) / (0.5**2 + 0.75**2 + 1e-4)
    np.testing.assert_allclose(image_quality.ssim(flat + 0.5, flat), expected)
    np.testing.assert_allclose(image_quality.ssim(flat, flat), 1)


def test_a_region_is_measured_by_its_own_pixels():
    truth = np.zeros((2, 64, 64, 3))
    boxes = pixel_boxes(64)
    edited = truth.copy()
    edited[1, 34:62, 18:46] = 0.2  # inside the mouth's box, 28 of 32 each way
    scores = image_quality.by_region(image_quality.psnr, boxes, edited, truth)
    assert list(scores) == ["eyes", "nose", "mouth"]
    np.testing.assert_allclose(scores["eyes"], 106, atol=0.1)
    # An error of 0.2 alone has 20 dB; here on (28 / 32)² of the pixels.
    expected = 20 + 20 * np.log10(32 / 28)
    np.testing.assert_allclose(scores["mouth"], [106.02, expected], atol=0.01)


def test_a_box_beyond_the_picture_is_refused():
    images = np.zeros((1, 32, 32, 3))
    with pytest.raises(ValueError):
        image_quality.by_region(
            image_quality.psnr, {"mouth": Box(16, 8, 17, 16)}, images, images
        )


@pytest.mark.parametrize("metric", [image_quality.psnr, image_quality.ssim])
@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 16, 16, 3)),
        np.full((1, 16, 16, 3), np.nan),
        np.full((1, 16, 16, 3), 255, np.uint8),
        np.zeros((16, 16, 3)),
        np.zeros((1, 16, 16, 1)),
        np.zeros((2, 16, 16, 3)),
    ],
)
def test_bad_pictures_are_refused(metric, images):
    with pytest.raises(ValueError):
        metric(images, np.zeros((1, 16, 16, 3)))


def test_the_truth_is_checked_too():
    images = np.zeros((1, 16, 16, 3))
    with pytest.raises(ValueError):
        image_quality.psnr(images, np.full_like(images, np.nan))
    with pytest.raises(ValueError):
        image_quality.ssim(images[:, :10], images[:, :10])
