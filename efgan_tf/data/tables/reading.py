"""Reads a table of any known make."""

import os
from pathlib import Path

from efgan_tf.data.listing import files_below
from efgan_tf.data.tables import columns as kinds
from efgan_tf.data.tables.cfee import is_sheet, read_sheet
from efgan_tf.data.tables.columns import Columns, find_columns
from efgan_tf.data.tables.files import Unusable, read_csv
from efgan_tf.data.tables.gathering import Gathering
from efgan_tf.data.tables.rows import Table
from efgan_tf.data.tables.sightings import (
    Place,
    Sighting,
    read_line,
    tidy,
)
from efgan_tf.errors import UserError

_CSV = ".csv"


def read_table(path: str | os.PathLike) -> Table:
    """Reads a table of action units.

    It may be a CSV file with a column `file`; what OpenFace's FaceLandmarkImg
    or FeatureExtraction or py-feat wrote, as one file or as a folder with one
    CSV file for each photo; or CFEE's own sheet (.xls, needs xlrd). Columns
    may come in any order and case, with spaces around their names; those that
    are not known are passed over. Presence and probabilities are brought to
    the scale from 0 to 5, with a warning. Of several faces in one photo the
    tool's most certain one is taken.

    Raises:
      UserError: the table cannot be read; photos are not named, or no action
        units are given; a number is not within its scale; two rows contradict
        each other; a folder mixes tables whose numbers cannot be compared; or
        not one row can be used. Rows without a name or with a number missing,
        and single files of a folder that are empty or damaged, are listed in
        `dropped` instead.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise UserError(f"there is no table {path}; name one with --aus")
    if is_sheet(path):
        return read_sheet(path)
    header, records = read_csv(path)
    columns = find_columns(header, path)
    own_name = None
    if columns.tool == kinds.LANDMARK_IMG:
        own_name = path.stem
    elif columns.tool != kinds.FEATURE_EXTRACTION:
        kinds.check_names(columns, path)
    gathering = _gathering(path, columns)
    for line, cells in records:
        gathering.add(_sighting(path, line, cells, columns, own_name))
    if gathering.empty:
        raise Unusable(path, "has a header but no rows")
    return gathering.table(
        columns.source, columns.scale, columns.units, columns.others
    )


def table_files(path: Path) -> list[Path]:
    """The files of a table: itself, or the CSV files below a folder."""
    if not path.is_dir():
        return [path]
    return [path / name for name in files_below(path, frozenset([_CSV]))]


def _read_folder(folder: Path) -> Table:
    """Reads a folder with one CSV file for each photo."""
    files = table_files(folder)
    if not files:
        raise UserError(
            f"{folder} has no CSV files; name a table, or a folder with one "
            "for each photo, with --aus"
        )
    known: dict[tuple[str, ...], Columns] = {}
    lost: dict[str, str] = {}
    gathering = None
    for path in files:
        name = tidy(path.relative_to(folder).with_suffix("").as_posix())
        try:
            columns, sightings = _read_small(path, name, known, len(files) == 1)
        except Unusable as error:
            lost[name] = f"its table {error.reason}"
            continue
        if gathering is None:
            gathering = _gathering(folder, columns)
            first = columns, path
        kinds.check_alike(*first, columns, path)
        for sighting in sightings:
            gathering.add(sighting)
    if gathering is None:
        name, reason = next(iter(lost.items()))
        raise UserError(
            f"{folder}: none of the {len(files)} CSV files can be used; the "
            f"first, {name}: {reason}"
        )
    for name, reason in lost.items():
        gathering.lose(name, reason)
    columns, _ = first
    others = set().union(*(each.others for each in known.values()))
    return gathering.table(columns.source, columns.scale, columns.units, others)


def _read_small(
    path: Path, name: str, known: dict[tuple[str, ...], Columns], alone: bool
) -> tuple[Columns, list[Sighting]]:
    """Reads the table of one photo.

    Args:
      path: of the table.
      name: of the photo, if no column names it.
      known: columns by header, to which those of new headers are added: there
        are thousands of tables alike.
      alone: whether it is the only file of its folder; then FeatureExtraction
        may have numbered all photos in it.

    Raises:
      Unusable: it is empty or damaged.
    """
    header, records = read_csv(path)
    columns = known.get(tuple(header)) or find_columns(header, path)
    numbered = alone and columns.tool == kinds.FEATURE_EXTRACTION
    sightings = []
    for line, cells in records:
        if len(cells) < len(columns.header):
            raise Unusable(
                path,
                f"is cut off (line {line} has {len(cells)} of "
                f"{len(columns.header)} cells)",
            )
        own_name = None if numbered else name
        sightings.append(_sighting(path, line, cells, columns, own_name))
    if not sightings:
        raise Unusable(path, "has a header but no rows")
    known[tuple(header)] = columns
    return columns, sightings


def _gathering(path: Path, columns: Columns) -> Gathering:
    return Gathering(path, several=columns.tool != kinds.GENERAL)


def _sighting(
    path: Path,
    line: int,
    cells: list[str],
    columns: Columns,
    own_name: str | None,
) -> Sighting:
    place = Place(str(path), line)
    if any(cell.strip() for cell in cells[len(columns.header) :]):
        raise UserError(
            f"{place}: {len(cells)} cells under {len(columns.header)} columns; "
            "decimal commas?"
        )
    return read_line(cells, columns, place, own_name)
