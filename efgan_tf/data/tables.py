"""Tables of action units: which photo shows what, and who it is.

A CSV file with a `file` column, columns of action units and, if wanted,
`subject`, `expression` and `view`. Mistakes in a table stop the work with one
line that names the file, the row and the column: a table is quickly mended,
and half of one would silently teach the wrong thing.
"""

import csv
import dataclasses
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf import action_units
from efgan_tf.errors import UserError

_TEXTS = ("subject", "expression", "view")
_MAXIMUM = f"{action_units.MAX_INTENSITY:g}"

# AU12, au12, OpenFace's AU12_r (intensity) and AU12_c (presence).
_AU_COLUMN = re.compile(r"au0*(\d+)(_r|_c)?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What the table says of one photo.

    Attributes:
      file: path below the folder of photos, with forward slashes.
      action_units: float32 `[17]`, 0–5; 0 for units that are not given.
      subject: who it is; the file's own name where the table does not say.
      expression: its name, or empty.
      view: pose and light, or empty.
    """

    file: str
    action_units: np.ndarray
    subject: str
    expression: str = ""
    view: str = ""

    def says_the_same(self, other: "Row") -> bool:
        """Whether both rows agree in everything."""
        names = ("file", *_TEXTS)
        return all(
            getattr(self, name) == getattr(other, name) for name in names
        ) and np.array_equal(self.action_units, other.action_units)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of action units.

    Attributes:
      rows: by file.
      given: float32 `[17]`, 1 for the units that have a column.
      has_subjects: whether there is a `subject` column.
      has_views: whether there is a `view` column.
      repeated: how many rows were dropped since they repeat another.
      warnings: what the user should know.
    """

    rows: dict[str, Row]
    given: np.ndarray
    has_subjects: bool
    has_views: bool
    repeated: int
    warnings: list[str]


def read_table(path: str | os.PathLike) -> Table:
    """Reads a table of action units from a CSV file.

    Columns may come in any order, with spaces around their names; those that
    are not known are passed over. Commas, semicolons or tabs separate them.

    Raises:
      UserError: the file cannot be read; it has no `file` column, no action
        units or no rows; a number is missing, not a number, or not within
        0–5; or two rows contradict each other.
    """
    path = Path(path)
    try:
        return _parsed(csv.reader(*_opened(path)), path)
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file: {error}") from error


def _parsed(records: Any, path: Path) -> Table:
    filled = (r for r in records if any(cell.strip() for cell in r))
    header = [name.strip() for name in next(filled, [])]
    columns = _columns(header, path)
    rows: dict[str, Row] = {}
    lines: dict[str, int] = {}
    repeated = 0
    for record in filled:
        where = f"{path}, line {records.line_num}"
        if any(cell.strip() for cell in record[len(header) :]):
            raise UserError(
                f"{where}: {len(record)} cells under {len(header)} columns; "
                "decimal commas?"
            )
        row = _row(record, columns, where)
        first = rows.setdefault(row.file, row)
        if first is row:
            lines[row.file] = records.line_num
            continue
        if not first.says_the_same(row):
            raise UserError(
                f"{path}: lines {lines[row.file]} and {records.line_num} "
                f"contradict each other on {row.file}; delete one"
            )
        repeated += 1
    if not rows:
        raise UserError(f"{path} has a header but no rows")
    return Table(
        rows=rows,
        given=np.array(
            [name in columns for name in action_units.NAMES], np.float32
        ),
        has_subjects="subject" in columns,
        has_views="view" in columns,
        repeated=repeated,
        warnings=_warnings(header, columns),
    )


def _opened(path: Path) -> tuple[io.StringIO, type[csv.Dialect]]:
    """The file's text, and the dialect that its first line is written in."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"there is no table {path}; name a CSV file with --aus"
        ) from None
    except IsADirectoryError:
        raise UserError(
            f"{path} is a folder; name a CSV file with --aus"
        ) from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not text in UTF-8; save the table as CSV"
        ) from None
    if not text.strip():
        raise UserError(f"{path} is empty")
    header = text.lstrip().splitlines()[0]

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=header.count)
        skipinitialspace = True

    return io.StringIO(text, newline=""), Dialect


def _columns(header: list[str], path: Path) -> dict[str, int]:
    """Where each column that we use is: `file`, `AU01`…, `subject`…"""
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        match = _AU_COLUMN.fullmatch(name)
        if match and (match[2] or "").lower() != "_c":
            key = f"AU{int(match[1]):02}"
        else:
            key = name.lower()
        if key not in ("file", *_TEXTS, *action_units.NAMES):
            continue
        if key in columns:
            raise UserError(
                f"{path} gives {key} twice, in the columns "
                f"{header[columns[key]]!r} and {name!r}; delete one"
            )
        columns[key] = index
    found = ", ".join(header)
    if "file" not in columns:
        raise UserError(
            f"{path} has no column 'file' with the photos' names; it has: "
            f"{found}"
        )
    if not columns.keys() & set(action_units.NAMES):
        raise UserError(
            f"{path} has no column of action units such as AU12 or AU12_r; it "
            f"has: {found}"
        )
    return columns


def _row(record: list[str], columns: Mapping[str, int], where: str) -> Row:
    def cell(name: str) -> str:
        index = columns.get(name)
        known = index is not None and index < len(record)
        return record[index].strip() if known else ""

    file = cell("file").replace("\\", "/").removeprefix("./")
    if not file:
        raise UserError(f"{where}, column file: no name")
    units = np.zeros(action_units.COUNT, np.float32)
    for index, name in enumerate(action_units.NAMES):
        if name in columns:
            units[index] = _intensity(cell(name), f"{where}, column {name}")
    return Row(
        file=file,
        action_units=units,
        subject=cell("subject") or file,
        expression=cell("expression"),
        view=cell("view"),
    )


def _intensity(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        shown = repr(text) if text else "an empty cell"
        raise UserError(
            f"{where}: {shown} is not a number from 0 to {_MAXIMUM}"
        ) from None
    if not 0 <= value <= action_units.MAX_INTENSITY:  # also if it is NaN
        raise UserError(
            f"{where}: {text} is not within 0 to {_MAXIMUM}; mend or delete "
            "the row"
        )
    return value


def _warnings(header: list[str], columns: Mapping[str, int]) -> list[str]:
    missing = [name for name in action_units.NAMES if name not in columns]
    used = set(columns.values())
    strange = [
        name
        for index, name in enumerate(header)
        if index not in used
        and (match := _AU_COLUMN.fullmatch(name))
        and (match[2] or "").lower() != "_c"
    ]
    warnings = []
    if missing:
        warnings.append(
            f"the table has no {', '.join(missing)}: masked, not learned"
        )
    if strange:
        warnings.append(
            f"passed over, none of the 17 units: {', '.join(strange)}"
        )
    return warnings
