"""Which data sets there are."""

import dataclasses
import functools
import hashlib
import json
import os
from pathlib import Path

from absl import logging

from efgan_tf import labeling
from efgan_tf.common.errors import UserError
from efgan_tf.common.files import changes_as_user_errors, files_below
from efgan_tf.config import PHOTO_SETS, DataConfig
from efgan_tf.data import plan, tables
from efgan_tf.data.aligning import FolderPhotos, PhotoSource
from efgan_tf.data.builders import LOCAL_RUNNER, FacesBuilder, FacesConfig
from efgan_tf.data.photo_names import Selection, photo_set
from efgan_tf.data.preparation_report import Report
from efgan_tf.data.splits import read_subjects
from efgan_tf.faces import photos

_SOURCE = ("source_dir", "aus")

AUTO = "auto"
"""`--aus`: no table, the units are read from the photos."""

LABELS = "aus.csv"
"""What they are kept as beside the data."""


class Folder(FacesBuilder, skip_registration=True):
    """Any photos with a table of action units."""

    SETTINGS: tuple[str, ...] = (*_SOURCE, "fixed_pose")
    HELP = "docs/data.md says what they are"

    _labeled: labeling.LabeledFolder | None = None

    def fingerprint(self) -> str:
        data = self.builder_config.data
        source, table = Path(data.source_dir), Path(data.aus)
        labels = data.aus == AUTO
        configured = data.source_dir and data.aus
        if not (configured and source.is_dir() and (labels or table.exists())):
            return ""
        folder = table if table.is_dir() else table.parent
        digest = hashlib.sha256()
        with changes_as_user_errors():
            if labels:
                digest.update(labeling.fingerprint(source))
            for path in [] if labels else tables.table_files(table):
                digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
                digest.update(path.read_bytes())
            known = photos.SUFFIXES | photos.UNREAD_SUFFIXES
            for name in files_below(source, known):
                size = (source / name).stat().st_size
                digest.update(os.fsencode(name) + f"\0{size}\0".encode())
        return digest.hexdigest()

    def make_plan(self) -> plan.Plan:
        config, data = self.builder_config, self.builder_config.data
        self._check_flags()
        source_dir, report = Path(data.source_dir), Report()
        files = plan.listed(source_dir, report)
        selection = self._select(files)
        table = self._read_table(files, selection)
        return plan.make_plan(
            FolderPhotos(source_dir, data.fixed_pose),
            plan.joined(
                files, table, report, selection, plan.unread(source_dir)
            ),
            table,
            report,
            config.image_size,
            config.held_out,
        )

    def _check_flags(self) -> None:
        data = self.builder_config.data
        if not data.source_dir:
            raise UserError(
                f"--dataset={data.dataset} needs the photos' folder, "
                "--source_dir, and their table of action units, --aus; "
                f"{self.HELP}"
            )
        if not data.aus:
            raise UserError(
                f"{data.source_dir} needs a table of action units, --aus; "
                f"docs/data.md says which tool makes one, and --aus={AUTO} "
                "reads them from the photos"
            )

    def _read_table(
        self, files: list[str], selection: Selection | None
    ) -> tables.Table:
        """The table of `--aus`, or labels read from the photos."""
        data = self.builder_config.data
        if data.aus != AUTO:
            return tables.read_table(data.aus)
        self._labeled = labeling.label_folder(
            data.source_dir,
            files if selection is None else list(selection.labels),
            face_landmarker=data.face_landmarker,
        )
        path = self.builder_config.work_dir / LABELS
        self._labeled.write_table(path)
        return dataclasses.replace(
            tables.read_table(path),
            source=f"read from the photos (--aus={AUTO})",
            dropped=self._labeled.unlabeled,
        )

    def _conclude(self, fingerprint: str) -> None:
        super()._conclude(fingerprint)
        if self._labeled is not None:
            self._labeled.write_table(Path(self.data_dir) / LABELS)
            self._labeled.write_report(Path(self.data_dir))

    def _select(self, files: list[str]) -> Selection | None:
        """Which photos are used; None for all of them."""
        del files
        return None


@functools.cache
def _published(set_name: str) -> type[Folder]:
    """The builder of one of `PHOTO_SETS`."""
    photos_of_set = photo_set(set_name)

    class Published(Folder, skip_registration=True):
        """Photos as their owners distribute them."""

        name = set_name
        MANUAL_DOWNLOAD_INSTRUCTIONS = photos_of_set.help
        SETTINGS = (*Folder.SETTINGS, *photos_of_set.settings)
        HELP = photos_of_set.help

        def _select(self, files: list[str]) -> Selection:
            return photos_of_set.select(files, self.builder_config.data)

    return Published


class Synthetic(FacesBuilder, skip_registration=True):
    """Rendered people, who need no license; aligned as photos are."""

    SETTINGS = (
        "subjects", "images_per_subject", "views_per_subject", "photo_size",
        "max_yaw", "data_seed",
    )  # fmt: skip

    def fingerprint(self) -> str:
        return "rendered"  # all that counts is in the settings

    def make_plan(self) -> plan.Plan:
        # The renderer compiles itself, which takes a while.
        from efgan_tf.data import rendered

        config, report = self.builder_config, Report()
        settings = rendered.settings(config.data)
        source: PhotoSource
        if config.beam_runner in ("", LOCAL_RUNNER):
            source = rendered.write(settings, config.work_dir / "rendered")
        else:  # other machines do not see this one's folders
            source = rendered.RenderedPhotos(settings)
        table = rendered.table(settings)
        return plan.make_plan(
            source,
            plan.joined(list(table.rows), table, report),
            table,
            report,
            config.image_size,
            config.held_out,
        )


_BUILDERS = {"folder": Folder, "synthetic": Synthetic}


def make_builder(
    data: DataConfig,
    image_size: int,
    work_dir: Path = Path(),
    beam_runner: str = "",
    hold_out: bool = True,
) -> FacesBuilder:
    """The builder of a data set, whether that is prepared already or not.

    Its folder is `data_dir/dataset/configuration/version`; the configuration
    is named after the image size and a hash of all that the data depends on.

    Args:
      data: which data set.
      image_size: side of the aligned pictures.
      work_dir: an empty folder, needed only to prepare.
      beam_runner: the Apache Beam runner to prepare with; empty for none.
      hold_out: whether to test on some of the people; the folder's name does
        not say.
    """
    builder = (
        _published(data.dataset)
        if data.dataset in PHOTO_SETS
        else _BUILDERS[data.dataset]
    )
    held_out: float | frozenset[str] = data.held_out
    if data.held_out_list:
        held_out = read_subjects(data.held_out_list)
    settings_hash = _settings_hash(data, builder.SETTINGS, held_out)
    config = FacesConfig(
        name=f"{image_size}px-{settings_hash}",
        data=data,
        image_size=image_size,
        work_dir=work_dir,
        beam_runner=beam_runner,
        held_out=held_out if hold_out else 0.0,
    )
    # TFDS warns of every configuration that is not listed beforehand.
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        return builder(data_dir=data.data_dir, config=config)
    finally:
        logging.set_verbosity(verbosity)


def _settings_hash(
    data: DataConfig,
    names: tuple[str, ...],
    held_out: float | frozenset[str],
) -> str:
    settings = {name: getattr(data, name) for name in names}
    for name in _SOURCE:
        if name in settings:
            settings[name] = os.path.normpath(settings[name])
    if isinstance(held_out, frozenset):
        settings["held_out"] = sorted(held_out)
    else:
        settings["held_out"] = held_out
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
