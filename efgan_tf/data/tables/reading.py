"""Reads a table of any known tool."""

import os
from pathlib import Path

from efgan_tf.common.csv_files import UnusableFile, normalize_name, read_csv
from efgan_tf.common.errors import UserError
from efgan_tf.common.files import files_below
from efgan_tf.data.photo_names import some
from efgan_tf.data.tables import columns as kinds
from efgan_tf.data.tables.builder import TableBuilder
from efgan_tf.data.tables.columns import Columns, check_same_kind, find_columns
from efgan_tf.data.tables.rows import Table, TableLine, read_line

_CSV = ".csv"


def read_table(path: str | os.PathLike) -> Table:
    """Reads a table of action units.

    It may be a CSV file with a column `file`, or what OpenFace's
    FaceLandmarkImg or FeatureExtraction or py-feat wrote, as one file or as a
    folder with one CSV file for each photo. Columns may come in any order and
    case, with spaces around their names; those that are not known are passed
    over. Presence and probabilities are brought to the scale from 0 to 5, with
    a warning. Of several faces in one photo the tool's most certain one is
    taken.

    Raises:
      UserError: the table cannot be read; photos are not named, or no action
        units are given; a number is not within its scale; two rows contradict
        each other; a folder mixes tables whose numbers cannot be compared; or
        not one row can be used. Rows without a name or with a number missing,
        and single files of a folder that are empty or damaged, are listed in
        `dropped` instead.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"there is no table {path}; name one with --aus")
    in_folder = path.is_dir()
    files = table_files(path)
    if not files:
        raise UserError(
            f"{path} has no CSV files; name a table, or a folder with one "
            "for each photo, with --aus"
        )
    # Thousands of files have the same header.
    known: dict[tuple[str, ...], Columns] = {}
    unusable: dict[str, str] = {}
    builder = None
    for file in files:
        below = file.relative_to(path) if in_folder else Path(file.name)
        name = normalize_name(below.with_suffix("").as_posix())
        try:
            columns, rows = _read_file(file, name, known, in_folder, len(files))
        except UnusableFile as error:
            if not in_folder:
                raise
            unusable[name] = f"its table {error.reason}"
            continue
        if builder is None:
            builder = TableBuilder(path, columns)
            first = columns, file
        check_same_kind(*first, columns, file)
        for row in rows:
            builder.add(row)
    if builder is None:
        name, reason = next(iter(unusable.items()))
        raise UserError(
            f"{path}: none of the {len(files)} CSV files can be used; the "
            f"first, {name}: {reason}"
        )
    for name, reason in unusable.items():
        builder.drop(name, reason)
    return builder.table(set().union(*(c.others for c in known.values())))


def table_files(path: Path) -> list[Path]:
    """The files of a table: itself, or the CSV files below a folder."""
    if not path.is_dir():
        return [path]
    return [path / name for name in files_below(path, frozenset([_CSV]))]


def _read_file(
    path: Path,
    name: str,
    known: dict[tuple[str, ...], Columns],
    in_folder: bool,
    count: int,
) -> tuple[Columns, list[TableLine]]:
    """Reads one file.

    Args:
      path: of the file.
      name: what the photo is called, if no column names it.
      known: columns by header, to which those of a new header are added.
      in_folder: whether the table is a folder of files.
      count: how many files the table has; if one, FeatureExtraction may have
        numbered all photos in it.

    Raises:
      UnusableFile: it is empty or damaged.
      UserError: nothing names the photos, or a line is wrong.
    """
    header, lines = read_csv(path)
    columns = known.get(tuple(header)) or find_columns(header, path)
    numbered = count == 1 and columns.tool == kinds.FEATURE_EXTRACTION
    by_file = in_folder or columns.tool == kinds.LANDMARK_IMG
    if not (by_file or numbered or "file" in columns.others):
        raise UserError(
            f"{path} has no column 'file' with the photos' names; it has: "
            f"{some(columns.header)}"
        )
    rows = []
    for line, cells in lines:
        width = len(columns.header)
        if in_folder and len(cells) < width:
            raise UnusableFile(
                path,
                f"is cut off (line {line} has {len(cells)} of {width} cells)",
            )
        if any(cell.strip() for cell in cells[width:]):
            raise UserError(
                f"{path}, line {line}: {len(cells)} cells under {width} "
                "columns; decimal commas?"
            )
        default_name = None if numbered else name
        rows.append(read_line(cells, columns, str(path), line, default_name))
    if not rows:
        raise UnusableFile(path, "has a header but no rows")
    known[tuple(header)] = columns
    return columns, rows
