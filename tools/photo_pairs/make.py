r"""Makes ground truth for photographs: the same person with another expression.

    python -m tools.photo_pairs.make --source_dir=PHOTOS --aus=aus.csv \
        --out=PAIRS

PAIRS gets each photo, cropped, up to seven changed ones of it, and aus.csv for
--dataset=folder, in which a photo and its changed ones share subject and view:

    python -m efgan_tf.train --pairing=paired --lambda_paired=10 \
        --dataset=folder --fixed_pose --source_dir=PAIRS --aus=PAIRS/aus.csv ...

Units are read off the pictures by efgan_tf.label, but those of which labels of
photographs are poor: AU09, AU10, AU15 and AU23 are what the change made them, 0
in photos as they are; a frown, narrowed and closed eyes add to AU04, AU07 and
AU45 of the photo. AU17 is left out.
"""

import csv
import dataclasses
import multiprocessing
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from absl import flags
from PIL import Image

from efgan_tf import commands, config
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.common.progress import Progress
from tools.photo_pairs import plans, vary

_UNREAD = "AU17"


@dataclasses.dataclass(frozen=True)
class PairsConfig:
    """Which photos are changed."""

    source_dir: str = option("", "folder of the photos")
    aus: str = option(
        "",
        "their action units, subjects and expressions (neutral, smiling or "
        "happy count): a table that efgan_tf.label made",
    )
    held_out_list: str = option(
        "", "CSV file with a column subject: who is not used at all"
    )
    same_view: tuple[str, ...] = option(
        (),
        "folders below --source_dir whose photos of one subject are ground "
        "truth of each other already",
    )
    out: str = option("", "folder to write")
    limit: int = option(0, "how many photos; 0: all")
    seed: int = option(0, "of what is drawn")
    processes: int = option(2, "to work with")
    overwrite: bool = option(False, "replace the folder")

    def __post_init__(self):
        require(
            bool(self.source_dir and self.aus and self.out),
            "give --source_dir, --aus and --out",
        )
        check_at_least(self, 0, "limit", "seed")
        check_at_least(self, 1, "processes")


class _Work:
    """Writes a photo and its changed ones."""

    def __init__(self, found, settings: PairsConfig, folder: Path):
        self._found, self._settings, self._folder = found, settings, folder
        self._varier = vary.Varier(found)

    def __call__(self, photo: int) -> list[dict[str, Any]]:
        found = self._found
        rng = np.random.default_rng([self._settings.seed, photo])
        stem = _stem(found.files[photo])
        variations = [vary.Variation(found.face(photo))]
        for plan in plans.plans(found.units[photo], rng):
            variations.append(self._varier.vary(photo, plan, rng))
        rows = []
        for number, variation in enumerate(variations):
            if number and not variation.changes:
                continue
            file = f"{stem}__{number}.jpg" if number else f"{stem}.jpg"
            picture = Image.fromarray(variation.face.picture)
            picture.save(self._folder / file, quality=95)
            rows.append(
                {
                    "file": file,
                    "subject": found.subjects[photo],
                    "view": self._view(photo, stem),
                    "changes": "+".join(variation.changes),
                    **{unit: f"{x:.2f}" for unit, x in variation.known.items()},
                    "added": variation.added,
                }
            )
        return rows

    def _view(self, photo: int, stem: str) -> str:
        folder = self._found.files[photo].split("/")[0]
        return folder if folder in self._settings.same_view else stem


_work: _Work  # of this process


def _start(*arguments: Any) -> None:
    """Gets a process ready."""
    global _work
    cv2.setNumThreads(1)
    _work = _Work(*arguments)


def _make(photo: int) -> list[dict[str, Any]]:
    return _work(photo)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, PairsConfig)
    commands.import_tensorflow()
    from tools.photo_pairs import photographs

    outputs.check_free(settings.out, settings.overwrite)
    found = photographs.read(
        settings.source_dir, settings.aus, settings.held_out_list
    )
    _check_names(found.files, settings.same_view)
    if len(found.smiles()) < vary.LEAST_SMILES:
        print(
            f"fewer than {vary.LEAST_SMILES} people have a neutral and a "
            "smiling photo, from which closing mouths is learned: photos that "
            "show teeth get one change only"
        )
    count = min(settings.limit or len(found), len(found))
    progress = Progress("pairs", count, "photos")
    made: list[dict[str, Any]] = []
    with outputs.atomic_folder(settings.out, settings.overwrite) as folder:
        # Not forked: the threads of the networks above would be missing there.
        context = multiprocessing.get_context("spawn")
        start = found, settings, folder
        with context.Pool(settings.processes, _start, start) as pool:
            for rows in pool.imap(_make, range(count), chunksize=4):
                made += rows
                progress.advance()
        progress.finish()
        kept = _write_table(folder, made)
    print(f"{kept} pictures of {count} photos: {settings.out}")


def _stem(file: str) -> str:
    """What the files that are made of a photo begin with."""
    return file.rsplit(".", 1)[0].replace("/", "_")


def _check_names(files: Sequence[str], same_view: Sequence[str]) -> None:
    """Raises a `UserError` for what would be mixed up or not be found."""
    by_stem: dict[str, str] = {}
    for file in files:
        stem = re.sub(r"__\d$", "", _stem(file))
        if stem in by_stem:
            raise UserError(
                f"{by_stem[stem]} and {file} would get the same names; rename "
                "one of them"
            )
        by_stem[stem] = file
    for folder in same_view:
        if not any(file.startswith(f"{folder}/") for file in files):
            raise UserError(f"--same_view={folder}: no photo lies in {folder}/")


def _write_table(folder: Path, made: list[dict[str, Any]]) -> int:
    """aus.csv: who and in which view, and the units, read or known.

    Pictures in which the labeler sees no face are removed.

    Returns:
      How many pictures are left.
    """
    from efgan_tf.labeling import labeler, mapping

    labels = labeler.label_photos(folder, [row["file"] for row in made])
    read = {label.file: label.action_units for label in labels.labels}
    units = [
        unit for unit in mapping.UNITS if unit not in (_UNREAD, *vary.KNOWN)
    ]
    columns = ["file", "subject", "view", "changes", *vary.KNOWN, *units]
    with open(folder / "aus.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        kept = 0
        for row in made:
            if not row["changes"]:
                photo = row
            if row["file"] not in read or photo["file"] not in read:
                (folder / row["file"]).unlink()
                continue
            kept += 1
            values = dict(zip(mapping.UNITS, read[row["file"]], strict=True))
            before = dict(zip(mapping.UNITS, read[photo["file"]], strict=True))
            for unit, change in row.pop("added").items():
                if change:
                    values[unit] = min(5, before[unit] + change)
            writer.writerow(
                row | {unit: f"{values[unit]:.2f}" for unit in units}
            )
    return kept


if __name__ == "__main__":
    sys.exit(commands.run(main, PairsConfig))
