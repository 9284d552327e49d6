"""Camera and light.

From the head's own frame to pixels, what a view's lamps send and how much of
it arrives, and from light to bytes.
"""

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic.identity import View

_NECK_LOW, _NECK_HIGH = -3.0, -1.5  # where the body stops turning, rest units
_BODY_SHARE = 0.35  # of the head's turn that the shoulders follow
_NOISE = 4  # key of the generators of sensor noise, after identity's


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix [3, 3] of a head, from degrees (see `View`)."""
    y, p, r = np.radians([yaw, pitch, -roll])
    turn = np.array(
        [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    )
    nod = np.array(
        [[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]]
    )
    tilt = np.array(
        [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    )
    return tilt @ nod @ turn


@dataclasses.dataclass(frozen=True)
class Pose:
    """A person's place in front of the camera.

    Attributes:
      head: rotation [3, 3] of the head.
      body: rotation [3, 3] of the shoulders.
      middle: between the eyes of the neutral head, decimeters.
      unit: eye distance of this person, decimeters.
      view: pose, camera, light and background.
    """

    head: np.ndarray
    body: np.ndarray
    middle: np.ndarray
    unit: float
    view: View

    @classmethod
    def of(cls, vertices: np.ndarray, view: View) -> "Pose":
        """The pose of a neutral head [V, 3] in a view."""
        left, right = head_lib.load_head().eye_centers(vertices)
        return cls(
            rotation(view.yaw, view.pitch, view.roll),
            rotation(view.yaw * _BODY_SHARE, 0, 0),
            (left + right) / 2,
            float(np.linalg.norm(left - right)),
            view,
        )

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Points [P, 3] turned and relative to the eyes, in eye distances.

        The neck blends between the head's and the shoulders' rotation.
        """
        pivot = np.array([0.0, -1.1, -1.2])
        p = (points - self.middle) / self.unit - pivot
        t = (p[:, 1] + pivot[1] - _NECK_LOW) / (_NECK_HIGH - _NECK_LOW)
        t = np.clip(t, 0, 1)
        t = (t * t * (3 - 2 * t))[:, None]
        turned = (p @ self.head.T) * t + (p @ self.body.T) * (1 - t)
        return (turned + self.head @ pivot).astype(np.float32)

    def project(self, turned: np.ndarray, size: int) -> np.ndarray:
        """Turned points [P, 3] in pixels: float32 (x, y, depth)."""
        scale = size * self.view.eye_share
        closer = self.view.distance / (self.view.distance - turned[:, 2])
        x = turned[:, 0] * closer * scale + size * self.view.center[0]
        y = -turned[:, 1] * closer * scale + size * self.view.center[1]
        # Pixel centers lie at half-integers of the image plane.
        return np.stack([x - 0.5, y - 0.5, turned[:, 2] * scale], 1).astype(
            np.float32
        )


def light_view(
    turned: np.ndarray, direction: npt.ArrayLike, size: int, reach: float
) -> np.ndarray:
    """Turned points as the key light sees them: float32 (x, y, depth).

    Args:
      turned: [P, 3], eye distances.
      direction: unit vector towards the light.
      size: side of the light's image in pixels.
      reach: half of that side in eye distances.
    """
    ahead = np.asarray(direction, np.float64)
    right = np.cross([0, 1, 0], ahead)
    right /= np.linalg.norm(right)
    up = np.cross(ahead, right)
    frame = np.stack([right, -up, ahead])
    middle = np.array([0.0, -0.4, -0.7])
    seen = (turned - middle) @ frame.T * (size / 2 / reach)
    return (seen + np.array([size / 2, size / 2, 0])).astype(np.float32)


def develop(light: np.ndarray, view: View, size: int, index: int) -> np.ndarray:
    """What the camera makes of light: blur, exposure, tone curve, noise.

    Args:
      light: linear light, float32 [size, size, 3].
      view: pose, camera, light and background.
      size: side in pixels.
      index: number of the image in its view; it selects the noise.

    Returns:
      uint8 [size, size, 3], sRGB.
    """
    if view.blur * size > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), view.blur * size)
    light = light * view.exposure
    # A shoulder above 0.7 instead of clipped highlights.
    light = np.where(light > 0.7, 1 - 0.3 * np.exp(-(light - 0.7) / 0.3), light)
    image = np.maximum(light, 0) ** np.float32(1 / 2.2)
    rng = np.random.default_rng(
        [view.seed, _NOISE, view.subject, view.view, index]
    )
    noise = rng.standard_normal(image.shape, np.float32) * view.noise
    return np.clip((image + noise) * 255 + 0.5, 0, 255).astype(np.uint8)


def lights(view: View) -> np.ndarray:
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
