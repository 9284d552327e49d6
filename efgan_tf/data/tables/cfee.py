"""CFEE's own sheet, `AU_annotation_all_subjects.xls`.

CFEE is lent to researchers, and we have not seen the file. What is known of
it comes from programs that read it: it is an .xls workbook of several sheets;
in the sheet `summary`, below a heading, the first column has the expressions'
codes (whole numbers) and the second their names; cells may be blank.

All else is assumed. A sheet has a row of headings near its top, with numbers
of action units (`1`, `AU1` or `AU 1`) and one for the subjects, if only a
blank one to the left of the units. Below, each row is a subject; a unit is
present (1 or x) or absent (0 or blank), and a unit that only other sheets
have a column for is absent. Which expression it is says a column of its own,
or else the sheet's name, by code or by name. What does not fit is refused
with the cell's name, not guessed at.
"""

import dataclasses
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.tables import units
from efgan_tf.data.tables.gathering import Gathering
from efgan_tf.data.tables.rows import Row, Table
from efgan_tf.data.tables.sightings import Place, Sighting
from efgan_tf.errors import UserError

SOURCE = "CFEE annotation sheet"

_NEW = ".xlsx"
_SUMMARY = "summary"
_TOP_ROWS = 20  # the headings are among them
_FEW = 3  # plain numbers in one row that are taken for headings

_UNIT = re.compile(r"(AU *)?0*([1-9]\d?)", re.IGNORECASE)
_CODE = re.compile(
    r"(?:(?:category|emotion|expression|code)[ _-]*)?0*([1-9]\d?)(?:[ _-].*)?",
    re.IGNORECASE,
)
_EMOTION = re.compile("categ|emotion|expression|code")
_SUBJECT = re.compile(r"\D*0*([1-9]\d*)\D*")
_PRESENT = {"": 0.0, "0": 0.0, "1": 1.0, "x": 1.0}

