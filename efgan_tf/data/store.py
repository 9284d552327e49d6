"""Prepared data sets on disk: made when absent, found again, loaded."""

import contextlib
import dataclasses
import importlib.util
import io
import logging
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf import action_units
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.config import DataConfig
from efgan_tf.data import contact_sheet, pictures_on_disk
from efgan_tf.data.listing import located
from efgan_tf.data.plan import NothingKept
from efgan_tf.data.prepared_faces import Faces, FacesPart
from efgan_tf.data.splits import SPLITS


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prepared data set.

    Attributes:
      folder: where it is; `report.txt` and `report.json` lie there too.
      is_new: whether this call made it.
      summary: what became of the photos and what the action units are like,
        some lines.
    """

    folder: Path
    is_new: bool
    summary: str


def prepare(config: DataConfig, image_size: int) -> Prepared:
    """Makes sure that a data set is prepared.

    One that is there with the same settings is kept, unless its photos, its
    table or the action units that there are have changed since: then it is
    made anew. (Where photos and table are gone it is kept as it is, so that
    prepared data can be moved on its own.) It appears whole or not at all.

    Args:
      config: which data set, from where, and where to.
      image_size: side of the aligned pictures.

    Raises:
      UserError: photos or table are missing or wrong, no face was kept, or
        the data set is a mix.
    """
    _check_single(config)
    # TensorFlow Datasets takes seconds to import.
    import tensorflow_datasets as tfds

    from efgan_tf.data import datasets

    tfds.disable_progress_bar()  # preparation shows its own
    config = located(config)
    builder = datasets.make_builder(config, image_size)
    folder = Path(builder.data_dir)
    if folder.is_dir():
        known = builder.info.metadata
        same_units = known["units"] == list(action_units.NAMES)
        if same_units and builder.fingerprint() in ("", known["fingerprint"]):
            return _prepared(folder, is_new=False)

    _check_apart(config)
    with _work_folder(config) as work:
        outputs.replace_folder(_build(config, image_size, work), folder)
    return _prepared(folder, is_new=True)


def _check_single(config: DataConfig) -> None:
    if config.mix:
        raise UserError(
            "--dataset=mixed is several data sets, and this works on one; "
            f"give the flags of one of them ({', '.join(config.mix)})"
        )


def _check_apart(config: DataConfig) -> None:
    """Refuses to write among the photos, which would change them."""
    if config.dataset == "synthetic" or not config.source_dir:
        return
    source, target = map(os.path.realpath, (config.source_dir, config.data_dir))
    if Path(target).is_relative_to(source):
        raise UserError(
            f"--data_dir={config.data_dir} lies in the photos' folder, "
            f"--source_dir={config.source_dir}; name one outside of it"
        )


@contextlib.contextmanager
def _work_folder(config: DataConfig) -> Iterator[Path]:
    """A temporary folder in the data's own, whose errors name the flag."""
    with contextlib.ExitStack() as stack:
        try:
            work = stack.enter_context(
                outputs.temporary_folder(Path(config.data_dir) / "preparing")
            )
        except UserError as error:
            raise UserError(f"--data_dir: {error}") from error
        yield work


