"""Rendered people as a data set: their table, and where their photos are."""

import dataclasses
import functools
import io
from pathlib import Path

import numpy as np

from efgan_tf.config import DataConfig
from efgan_tf.data.aligning import FolderPhotos
from efgan_tf.data.tables import Row, Table
from efgan_tf.faces.photos import read_photo
from efgan_tf.synthetic import identity, synthesis
from efgan_tf.synthetic.render import Renderer
from efgan_tf.synthetic.synthesis import SynthesizeConfig


def settings(data: DataConfig) -> SynthesizeConfig:
    """How the photos of a data set are rendered."""
    return SynthesizeConfig(
        subjects=data.subjects,
        images_per_subject=data.images_per_subject,
        views_per_subject=data.views_per_subject,
        size=data.photo_size,
        max_yaw=data.max_yaw,
        seed=data.data_seed,
    )


def table(config: SynthesizeConfig) -> Table:
    """What all photos show; nothing is rendered for it."""
    labels = [
        synthesis.make_label(config.seed, subject, view, index)
        for subject in range(config.subjects)
        for view, index in synthesis.pictures(config)
    ]
    rows = {
        label.file: Row(
            file=label.file,
            action_units=label.action_units,
            subject=label.subject,
            expression=label.expression,
            view=str(label.view),
        )
        for label in labels
    }
    return Table(
        rows=rows,
        au_mask=np.ones(len(labels[0].action_units), np.float32),
        has_subjects=True,
        has_views=True,
        repeated=[],
        warnings=[],
        source="as rendered",
    )


def write(config: SynthesizeConfig, folder: Path) -> FolderPhotos:
    """Renders all photos beforehand, with every core of this machine."""
    synthesis.write_photos(folder, config)
    return FolderPhotos(folder / "photos", fixed_pose=True)


@dataclasses.dataclass(frozen=True)
class RenderedPhotos:
    """Photos that are rendered where they are needed.

    The renderer keeps the head where it is within a view.
    """

    config: SynthesizeConfig
    fixed_pose: bool = True

    def read(self, row: Row) -> np.ndarray:
        """The photo of a row of `table`: the same pixels as from `write`."""
        subject, view, index = (
            int(part.lstrip("sv")) for part in row.file.split("_")[:3]
        )
        seed, max_yaw = self.config.seed, self.config.max_yaw
        photo = synthesis.make_photo(
            _renderer(seed, subject),
            identity.sample_view(seed, subject, view, max_yaw),
            index,
            self.config.size,
        )
        return read_photo(io.BytesIO(photo.jpeg))

    def flaws(self, row: Row) -> tuple[str, ...]:
        """None: a rendered photo is alone in its file."""
        del row
        return ()


@functools.lru_cache(maxsize=2)
def _renderer(seed: int, subject: int) -> Renderer:
    return Renderer(identity.sample_identity(seed, subject))