# What xlrd raises for damaged workbooks besides its own errors.
_BROKEN = (
    AssertionError, IndexError, KeyError, TypeError, ValueError, OSError,
    OverflowError, MemoryError, struct.error,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Sheet:
    """A sheet as text: whole numbers without a point, blank cells empty."""

    path: Path
    name: str
    rows: list[list[str]]

    def place(self, row: int) -> Place:
        return Place(f"{self.path}, sheet {self.name!r}", row + 1, "row")

    def refusal(self, row: int, column: int, problem: str) -> UserError:
        from xlrd import colname

        shown = repr(self.rows[row][column]).replace("''", "a blank cell")
        return UserError(
            f"{self.place(row)}, column {colname(column)}: {shown} {problem}"
        )


@dataclasses.dataclass(frozen=True)
class _Headings:
    """The row of headings and the columns of what we read."""

    row: int
    subject: int
    emotion: int | None
    units: dict[int, str]


def is_sheet(path: str | os.PathLike) -> bool:
    """Whether a table is a workbook, old or new, by its name."""
    return os.path.splitext(path)[1].lower() in (".xls", _NEW)


def read_sheet(path: Path) -> Table:
    """Reads CFEE's sheet; rows are named as `"04_221"`, code and subject.

    Raises:
      UserError: xlrd is missing; the file is no .xls workbook; or something
        in it is not understood.
    """
    sheets = _read_workbook(path)
    emotions = _emotions(sheets)
    gathering = Gathering(path, several=False)
    names: dict[str, None] = {}
    for sheet in sheets:
        if sheet.name.strip().lower() == _SUMMARY or not any(
            map(any, sheet.rows)
        ):
            continue
        headings = _find_headings(sheet)
        names.update(dict.fromkeys(headings.units.values()))
        for index in range(headings.row + 1, len(sheet.rows)):
            if any(sheet.rows[index]):
                gathering.add(_sighting(sheet, headings, index, emotions))
    if gathering.empty:
        raise UserError(f"{path} has no rows but in the sheet {_SUMMARY!r}")
    return gathering.table(SOURCE, units.PRESENCE, sorted(names), ["subject"])


def emotion_names(path: str | os.PathLike) -> dict[int, str]:
    """What the expressions of CFEE's sheet are called.

    Returns:
      Names in lower case by code, from the sheet `summary`; empty if there is
      no such sheet.

    Raises:
      UserError: xlrd is missing, or the file is no .xls workbook.
    """
    return _emotions(_read_workbook(Path(path)))


def _read_workbook(path: Path) -> list[_Sheet]:
    if path.suffix.lower() == _NEW:
        raise UserError(
            f"{path}: save it as .xls if it is CFEE's sheet, and any other "
            "table as CSV"
        )
    try:
        import xlrd
        from xlrd.compdoc import CompDocError
    except ImportError:
        raise UserError(
            f"{path} needs xlrd to be read: pip install xlrd"
        ) from None
    try:
        with open(os.devnull, "w") as log:
            book = xlrd.open_workbook(os.fspath(path), logfile=log)
    except (xlrd.XLRDError, CompDocError, *_BROKEN) as error:
        raise UserError(f"{path} is no .xls workbook: {error}") from error
    return [
        _Sheet(
            path,
            sheet.name,
            [[_text(cell) for cell in row] for row in sheet.get_rows()],
        )
        for sheet in book.sheets()
    ]


def _text(cell: Any) -> str:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code[cell.value]
    if cell.ctype == xlrd.XL_CELL_NUMBER and cell.value.is_integer():
        return str(int(cell.value))
    return str(cell.value).strip()


def _emotions(sheets: list[_Sheet]) -> dict[int, str]:
    for sheet in sheets:
        if sheet.name.strip().lower() == _SUMMARY:
            return {
                int(row[0]): row[1].lower()
                for row in sheet.rows
                if len(row) > 1 and row[0].isdecimal() and row[1]
            }
    return {}


def _find_headings(sheet: _Sheet) -> _Headings:
    for index, row in enumerate(sheet.rows[:_TOP_ROWS]):
        found = _unit_columns(row)
        if found:
            return _read_headings(sheet, index, found)
    raise UserError(
        f"{sheet.place(0).container}: none of the first {_TOP_ROWS} rows has "
        "headings such as 'subject' and action units (1, 2, 4, …)"
    )


def _unit_columns(row: list[str]) -> dict[int, str]:
    """Columns of units, if the row is that of the headings.

    Numbers alone are headings if there are some, all are different, and all
    can be units, so no 3: the rows below have subjects and repeat 0 and 1, and
    the expressions' codes count from 1 on.
    """
    matches = {c: _UNIT.fullmatch(text) for c, text in enumerate(row) if text}
    found = {c: f"AU{int(m[2]):02}" for c, m in matches.items() if m}
    if any(m[1] for m in matches.values() if m):
        return found
    numbers = [text for text in row if text.isdecimal()]
    names = set(found.values())
    few = len(names) < max(_FEW, len(numbers))
    return {} if few or "AU03" in names else found


def _read_headings(
    sheet: _Sheet, index: int, found: dict[int, str]
) -> _Headings:
    """The columns of the headings' row, those of units being known.

    Raises:
      UserError: a unit has two columns, or the subjects have none.
    """
    row = sheet.rows[index]
    first: dict[str, int] = {}
    for column, name in found.items():
        if first.setdefault(name, column) != column:
            raise sheet.refusal(index, column, "is there twice")
    texts = {c: text.lower() for c, text in enumerate(row) if c not in found}
    subjects = [c for c, text in texts.items() if "subj" in text]
    emotions = [
        c
        for c, text in texts.items()
        if c not in subjects and _EMOTION.search(text)
    ]
    # The first column without a heading of its own is about who it is.
    subjects += [c for c in texts if c < min(found) and c not in emotions]
    if not subjects:
        raise sheet.refusal(index, 0, "and the others: no one names subjects")
    emotion = emotions[0] if emotions else None
    return _Headings(index, subjects[0], emotion, found)


def _sighting(
    sheet: _Sheet,
    headings: _Headings,
    index: int,
    emotions: Mapping[int, str],
) -> Sighting:
    row = sheet.rows[index]
    subject = _SUBJECT.fullmatch(row[headings.subject])
    if not subject:
        raise sheet.refusal(index, headings.subject, "is no subject's number")
    code = _code_of(sheet, headings, index, emotions)
    vector = np.zeros(action_units.COUNT, np.float32)
    for column, name in headings.units.items():
        present = _PRESENT.get(row[column].lower())
        if present is None:
            raise sheet.refusal(
                index, column, f"under {name} is neither 0 or blank nor 1 or x"
            )
        unit = units.index(name)
        if unit is not None:
            value = present * units.PRESENCE.factor
            vector[unit] = max(vector[unit], value)
    number = f"{int(subject[1]):03}"
    name = f"{code:02}_{number}"
    expression = emotions.get(code, "")
    return Sighting(
        name, sheet.place(index), Row(name, vector, number, expression)
    )


def _code_of(
    sheet: _Sheet,
    headings: _Headings,
    index: int,
    emotions: Mapping[int, str],
) -> int:
    """The expression's code, from the row or from the sheet's name."""
    column = headings.emotion
    text = sheet.name if column is None else sheet.rows[index][column]
    match = _CODE.fullmatch(text.strip())
    known = [
        code
        for code, name in emotions.items()
        if (code == int(match[1]) if match else name == text.strip().lower())
    ]
    if len(known) == 1:
        return known[0]
    if match and not emotions:
        return int(match[1])
    problem = f"is no expression's code or name in the sheet {_SUMMARY!r}"
    if column is not None:
        raise sheet.refusal(index, column, problem)
    raise UserError(
        f"{sheet.place(index)}: no column tells the expression, and the "
        f"sheet's name {problem}"
    )
