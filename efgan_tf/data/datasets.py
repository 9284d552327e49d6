"""Which data sets there are."""

import hashlib
import json
import os
from pathlib import Path

from absl import logging

from efgan_tf.config import DataConfig
from efgan_tf.data import cfee, plan, rafd, tables
from efgan_tf.data.builders import LOCAL_RUNNER, FacesBuilder, FacesConfig
from efgan_tf.data.labels import Selection
from efgan_tf.data.photo_source import FolderPhotos
from efgan_tf.data.report import Report
from efgan_tf.errors import UserError

_SOURCE = ("source_dir", "aus")


def _files(path: Path) -> list[Path]:
    """A file by itself, or all files below a folder."""
    if path.is_file():
        return [path]
    return sorted(found for found in path.rglob("*") if found.is_file())


class Folder(FacesBuilder, skip_registration=True):
    """Any photos with a table of action units."""

    SETTINGS = _SOURCE

    def fingerprint(self) -> str:
        data = self.builder_config.data
        source, table = Path(data.source_dir), Path(data.aus)
        if not (source.is_dir() and table.exists()):
            return ""
        digest = hashlib.sha256()
        for path in _files(table):
            digest.update(f"{path.name}\0".encode())
            digest.update(path.read_bytes())
        for path in _files(source):
            name = path.relative_to(source).as_posix()
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        return digest.hexdigest()

    def make_plan(self) -> plan.Plan:
        config, data = self.builder_config, self.builder_config.data
        self._check_flags()
        source_dir, report = Path(data.source_dir), Report()
        files = plan.listed(source_dir)
        selection = self._select(files)
        table = tables.read_table(data.aus)
        return plan.make_plan(
            FolderPhotos(source_dir),
            plan.joined(files, table, report, selection),
            table,
            report,
            config.image_size,
            data.held_out,
        )

    def _check_flags(self) -> None:
        data = self.builder_config.data
        if not data.source_dir or not data.aus:
            raise UserError(
                f"--dataset={data.dataset} needs the photos' folder, "
                f"--source_dir, and their table of action units, --aus"
                f"{self._how_to_get()}"
            )

    def _how_to_get(self) -> str:
        return ""

    def _select(self, files: list[str]) -> Selection | None:
        """Which photos are wanted; None for all of them."""
        del files
        return None


class Rafd(Folder, skip_registration=True):
    """The Radboud Faces Database, as it is handed out."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = rafd.HOW_TO_GET
    SETTINGS = (*_SOURCE, "rafd_angles", "rafd_gazes")

    def _how_to_get(self) -> str:
        return f"; {rafd.HELP}"

    def _select(self, files: list[str]) -> Selection:
        data = self.builder_config.data
        return rafd.select(files, data.rafd_angles, data.rafd_gazes)


class Cfee(Folder, skip_registration=True):
    """Compound Facial Expressions of Emotion, as it is handed out."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = cfee.HOW_TO_GET

    def _how_to_get(self) -> str:
        return f"; {cfee.HELP}"

    def _select(self, files: list[str]) -> Selection:
        aus = self.builder_config.data.aus
        emotions = (
            tables.emotion_names(aus)
            if aus.lower().endswith((".xls", ".xlsx"))
            else {}
        )
        return cfee.select(files, emotions or cfee.EMOTIONS)


class Synthetic(FacesBuilder, skip_registration=True):
    """Rendered people, who need no licence; aligned as photos are."""

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
            config.data.held_out,
        )


_BUILDERS = {
    "folder": Folder,
    "rafd": Rafd,
    "cfee": Cfee,
    "synthetic": Synthetic,
}


def make_builder(
    data: DataConfig,
    image_size: int,
    work_dir: Path = Path(),
    beam_runner: str = "",
) -> FacesBuilder:
    """The builder of a data set, whether that is prepared already or not.

    Its folder is `data_dir/dataset/configuration/version`; the configuration
    is named after the image size and a hash of all that the data depends on.

    Args:
      data: which data set.
      image_size: side of the aligned pictures.
      work_dir: an empty folder, needed only to prepare.
      beam_runner: the Apache Beam runner to prepare with; empty for none.
    """
    builder = _BUILDERS[data.dataset]
    config = FacesConfig(
        name=f"{image_size}px-{_settings_hash(data, builder.SETTINGS)}",
        data=data,
        image_size=image_size,
        work_dir=work_dir,
        beam_runner=beam_runner,
    )
    # TFDS warns of every configuration that is not listed beforehand.
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        return builder(data_dir=data.data_dir, config=config)
    finally:
        logging.set_verbosity(verbosity)


def _settings_hash(data: DataConfig, names: tuple[str, ...]) -> str:
    settings = {name: getattr(data, name) for name in names}
    for name in _SOURCE:
        if name in settings:
            settings[name] = os.path.normpath(settings[name])
    settings["held_out"] = data.held_out
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
