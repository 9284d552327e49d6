"""A data set in one file, for a machine that has nothing but NumPy and OpenCV.

The training split as a whole, and of the test split the pictures that edits
are measured on. An `.npz` that is read with `allow_pickle=False`.
"""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.outputs import atomic_file
from efgan_tf.data.samples import Faces

_TEXTS = ("subjects", "expressions", "views", "filenames")


@dataclasses.dataclass(frozen=True, eq=False)
class Packed:
    """What a run is trained and measured on.

    Attributes:
      train: the training split, its pictures encoded as JPEG or PNG.
      held_out: pictures of the test split, encoded as PNG.
      pairs: int `[n, 2]`, source and true target among `held_out`: those of
        `efgan_tf.data.pipeline.evaluation_pairs`, in its order.
    """

    train: Faces
    held_out: Faces
    pairs: np.ndarray


def encode_jpeg(images: np.ndarray, quality: int) -> list[bytes]:
    """uint8 RGB `[n, size, size, 3]` → n JPEG files, colors at full size."""
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]

    def encode(image: np.ndarray) -> bytes:
        return cv2.imencode(".jpg", image[..., ::-1], settings)[1].tobytes()

    with ThreadPoolExecutor() as pool:
        return list(pool.map(encode, images))


def decode(encoded: Sequence[bytes], size: int) -> np.ndarray:
    """n JPEG or PNG files → uint8 RGB `[n, size, size, 3]`."""
    images = np.empty((len(encoded), size, size, 3), np.uint8)

    def fill(index: int) -> None:
        file = np.frombuffer(encoded[index], np.uint8)
        images[index] = cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, range(len(encoded))))
    return images


def write(path: Path, packed: Packed) -> None:
    """Writes the file, whole or not at all; replaces one that is there."""
    arrays = {"pairs": packed.pairs}
    for split in ("train", "held_out"):
        for name, array in _arrays(getattr(packed, split)).items():
            arrays[f"{split}/{name}"] = array
    with atomic_file(path, overwrite=True) as temporary:
        np.savez_compressed(temporary, **arrays)


def read(path: Path) -> Packed:
    """What `write` wrote.

    Raises:
      UserError: there is no such file, or it is another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Packed(
                _faces(arrays, "train"),
                _faces(arrays, "held_out"),
                arrays["pairs"],
            )
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"--data={path} is no file of tools.jax.pack: {error}"
        ) from error


def _arrays(faces: Faces) -> dict[str, np.ndarray]:
    return {
        "encoded": np.frombuffer(b"".join(faces.encoded), np.uint8),
        "lengths": np.array([len(file) for file in faces.encoded], np.int64),
        "action_units": faces.action_units,
        "mask": faces.mask,
        "size": np.array(faces.size),
        **{name: getattr(faces, name) for name in _TEXTS},
    }


def _faces(arrays, split: str) -> Faces:
    joined = arrays[f"{split}/encoded"].tobytes()
    ends = np.cumsum(arrays[f"{split}/lengths"]).tolist()
    starts = [0, *ends[:-1]]
    return Faces(
        encoded=[joined[a:b] for a, b in zip(starts, ends, strict=True)],
        action_units=arrays[f"{split}/action_units"],
        mask=arrays[f"{split}/mask"],
        size=int(arrays[f"{split}/size"]),
        **{name: arrays[f"{split}/{name}"] for name in _TEXTS},
    )
