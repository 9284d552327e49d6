"""Which folder the photos of a data set lie in."""

import dataclasses
import os
from pathlib import Path, PurePosixPath

from efgan_tf.common.files import files_below
from efgan_tf.config import PHOTO_SETS, DataConfig
from efgan_tf.data.photo_names import photo_set
from efgan_tf.faces.photos import SUFFIXES


def located(config: DataConfig) -> DataConfig:
    """Adds the folder of the photos, where the flags do not name it.

    TFDS's convention is to unpack such a data set below `downloads/manual` of
    the data's folder, or of TFDS's own. There, the folder of the data set's
    name counts, or else whatever holds its photos.
    """
    if config.dataset not in PHOTO_SETS:
        return config
    source = config.source_dir or _unpacked(config)
    return dataclasses.replace(config, source_dir=source)


def _unpacked(config: DataConfig) -> str:
    """The folder that a data set was unpacked to by hand; empty if none."""
    # Without a home folder `~` stays, below which there is nothing.
    home = os.path.expanduser("~/tensorflow_datasets")
    for root in (config.data_dir, os.environ.get("TFDS_DATA_DIR", home)):
        manual = Path(root, "downloads", "manual")
        if (manual / config.dataset).is_dir():
            return str(manual / config.dataset)
        if manual.is_dir() and (found := _with_photos(manual, config.dataset)):
            return str(found)
    return ""


def _with_photos(folder: Path, dataset: str) -> Path | None:
    """The folder with all of a data set's photos, or its one subfolder."""
    read_name = photo_set(dataset).read_name
    tops = {
        PurePosixPath(file).parts[:-1][:1]
        for file in files_below(folder, SUFFIXES)
        if read_name(file)
    }
    if not tops:
        return None
    return folder.joinpath(*tops.pop()) if len(tops) == 1 else folder
