"""What is behind the person."""

import cv2
import numpy as np

from efgan_tf.synthetic.noise import fractal_noise

_WORK_SIDE = 128  # backgrounds are soft: painted small, then enlarged


def paint_background(kind: str, seed: int, size: int) -> np.ndarray:
    """A background as linear light, float32 [size, size, 3].

    Args:
      kind: "plain", "gradient", "blobs", "indoor" or "studio".
      seed: which one of the kind.
      size: side in pixels.
    """
    rng = np.random.default_rng([seed, 5])
    side = _WORK_SIDE
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    first, second = _color(rng), _color(rng)
    if kind == "plain":
        image = np.ones((side, side, 3)) * first
    elif kind == "gradient":
        angle = rng.uniform(0, 2 * np.pi)
        t = 0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
        image = _blend(first, second, t)
    elif kind == "studio":
        radius = np.hypot(x - 0.5, y - 0.45)
        image = _blend(first * 1.25, first * 0.5, radius * 1.4)
    elif kind == "blobs":
        image = _blobs(rng, x, y, first, second)
    else:
        image = _indoor(rng, x, y, first, second)
    grain = fractal_noise(np.stack([x * 6, y * 6, x * 0], -1), seed, 3)
    image = image * (0.94 + 0.12 * grain[..., None])
    image = cv2.resize(
        image.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR
    )
    return np.clip(image, 0.0, 1.0) ** 2.2


def _color(rng: np.random.Generator) -> np.ndarray:
    """Mostly quiet colors: a gray with a tint, sRGB."""
    gray = rng.uniform(0.18, 0.85)
    return np.clip(gray + rng.normal(0, 0.05, 3), 0.05, 0.95)


def _blend(first: np.ndarray, second: np.ndarray, t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)[..., None]
    return first * (1 - t) + second * t


def _blobs(rng, x, y, first, second) -> np.ndarray:
    """Foliage or a street, far out of focus."""
    image = _blend(first, second, y)
    for _ in range(rng.integers(8, 24)):
        radius = rng.uniform(0.04, 0.16)
        distance = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 1))
        cover = np.clip((radius - distance) / 0.03, 0, 1) * rng.uniform(
            0.2, 0.7
        )
        image = _blend(image, _color(rng), cover)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(2, 6))


def _indoor(rng, x, y, first, second) -> np.ndarray:
    """A wall with a door, a window, a shelf or pictures, out of focus."""
    image = _blend(first, first * 0.85, y)
    for _ in range(rng.integers(2, 6)):
        left, top = rng.uniform(-0.2, 0.9), rng.uniform(-0.2, 0.7)
        wide, high = rng.uniform(0.12, 0.5), rng.uniform(0.15, 0.9)
        inside = (x > left) & (x < left + wide) & (y > top) & (y < top + high)
        color = _color(rng) * rng.uniform(0.6, 1.3)
        image = np.where(inside[..., None], color, image)
        rim = inside & (
            (x < left + 0.02) | (x > left + wide - 0.02) | (y < top + 0.02)
        )
        image = np.where(rim[..., None], second * 0.6, image)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(1.5, 4.5))
