"""Rebuilds the training photographs from their public sources.

    python -m tools.photographs.rebuild --out=DIR

Fetches each listed picture from its repository at its commit, finds its face,
cuts the crop and compares it with the list. What is in DIR stays, so that a run
that was interrupted goes on. Besides the crops it writes manifest.csv (who is
on them, license, credit), and held_out.csv and references.csv, the lists for
efgan_tf.evaluate_photos.
"""

import dataclasses
import functools
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import flag_files, outputs
from efgan_tf.common.options import check_at_least, option, require
from tools.photographs import listing


@dataclasses.dataclass(frozen=True)
class RebuildConfig:
    """What is rebuilt, and from where."""

    out: str = option("", "folder of the crops")
    list: str = option(
        str(listing.PICTURES), "CSV file of the pictures, beside sources.csv"
    )
    source_dir: str = option(
        "", "folder of git clones, OWNER/NAME in it, read instead of the host"
    )
    host: str = option(
        "https://raw.githubusercontent.com",
        "address below which OWNER/NAME/COMMIT/PATH lies",
    )
    connections: int = option(4, "originals that are fetched at once")

    def __post_init__(self):
        require(bool(self.out), "name the crops' folder: --out=DIR")
        check_at_least(self, 1, "connections")
        require(
            not self.source_dir or Path(self.source_dir).is_dir(),
            f"--source_dir={self.source_dir} is no folder",
        )


def main(values: flags.FlagValues) -> int:
    """Runs the command; 1 if a picture could not be made."""
    settings = config.from_flags(values, RebuildConfig)
    pictures = listing.read_list(settings.list)
    out = Path(settings.out)
    outputs.check_writable(out)
    commands.import_tensorflow()
    from tools.photographs import fetching, folder

    if settings.source_dir:
        fetch = functools.partial(fetching.from_clone, settings.source_dir)
    else:
        fetch = functools.partial(fetching.download, settings.host)
    problems = folder.rebuild(pictures, out, fetch, settings.connections)
    there = [p for p in pictures if p.file not in problems]
    configs = flag_files.packaged()
    tables = {
        "held_out.csv": configs / "photos_held_out.csv",
        "references.csv": configs / "photos_references.csv",
    }
    folder.write_tables(there, out, tables)
    for file, reason in problems.items():
        print(f"missing: {file}: {reason}")
    print(f"{len(there)} of {len(pictures)} pictures: {out}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(commands.run(main, RebuildConfig))
