"""Light: what a view's lamps send and how much of it arrives."""

import cv2
import numpy as np

from efgan_tf.synthetic.identity import View


def light(view: View) -> np.ndarray:
    """The lights of a view as the shading kernels want them, [5, 3]."""
    direction = np.array(view.light)
    half = direction + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    ambient = np.array(view.ambient_color)
    ground = ambient * view.ambient_ground
    return np.stack(
        [direction, view.light_color, ambient, ground, half]
    ).astype(np.float32)


def gaze(view: View) -> np.ndarray:
    """Where both eyes look, float32 [2, 3], in the head's frame."""
    right, up = np.radians(view.gaze)
    gaze = np.array([np.sin(right), np.sin(up), 1.0])
    return np.tile(gaze / np.linalg.norm(gaze), (2, 1)).astype(np.float32)


def occlusion(depth: np.ndarray, face: np.ndarray, scale: float) -> np.ndarray:
    """Ambient light that reaches a pixel: less in what lies deeper around.

    Two blurs of the depth, fine and broad; `scale` is pixels per eye distance.
    """
    hit = face >= 0
    z = np.where(hit, depth, depth[hit].min() if hit.any() else 0)
    dark = np.zeros_like(depth)
    for reach in (0.06, 0.2):
        sigma = max(reach * scale, 0.8)
        mean = _blur(z.astype(np.float32), sigma)
        dark += np.clip((mean - z) / sigma, 0, 1.5)
    return np.exp(-0.75 * dark)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; a broad one is done at a quarter of the size."""
    if sigma < 6:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    height, width = image.shape
    small = cv2.resize(
        image, (width // 4, height // 4), interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
