"""Settings of `python -m efgan_tf.evaluate_photos`."""

import dataclasses

from efgan_tf.common import flag_files
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.trained.presets import DEFAULT


@dataclasses.dataclass(frozen=True)
class EvaluatePhotosConfig:
    """What is measured, and by whom."""

    model: str = option(DEFAULT, "trained model to measure; as --model of edit")
    photos: str = option("", "folder of the photographs")
    people: str = option(
        str(flag_files.packaged() / "photos_held_out.csv"),
        "CSV file of the people to edit, whom the model has not seen: file and "
        "subject, and if known set, sha256, shown (1: may be on sheets)",
    )
    references: str = option(
        "",
        "CSV file of other real photographs, for KID: file and expression",
    )
    readers: str = option("readers", "folder of the readers' npm packages")
    out: str = option("", "folder of the report")
    overwrite: bool = option(False, "replace a report that is there")
    eval_seed: int = option(0, "of the intervals")

    def __post_init__(self):
        check_at_least(self, 0, "eval_seed")
        require(bool(self.photos), "name the photographs' folder: --photos=DIR")
        require(bool(self.out), "name the report's folder: --out=DIR")
