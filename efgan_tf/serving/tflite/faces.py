"""Aligned faces with their action units, to calibrate with or to measure on."""

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import from_unit
from efgan_tf.data.listing import located
from efgan_tf.data.pictures import decode
from efgan_tf.faces.photos import SUFFIXES, read_photo
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.run_directory import RunDirectory

RENDERED = "rendered"
"""In place of a path: rendered people."""

_SEEDS = {"train": 77, "test": 78}
"""No recipe in `configs/` renders these people."""

_OF_ONE = 4
"""Rendered faces of one person: few, so that there are many people."""

_EXPRESSIONS = 16
"""Eight presets and as many random ones; successive people show others."""

_MAX_YAW = 15.0


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedFaces:
    """n faces in the public scales.

    Attributes:
      images: float32 `[n, size, size, 3]` in [0, 1].
      units: float32 `[n, 17]`, 0–5, what they show.
      source: description for messages and reports.
    """

    images: np.ndarray
    units: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.images)

    def targets(self) -> np.ndarray:
        """Float32 `[n, 17]`: for each face the units of the next one."""
        return np.roll(self.units, -1, axis=0)


def read_faces(
    path: str,
    trained: TrainedNetwork,
    count: int,
    *,
    split: str,
    model: str = "",
) -> AlignedFaces:
    """Faces from the place that a user names.

    Args:
      path: a folder of square pictures, an `.npz` file, `RENDERED`, or empty
        for the faces that `model` was trained on where it is a run, and
        rendered ones otherwise.
      trained: the model; it gives the size, and reads the units of faces in a
        folder.
      count: how many at most.
      split: `"train"` to calibrate with, `"test"` to measure on: which faces
        of the run, or which rendered people.
      model: where `trained` is from.

    Raises:
      UserError: there are no such faces, or they cannot be used.
    """
    size = trained.info.model.image_size
    if not path and not RunDirectory(Path(model)).is_new():
        return _faces_of_run(Path(model), split, count)
    if path in ("", RENDERED):
        return rendered_faces(size, count, _SEEDS[split])
    if path.endswith(".npz"):
        return _stored_faces(Path(path), size, count)
    return _folder_faces(Path(path), trained, count)


def rendered_faces(size: int, count: int, seed: int) -> AlignedFaces:
    """Faces of rendered people, with their true units.

    They are aligned by the renderer's own landmarks.

    Args:
      size: side in pixels.
      count: how many.
      seed: which people.
    """
    from efgan_tf.geometry import align

    people = -(-count // _OF_ONE)
    photos = [
        photo
        for subject in range(people)
        for photo in _photos(seed, subject, max(128, 2 * size))
    ][:count]
    images = [
        align(read_photo(io.BytesIO(photo.jpeg)), photo.landmarks, size)
        for photo in photos
    ]
    return AlignedFaces(
        np.stack(images) / np.float32(255),
        np.stack([photo.label.action_units for photo in photos]),
        f"{count} rendered faces of {people} people (seed {seed})",
    )


def _photos(seed: int, subject: int, size: int) -> list:
    """A few pictures of one person; the next one shows other expressions."""
    from efgan_tf.synthetic import identity
    from efgan_tf.synthetic.render import Renderer
    from efgan_tf.synthetic.synthesis import make_photo

    renderer = Renderer(identity.sample_identity(seed, subject))
    view = identity.sample_view(seed, subject, 0, _MAX_YAW)
    rows = range(subject * _OF_ONE, (subject + 1) * _OF_ONE)
    return [make_photo(renderer, view, n % _EXPRESSIONS, size) for n in rows]


def _faces_of_run(run_dir: Path, split: str, count: int) -> AlignedFaces:
    """Some of the faces of a run's data, spread over all of them."""
    from efgan_tf.data import datasets, load_parts

    config = RunDirectory(run_dir).read_config()
    size = config.model.image_size
    for part in config.data.parts:
        data = located(part.data)
        folder = Path(datasets.make_builder(data, size).data_dir)
        if not folder.is_dir():
            raise UserError(
                f"{folder}, the faces of {run_dir}, does not exist: name a "
                "folder of aligned faces with --representative=FOLDER, or pass "
                f"--representative={RENDERED}"
            )
    sets = [part.faces for part in load_parts(config.data, size, split)]
    encoded = [picture for faces in sets for picture in faces.encoded]
    units = np.concatenate([faces.action_units for faces in sets])
    if not encoded:
        raise UserError(
            f"{run_dir} has no {split} faces; pass --representative={RENDERED}"
        )
    rows = np.linspace(0, len(units) - 1, min(count, len(units))).astype(int)
    images = decode([encoded[row] for row in rows], size)
    return AlignedFaces(
        images / np.float32(255),
        units[rows],
        f"{len(rows)} faces of {run_dir}, {split} split",
    )


def _stored_faces(path: Path, size: int, count: int) -> AlignedFaces:
    shape = f"image [n, {size}, {size}, 3] and action_units [n, 17]"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, units = arrays["image"], arrays["action_units"]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (
        OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise UserError(
            f"{path} cannot be read: {error}; it needs {shape}"
        ) from error
    if (
        images.shape[1:] != (size, size, 3)
        or units.shape != (len(images), action_units.COUNT)
        or not len(images)
    ):
        raise UserError(
            f"{path} has image {images.shape} and action_units {units.shape}; "
            f"it needs {shape}"
        )
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    images = images.astype(np.float32)
    if not np.all((images >= 0) & (images <= 1)):  # nor for NaN
        raise UserError(
            f"{path}: image must be uint8, or floats within 0 and 1"
        )
    return AlignedFaces(
        images[:count],
        action_units.validate(units[:count]).astype(np.float32),
        f"{len(images[:count])} faces of {path}",
    )


def _folder_faces(
    folder: Path, trained: TrainedNetwork, count: int
) -> AlignedFaces:
    """Pictures of a folder, whose units the model's estimator reads."""
    from PIL import Image

    size = trained.info.model.image_size
    if not folder.is_dir():
        raise UserError(
            f"{folder} is neither a folder of aligned faces nor an .npz file"
        )
    files = sorted(
        file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES
    )[:count]
    if not files:
        raise UserError(f"{folder} holds no pictures of aligned faces")
    images = np.empty((len(files), size, size, 3), np.float32)
    for row, file in enumerate(files):
        pixels = read_photo(file)
        if pixels.shape[0] != pixels.shape[1]:
            raise UserError(
                f"{file} is not square, so not an aligned face: python -m "
                "efgan_tf.prepare aligns photos"
            )
        picture = Image.fromarray(pixels).resize(
            (size, size), Image.Resampling.BICUBIC
        )
        images[row] = np.asarray(picture) / np.float32(255)
    units = trained.estimator.predict(from_unit(images), verbose=0)
    return AlignedFaces(
        images,
        action_units.denormalize(units).astype(np.float32),
        f"{len(files)} faces of {folder}",
    )
