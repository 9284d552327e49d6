"""CSV files as people have them, and the names in them.

The standard library splits them, not pandas: messages name lines, which pandas
does not keep, and it would take longer rows for an index or cut them off.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.common.errors import UserError

Lines = Iterator[tuple[int, list[str]]]


class UnusableFile(UserError):
    """A file that is no table, or what is left of one.

    Attributes:
      reason: why, without the file's name.
    """

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} {reason}")
        self.reason = reason


def read_csv(path: Path) -> tuple[list[str], Lines]:
    """A CSV file's header, and the number and cells of each line below.

    Commas, semicolons or tabs separate the cells, or what a first line `sep=;`
    names, as Excel writes it. Blank lines are left out.

    Raises:
      UnusableFile: it cannot be read as CSV; also while iterating.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableFile(
            path, "is not text in UTF-8; save the table as CSV (UTF-8)"
        ) from None
    except OSError as error:
        raise UnusableFile(path, f"cannot be read: {error.strerror}") from error
    first_line = text.lstrip().split("\n", 1)[0]
    named = re.fullmatch(r'"?sep=(.)"?\r?', first_line, re.IGNORECASE)
    delimiter = named[1] if named else max(",;\t", key=first_line.count)
    lines = _lines(path, text, delimiter)
    if named:
        next(lines)
    for _, header in lines:
        return header, lines
    raise UnusableFile(path, "is empty")


def _lines(path: Path, text: str, delimiter: str) -> Lines:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
    )
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UnusableFile(path, f"is not a CSV file: {error}") from error


def read_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file, each as column → cell, without outer spaces.

    Cells that a short line lacks are empty.

    Raises:
      UnusableFile: it cannot be read as CSV.
    """
    header, lines = read_csv(path)
    names = [name.strip() for name in header]
    return [
        dict.fromkeys(names, "")
        | dict(zip(names, map(str.strip, cells), strict=False))
        for _, cells in lines
    ]


def normalize_name(name: str) -> str:
    """A name in the one spelling in which names are compared.

    macOS writes a letter with an accent as two characters, others as one.
    """
    return unicodedata.normalize("NFC", name)