def _build(
    config: DataConfig, image_size: int, temporary: Path, hold_out: bool = True
) -> Path:
    """Makes a data set below a temporary folder; returns its own folder.

    TFDS would write to the final place by itself, but delete what is there
    before it starts. It takes no empty split, and which photos have a face
    shows late: then all is done again, with nobody held out.

    Raises:
      UserError: also if TensorFlow, whose errors are no `OSError`, finds the
        disk full or protected.
    """
    import tensorflow as tf

    from efgan_tf.data import datasets

    refusals = tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError
    work_dir = Path(tempfile.mkdtemp(prefix="work", dir=temporary))
    runner = _beam_runner(config)
    builder = datasets.make_builder(
        dataclasses.replace(config, data_dir=str(temporary)),
        image_size,
        work_dir,
        runner,
        hold_out,
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # TFDS talks a lot
            if runner:
                _build_with_beam(builder, runner, config.beam_options)
            else:
                builder.download_and_prepare()
    except refusals as error:
        raise UserError(
            f"cannot write {config.data_dir}: {error.message}"
        ) from error
    except NothingKept as error:
        if len(builder.plan.rows) == 1 or config.held_out_list:
            raise  # who is named is never trained on
        say(f"{error}; preparing again with nobody held out")
        return _build(config, image_size, temporary, hold_out=False)
    folder = Path(builder.data_dir)
    _write_contact_sheet(folder, image_size)
    return folder


def _beam_runner(config: DataConfig) -> str:
    """The runner to use; empty for none."""
    from efgan_tf.data import datasets

    runner = config.beam_runner
    installed = importlib.util.find_spec("apache_beam") is not None
    if runner == "none" or (
        runner == "auto" and not installed and not config.beam_options
    ):
        return ""
    if not installed:
        named = "beam_options" if runner == "auto" else f"beam_runner={runner}"
        raise UserError(
            f'--{named} needs Apache Beam: pip install "efgan_tf[beam]"'
        )
    return datasets.LOCAL_RUNNER if runner == "auto" else runner


def _build_with_beam(builder: Any, runner: str, options: str) -> None:
    import tensorflow_datasets as tfds

    # Its import warns of a client of BigQuery's, which nothing here uses.
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from efgan_tf.data import beam
    finally:
        logging.disable(before)

    runner, pipeline_options = beam.pipeline(runner, options)
    download = tfds.download.DownloadConfig(
        beam_runner=runner, beam_options=pipeline_options
    )
    with beam.as_user_error():
        builder.download_and_prepare(download_config=download)


def _write_contact_sheet(folder: Path, image_size: int) -> None:
    """Draws a sample of the faces, so that their alignment can be seen."""
    from PIL import Image

    # From disk: the set may be larger than the memory.
    faces = _read_faces(folder, image_size, "train", limit=0)
    if len(faces):
        sheet = contact_sheet.contact_sheet(faces)
        Image.fromarray(sheet).save(folder / "contact_sheet.png")


def describe(config: DataConfig, image_size: int) -> str:
    """A line for each data set: where it is prepared or would be.

    Raises:
      UserError: it would lie among its photos.
    """
    from efgan_tf.data import datasets

    if config.mix:
        return "\n".join(
            f"{part.share} {part.name}: {describe(part.data, image_size)}"
            for part in config.parts
        )
    config = located(config)
    _check_apart(config)
    folder = Path(datasets.make_builder(config, image_size).data_dir)
    state = "is prepared" if folder.is_dir() else "would be prepared"
    return f"{config.dataset} at {image_size} pixels {state} in {folder}"


def _prepared(folder: Path, is_new: bool) -> Prepared:
    report = (folder / "report.txt").read_text("utf-8")
    # The lists of files come after the units.
    summary = "\n\n".join(report.split("\n\n")[:2]).rstrip()
    return Prepared(folder, is_new, summary)


def load_parts(
    config: DataConfig,
    image_size: int,
    split: str,
    beside: Sequence[FacesPart] = (),
) -> tuple[FacesPart, ...]:
    """One split of each data set of a run, prepared first where absent.

    Args:
      config: one data set, or a mix.
      image_size: side of the aligned pictures.
      split: `"train"` or `"test"`.
      beside: loaded already, with which these share `data_memory`.

    Raises:
      UserError: as `load_faces`, or a set of a mix knows no action unit.
    """
    parts: list[FacesPart] = []
    for part in config.parts:
        others = [other.faces for other in (*beside, *parts)]
        try:
            faces = load_faces(part.data, image_size, split, others)
            if config.mix and not faces.au_mask.any():
                raise UserError(
                    "no action unit differs from photo to photo, so that "
                    "nothing can be learned from this set"
                )
        except UserError as error:
            if not config.mix:
                raise
            raise UserError(f"--mix, {part.name}: {error}") from error
        parts.append(FacesPart(part.name, part.share, faces))
    return tuple(parts)


def load_faces(
    config: DataConfig,
    image_size: int,
    split: str,
    beside: Sequence[Faces] = (),
) -> Faces:
    """One split of a data set, prepared first where it is absent.

    Args:
      config: which data set.
      image_size: side of the aligned pictures.
      split: `"train"` or `"test"`.
      beside: loaded already, with which these share `data_memory`.

    Returns:
      The faces, ordered by subject, view and file; none for the test split of
      a data set that has too few to hold any out. Their pictures stay on disk
      where they are larger than what `data_memory` leaves.

    Raises:
      UserError: as `prepare`, or there is nobody to train on.
      ValueError: there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is none of {SPLITS}")
    prepared = prepare(config, image_size)
    if prepared.is_new:
        say(prepared.summary)
    limit = config.data_memory * pictures_on_disk.memory_bytes() - sum(
        pictures_on_disk.held_bytes(faces.encoded) for faces in beside
    )
    faces = _read_faces(prepared.folder, image_size, split, limit)
    if split == "train" and not len(faces):
        raise UserError(
            f"{prepared.folder} has no faces to train on; delete it and "
            "prepare it anew"
        )
    return faces


def _read_faces(
    folder: Path, image_size: int, split: str, limit: float = math.inf
) -> Faces:
    """One split of a prepared data set; no faces where it has none.

    Args:
      folder: of the data set.
      image_size: side of its pictures.
      split: its name.
      limit: bytes of pictures that may be held in memory.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    examples: list[dict[str, Any]] = []
    paths: list[Path] = []
    if split in builder.info.splits:
        info = builder.info.splits[split]
        if info.num_bytes > limit:
            paths = [Path(path) for path in info.filepaths]
            for row, place in pictures_on_disk.indexed(
                paths, builder.info.features
            ):
                examples.append(_as_text(row) | {"image": place})
        else:
            dataset = builder.as_dataset(
                split=split, decoders={"image": tfds.decode.SkipDecoding()}
            )
            examples = [_as_text(row) for row in dataset.as_numpy_iterator()]
    examples.sort(
        key=lambda row: (row["subject"], row["view"], row["filename"])
    )
    pictures: Any = [row["image"] for row in examples]
    if paths:
        pictures = pictures_on_disk.StoredPictures(
            paths, np.array(pictures, np.int64)
        )

    def texts(name: str) -> np.ndarray:
        return np.array([row[name] for row in examples], np.str_)

    units = [row["action_units"] for row in examples]
    au_mask = np.array(builder.info.metadata["mask"], np.float32)
    return Faces(
        encoded=pictures,
        action_units=np.array(units, np.float32).reshape(-1, len(au_mask)),
        subjects=texts("subject"),
        expressions=texts("expression"),
        views=texts("view"),
        filenames=texts("filename"),
        au_mask=au_mask,
        size=image_size,
    )


def _as_text(row: dict) -> dict:
    names = ("subject", "expression", "view", "filename")
    return row | {name: row[name].decode() for name in names}
