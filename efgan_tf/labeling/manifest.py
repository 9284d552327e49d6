"""A list of photos that says who is on them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from efgan_tf.common.csv_files import UnusableFile, normalize_name, read_csv
from efgan_tf.common.errors import UserError

NAME = "manifest.csv"
"""What counts where the photos' folder has it."""

_COLUMNS = ("subject", "expression", "view")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What is known of photos besides their action units.

    Attributes:
      columns: which of subject, expression, view it has.
      rows: by photo, the cells of these columns.
      missing: files that it names and that are no photos of the folder.
      silent: photos that it does not name.
    """

    columns: tuple[str, ...] = ()
    rows: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    missing: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def cells(self, file: str) -> tuple[str, ...]:
        """The cells of a photo; empty ones if it is not named."""
        return self.rows.get(file, ("",) * len(self.columns))


def read_manifest(
    path: Path, files: Sequence[str], keep_view: bool = False
) -> Manifest:
    """Reads a CSV file with a column `file` and any others.

    Args:
      path: of the manifest.
      files: the photos, as paths below their folder.
      keep_view: whether its view is what `--dataset=folder` means by it.

    Raises:
      UserError: it cannot be read, does not name files, or names one twice.
    """
    header, records = read_csv(path)
    names = [name.strip().lower() for name in header]
    if "file" not in names:
        raise UnusableFile(
            path,
            f"has no column 'file' (it has: {', '.join(header)}); rename it, "
            "or give efgan_tf.label another --manifest, or none",
        )
    kept = [
        name
        for name in _COLUMNS
        if name in names and (name != "view" or keep_view)
    ]
    known = {normalize_name(file): file for file in files}
    rows: dict[str, tuple[str, ...]] = {}
    missing: list[str] = []
    for line, cells in records:
        cells = [*cells, *[""] * (len(names) - len(cells))]
        name = normalize_name(
            cells[names.index("file")].strip().replace("\\", "/")
        )
        file = known.get(name.removeprefix("./"))
        if file is None:
            missing.append(name)
        elif file in rows:
            raise UserError(f"{path}, line {line}: {file} is there twice")
        else:
            rows[file] = tuple(cells[names.index(n)].strip() for n in kept)
    silent = tuple(file for file in files if file not in rows)
    return Manifest(tuple(kept), rows, tuple(missing), silent)
