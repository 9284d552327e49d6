"""The data sets, as TensorFlow Datasets builders.

TFDS lays the files out, writes a data set whole or not at all, and reads it
back; what goes in is made by `efgan_tf.data.preparation`, for all alike.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from efgan_tf import action_units
from efgan_tf.config import DataConfig
from efgan_tf.data import preparation, splits, tables
from efgan_tf.errors import UserError

_RENDERED = (
    "subjects", "images_per_subject", "views_per_subject", "photo_size",
    "max_yaw", "data_seed",
)  # fmt: skip


@dataclasses.dataclass(eq=False)
class FacesConfig(tfds.core.BuilderConfig):
    """A data set with given settings.

    Attributes:
      data: where it comes from and how it is split.
      image_size: side of the aligned pictures.
      work_dir: an empty folder for what is needed while it is prepared.
    """

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    image_size: int = 128
    work_dir: Path = Path()


class _FacesBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What the data sets share: features, splits, metadata, report."""

    VERSION = tfds.core.Version("1.0.0")

    # TFDS 4.9.10 would find this out with `importlib_resources`, a package
    # that it does not say it needs.
    code_path = Path(__file__)

    def fingerprint(self) -> str:
        """A hash of what it would be made from; empty if that is not there."""
        raise NotImplementedError

    def _aligned(self) -> preparation.Outcome:
        """The kept faces and the report."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.image_size
        return self.dataset_info_from_configs(
            description="Aligned faces with action units.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(size, size, 3), encoding_format="png"
                    ),
                    "action_units": tfds.features.Tensor(
                        shape=(action_units.COUNT,), dtype=np.float32
                    ),
                    "subject": tfds.features.Text(),
                    "expression": tfds.features.Text(),
                    "view": tfds.features.Text(),
                    "filename": tfds.features.Text(),
                }
            ),
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # nothing is downloaded
        fingerprint = self.fingerprint()
        faces, report = self._aligned()
        shares = splits.split_subjects(
            (face.row.subject for face in faces),
            self.builder_config.data.held_out,
        )
        split_of = {
            subject: name
            for name, subjects in shares.items()
            for subject in subjects
        }
        by_split = {name: [] for name in shares}
        for face in faces:
            by_split[split_of[face.row.subject]].append(face)
        report.splits = {
            name: {"photos": len(faces), "subjects": len(shares[name])}
            for name, faces in by_split.items()
        }
        if not by_split["test"]:
            report.warnings.append(
                "there is only one subject: nothing is held out for testing"
            )
        report.write(Path(self.data_dir))
        self.info.metadata.update(
            fingerprint=fingerprint,
            units=list(action_units.NAMES),
            mask=report.mask().tolist(),
            subjects=shares,
        )
        # TFDS does not write empty splits.
        return {
            name: self._generate_examples(faces)
            for name, faces in by_split.items()
            if faces
        }

    def _generate_examples(
        self, faces: Iterable[preparation.Aligned]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for face in faces:
            yield (
                face.row.file,
                {
                    "image": os.fspath(face.path),
                    "action_units": face.row.action_units,
                    "subject": face.row.subject,
                    "expression": face.row.expression,
                    "view": face.row.view,
                    "filename": face.row.file,
                },
            )


class Folder(_FacesBuilder, skip_registration=True):
    """Any photos with a table of action units."""

    def fingerprint(self) -> str:
        data = self.builder_config.data
        source, table = Path(data.source_dir), Path(data.aus)
        if not (source.is_dir() and table.is_file()):
            return ""
        digest = hashlib.sha256(table.read_bytes())
        for path in sorted(source.rglob("*")):
            if path.is_file():
                name = path.relative_to(source).as_posix()
                digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        return digest.hexdigest()

    def _aligned(self) -> preparation.Outcome:
        config = self.builder_config
        if not config.data.source_dir or not config.data.aus:
            raise UserError(
                "--dataset=folder needs the photos' folder, --source_dir, and "
                "their table of action units, --aus"
            )
        return preparation.prepare_faces(
            Path(config.data.source_dir),
            tables.read_table(config.data.aus),
            config.image_size,
            config.work_dir,
        )


class Synthetic(_FacesBuilder, skip_registration=True):
    """Rendered people, who need no licence; aligned as photos are."""

    def fingerprint(self) -> str:
        return "rendered"  # all that counts is in the settings

    def _aligned(self) -> preparation.Outcome:
        # The renderer compiles itself, which takes a while.
        from efgan_tf.synthetic import photos

        config = self.builder_config
        data = config.data
        rendered = config.work_dir / "rendered"
        photos.write_photos(
            rendered,
            photos.SynthesizeConfig(
                subjects=data.subjects,
                images_per_subject=data.images_per_subject,
                views_per_subject=data.views_per_subject,
                size=data.photo_size,
                max_yaw=data.max_yaw,
                seed=data.data_seed,
            ),
        )
        return preparation.prepare_faces(
            rendered / "photos",
            tables.read_table(rendered / "aus.csv"),
            config.image_size,
            config.work_dir,
            # The renderer keeps the head where it is within a view.
            fixed_pose=True,
        )


_BUILDERS = {"folder": Folder, "synthetic": Synthetic}


def make_builder(
    data: DataConfig, image_size: int, work_dir: Path = Path()
) -> _FacesBuilder:
    """The builder of a data set, whether that is prepared already or not.

    Its folder is `data_dir/dataset/configuration/version`; the configuration
    is named after the image size and a hash of all that the data depends on.

    Args:
      data: which data set.
      image_size: side of the aligned pictures.
      work_dir: an empty folder, needed only to prepare.

    Raises:
      UserError: there is no builder for the data set.
    """
    if data.dataset not in _BUILDERS:
        raise UserError(
            f"--dataset={data.dataset} has no builder yet; put its photos' "
            "action units into a CSV file and use --dataset=folder"
        )
    config = FacesConfig(
        name=f"{image_size}px-{_settings_hash(data)}",
        data=data,
        image_size=image_size,
        work_dir=work_dir,
    )
    # TFDS warns of every configuration that is not listed beforehand.
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        return _BUILDERS[data.dataset](data_dir=data.data_dir, config=config)
    finally:
        logging.set_verbosity(verbosity)


def _settings_hash(data: DataConfig) -> str:
    if data.dataset == "synthetic":
        settings = {name: getattr(data, name) for name in _RENDERED}
    else:
        settings = {
            "source_dir": os.path.normpath(data.source_dir),
            "aus": os.path.normpath(data.aus),
        }
    settings["held_out"] = data.held_out
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
