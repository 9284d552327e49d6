"""Makes synthetic face photos with exact action units.

    python -m efgan_tf.synthesize --out=DIR --subjects=64 --size=256
    python -m efgan_tf.synthesize --sheet=faces.jpg --subjects=8 --size=128

Writes DIR/photos, DIR/aus.csv (action units 0–5) and DIR/landmarks.csv.
"""

import dataclasses
import sys
from pathlib import Path

from absl import flags
from PIL import Image

from efgan_tf import config as config_lib
from efgan_tf.commands import run
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import option
from efgan_tf.synthetic.sheet import write_sheet
from efgan_tf.synthetic.synthesis import SynthesizeConfig, write_photos


@dataclasses.dataclass(frozen=True)
class OutputConfig:
    """Where the result goes."""

    out: str = option("", "folder to write")
    sheet: str = option(
        "", "picture to write instead: every subject, eight expressions"
    )
    overwrite: bool = option(False, "replace what is there: a folder, a sheet")

    def __post_init__(self):
        if bool(self.out) == bool(self.sheet):
            raise UserError("give --out=FOLDER or --sheet=FILE, one of them")
        suffix = Path(self.sheet).suffix.lower()
        if self.sheet and suffix not in Image.registered_extensions():
            raise UserError(
                f"--sheet={self.sheet} must end in .jpg, .png or the like"
            )


def main(values: flags.FlagValues) -> None:
    output = config_lib.from_flags(values, OutputConfig)
    config = config_lib.from_flags(values, SynthesizeConfig)
    if output.sheet:
        write_sheet(output.sheet, config, output.overwrite)
    else:
        write_photos(output.out, config, output.overwrite)


if __name__ == "__main__":
    sys.exit(run(main, OutputConfig, SynthesizeConfig))
