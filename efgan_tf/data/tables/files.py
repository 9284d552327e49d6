"""CSV files as people have them."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from efgan_tf.errors import UserError

Records = Iterator[tuple[int, list[str]]]


class Unusable(UserError):
    """A file that is no table, or what is left of one.

    Attributes:
      reason: why, without the file's name.
    """

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} {reason}")
        self.reason = reason


def read_csv(path: Path) -> tuple[list[str], Records]:
    """A CSV file's header and records.

    Commas, semicolons or tabs separate the cells, or what a first line `sep=;`
    names, as Excel writes it; blank lines are left out.

    Returns:
      The cells of the header, and an iterator over the number of each line
      and its cells.

    Raises:
      Unusable: it cannot be read as CSV; also while iterating.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unusable(
            path, "is not text in UTF-8; save the table as CSV (UTF-8)"
        ) from None
    except OSError as error:
        raise Unusable(path, f"cannot be read: {error.strerror}") from error
    first_line = text.lstrip().split("\n", 1)[0]
    named = re.fullmatch(r'"?sep=(.)"?\r?', first_line, re.IGNORECASE)
    delimiter = named[1] if named else max(",;\t", key=first_line.count)
    records = _guarded(_records(text, delimiter), path)
    if named:
        next(records)
    for _, header in records:
        return header, records
    raise Unusable(path, "is empty")


def _records(text: str, delimiter: str) -> Records:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
    )
    for cells in reader:
        if any(map(str.strip, cells)):
            yield reader.line_num, cells


def _guarded(records: Records, path: Path) -> Records:
    try:
        yield from records
    except csv.Error as error:
        raise Unusable(path, f"is not a CSV file: {error}") from error
