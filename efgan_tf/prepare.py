"""Prepares faces: detects, aligns and stores them with their action units.

    python -m efgan_tf.prepare --dataset=synthetic --subjects=60
    python -m efgan_tf.prepare --dataset=folder --source_dir=DIR --aus=CSV
    python -m efgan_tf.prepare --flagfile=configs/rafd.flags \\
        --source_dir=DIR --aus=DIR

The result lies below --data_dir with a report on every photo (report.txt,
report.json) and a contact sheet of aligned faces. What is prepared already is
found again; --dry_run shows where.
"""

import sys

from absl import flags

from efgan_tf import commands, config


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values)
    commands.import_tensorflow()
    from efgan_tf import data

    size = settings.model.image_size
    if settings.train.dry_run:
        print(data.describe(settings.data, size))
        return
    for part in settings.data.parts:
        if settings.data.mix:
            print(f"{part.share} of every batch: {part.name}")
        prepared = data.prepare(part.data, size)
        print(prepared.summary)
        state = "prepared" if prepared.is_new else "prepared already"
        print(f"{state}: {prepared.folder}")
        print(f"look at:  {prepared.folder / 'contact_sheet.png'}")


if __name__ == "__main__":
    sys.exit(commands.run(main))
