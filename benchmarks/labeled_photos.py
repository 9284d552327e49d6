"""Settings of benchmarks that read photographs with a table of labels."""

import dataclasses

from benchmarks import harness
from efgan_tf.common.options import option, require


@dataclasses.dataclass(frozen=True)
class LabeledPhotosConfig:
    """Which photographs, and where the report goes."""

    photos: str = option("", "folder of the photographs")
    aus: str = option("", "their table: file, subject, units and expression")
    held_out: str = option(
        "configs/photos_held_out.csv", "people to leave out: subject"
    )
    out: str = option("", harness.OUT)

    def __post_init__(self):
        require(bool(self.photos and self.aus), "give --photos and --aus")
