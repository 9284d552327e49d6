"""Renders and packs faces where there is no TensorFlow.

    python -m tools.jax.render --subjects=500 --image_size=128 \
        --photo_size=256 --out=FILE.npz

makes the file that `tools.jax.pack` makes of a prepared data set, in a tenth of
the time where there are sixteen cores. Faces are not detected but aligned by
the renderer's own landmarks, moved by what MTCNN was measured to differ from
them (`OFFSETS`), so that they lie as detected faces do.
"""

import dataclasses
import io
import itertools
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from absl import flags
from PIL import Image

from efgan_tf import commands, config
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.common.progress import Progress
from efgan_tf.data import rendered
from efgan_tf.data.samples import Faces
from efgan_tf.data.splits import split_subjects
from efgan_tf.geometry import align
from efgan_tf.synthetic.photos import Photo, SynthesizeConfig, make_subject
from tools.jax import packed

OFFSETS = np.array([[0.010, 0.021], [-0.011, 0.024], [-0.001, -0.029]])
SPREADS = np.array([[0.014, 0.020], [0.017, 0.021], [0.015, 0.033]])
"""Mean and deviation of MTCNN's eyes and nose from the renderer's, in distances
between the eyes: medians over the pictures of each of 24 people, yaw up to 20
degrees."""


@dataclasses.dataclass(frozen=True)
class RenderConfig:
    """What is rendered, besides `efgan_tf.config.DataConfig`."""

    out: str = option("", "the file to write, ending in .npz")
    quality: int = option(95, "of the training pictures' JPEG, 1 to 100")
    pairs: int = option(256, "held-out pairs to measure edits on, at most")

    def __post_init__(self):
        require(self.out.endswith(".npz"), "--out must name an .npz file")
        require(1 <= self.quality <= 100, "--quality must be 1 to 100")
        check_at_least(self, 1, "pairs")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values)
    render = config.from_flags(values, RenderConfig)
    data, size = settings.data, settings.model.image_size
    synthesize = rendered.settings(data)
    photos, images = _render(synthesize, size)
    subjects = [photo.label.subject for photo in photos]
    split = split_subjects(subjects, data.held_out)
    train, test = (
        np.flatnonzero(np.isin(subjects, split[name]))
        for name in ("train", "test")
    )
    jpeg = packed.encode_jpeg(images[train], render.quality)
    pairs = _pairs([photos[i] for i in test], render.pairs, data.data_seed)
    require(
        len(pairs) > 0,
        "no held-out person has two pictures in one view; render more",
    )
    kept, places = np.unique(pairs, return_inverse=True)
    held_out = test[kept]
    packed.write(
        Path(render.out),
        packed.Packed(
            _faces([photos[i] for i in train], jpeg, size),
            _faces(
                [photos[i] for i in held_out],
                [_png(image) for image in images[held_out]],
                size,
            ),
            places.reshape(pairs.shape),
        ),
    )
    print(f"{render.out}: {len(train)} faces to train on, {len(pairs)} pairs")


def _render(
    synthesize: SynthesizeConfig, size: int
) -> tuple[list[Photo], np.ndarray]:
    """All photos without their JPEG, and uint8 `[n, size, size, 3]`."""
    photos: list[Photo] = []
    images: list[np.ndarray] = []
    progress = Progress("photos", synthesize.subjects, "people")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(
            aligned_subject,
            itertools.repeat(synthesize),
            range(synthesize.subjects),
            itertools.repeat(size),
        )
        for some, pictures in made:
            photos += some
            images.append(pictures)
            progress.advance()
    progress.finish()
    return photos, np.concatenate(images)


def aligned_subject(
    synthesize: SynthesizeConfig, subject: int, size: int
) -> tuple[list[Photo], np.ndarray]:
    """One person's photos, aligned alike within a view.

    Returns:
      The photos without their JPEG, and uint8 `[n, size, size, 3]`.
    """
    photos = make_subject(synthesize, subject)
    images = np.empty((len(photos), size, size, 3), np.uint8)
    for view in sorted({photo.label.view for photo in photos}):
        rows = [i for i, p in enumerate(photos) if p.label.view == view]
        points = np.median([photos[i].landmarks[:3] for i in rows], axis=0)
        generator = np.random.default_rng([synthesize.seed, subject, view])
        apart = np.linalg.norm(points[1] - points[0])
        noise = generator.normal(OFFSETS, SPREADS)
        for i in rows:
            picture = np.array(Image.open(io.BytesIO(photos[i].jpeg)))
            images[i] = align(picture, points + apart * noise, size)
    return [dataclasses.replace(photo, jpeg=b"") for photo in photos], images


def _pairs(photos: list[Photo], most: int, seed: int) -> np.ndarray:
    """Ordered pairs of pictures of one person in one view: int `[n, 2]`."""
    poses = [(p.label.subject, p.label.view) for p in photos]
    every = [
        (i, j)
        for i, j in itertools.permutations(range(len(photos)), 2)
        if poses[i] == poses[j]
    ]
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(every))[:most]
    return np.array(every, int).reshape(-1, 2)[chosen]


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def _faces(photos: list[Photo], encoded: list[bytes], size: int) -> Faces:
    labels = [photo.label for photo in photos]
    units = np.stack([label.action_units for label in labels])
    return Faces(
        encoded=encoded,
        action_units=units.astype(np.float32),
        subjects=np.array([label.subject for label in labels]),
        expressions=np.array([label.expression for label in labels]),
        views=np.array([str(label.view) for label in labels]),
        filenames=np.array([label.file for label in labels]),
        mask=(np.ptp(units, axis=0) > 0).astype(np.float32),
        size=size,
    )


if __name__ == "__main__":
    sys.exit(commands.run(main, config.Config, RenderConfig))
