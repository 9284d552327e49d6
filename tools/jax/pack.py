"""Packs a prepared data set for `tools.jax.train`; runs under TensorFlow.

    python -m tools.jax.pack --flagfile=configs/two_cores.flags --out=FILE.npz

prepares the data set where it is absent. Training pictures become JPEG files
unless --pictures=png; the held-out ones that edits are measured on stay as
they are, so that scores are those of `efgan_tf.train`.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import check_choices, option, require
from efgan_tf.data import Faces, load_faces
from tools.jax import packed


@dataclasses.dataclass(frozen=True)
class PackConfig:
    """How a data set is packed."""

    out: str = option("", "the file to write, ending in .npz")
    pictures: str = option(
        "jpeg", "form of the training pictures", ("jpeg", "png")
    )
    quality: int = option(95, "of JPEG, 1 to 100")
    pairs: int = option(256, "held-out pairs to measure edits on, at most")

    def __post_init__(self):
        check_choices(self)
        require(self.out.endswith(".npz"), "--out must name an .npz file")
        require(1 <= self.quality <= 100, "--quality must be 1 to 100")
        require(self.pairs >= 1, "--pairs must be at least 1")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values)
    pack_config = config.from_flags(values, PackConfig)
    commands.quiet_tensorflow()
    train, test = (
        load_faces(settings.data, settings.model.image_size, split)
        for split in ("train", "test")
    )
    held_out, pairs = measured(test, pack_config.pairs)
    if pack_config.pictures == "jpeg":
        train = _as_jpeg(train, pack_config.quality)
    out = Path(pack_config.out)
    packed.write(out, packed.Packed(train, held_out, pairs))
    print(
        f"{out}: {len(train)} faces to train on, {len(pairs)} pairs of "
        f"{len(held_out)} held-out ones, {out.stat().st_size / 2**20:.1f} MiB"
    )


def measured(test: Faces, count: int) -> tuple[Faces, np.ndarray]:
    """The evaluation pairs of a split, and the pictures that they need.

    Args:
      test: the held-out split.
      count: how many pairs at most.

    Returns:
      The faces, and int `[n, 2]`: source and true target of each pair.

    Raises:
      UserError: no two pictures show one person in one view.
    """
    from efgan_tf.data.pipeline import evaluation_pairs

    pairs = evaluation_pairs(test, count, seed=0)
    if not len(pairs["image"]):
        raise UserError(
            "the held-out people have no true targets, two pictures in one "
            "view, to measure edits with"
        )
    # The pipeline hands out pictures, not which they are.
    images = packed.decode(test.encoded, test.size)
    known = {image.tobytes(): index for index, image in enumerate(images)}
    indices = np.array(
        [
            [known[image.tobytes()] for image in _as_bytes(pairs[name])]
            for name in ("image", "target_image")
        ]
    )
    kept, places = np.unique(indices, return_inverse=True)
    return _subset(test, kept), places.reshape(indices.shape).T


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """[-1, 1], made from uint8, → that uint8."""
    return np.rint((images + 1) * 127.5).astype(np.uint8)


def _subset(faces: Faces, indices: np.ndarray) -> Faces:
    return dataclasses.replace(
        faces,
        encoded=[faces.encoded[index] for index in indices],
        **{
            name: getattr(faces, name)[indices]
            for name in (
                "action_units", "subjects", "expressions", "views", "filenames",
            )
        },
    )  # fmt: skip


def _as_jpeg(faces: Faces, quality: int) -> Faces:
    images = packed.decode(faces.encoded, faces.size)
    return dataclasses.replace(
        faces, encoded=packed.encode_jpeg(images, quality)
    )


if __name__ == "__main__":
    sys.exit(commands.run(main, config.Config, PackConfig))
