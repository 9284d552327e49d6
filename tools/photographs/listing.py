"""The list of photographs: where each comes from and what its crop shows."""

import base64
import csv
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError

PICTURES = Path(__file__).with_name("pictures.csv")

CELLS = 8
"""Cells along each side of a thumbnail."""


@dataclasses.dataclass(frozen=True)
class Source:
    """One commit of a public repository.

    Attributes:
      name: its key in the list of pictures.
      set: which set of photographs the pictures belong to.
      repository: owner/name.
      commit: 40 hexadecimal digits.
      license: of the pictures.
      credit: whom to name.
      ai_generated: "1" for people who do not exist.
    """

    name: str
    set: str
    repository: str
    commit: str
    license: str
    credit: str
    ai_generated: str


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """One crop, and the original that it is cut from.

    Attributes:
      file: the crop's path below the folder that is made.
      source: the commit that has the original.
      path: of the original in the repository; `#row1,column4` behind it says
        which tile of a sheet of pictures it is.
      subject: who it shows.
      expression: what it is known to show, or empty.
      view: equal in pictures of a subject that are each other's ground truth.
      size: side of the crop in pixels.
      aligned_side: of the aligned frame in the crop, in its pixels.
      thumbnail: uint8 `[CELLS, CELLS]` of the crop (`crops.thumbnail`).
    """

    file: str
    source: Source
    path: str
    subject: str
    expression: str
    view: str
    size: int
    aligned_side: float
    thumbnail: np.ndarray

    @property
    def original(self) -> str:
        """The original's path in its repository."""
        return self.path.split("#")[0]

    @property
    def on_sheet(self) -> bool:
        """Whether the original is a sheet of many pictures."""
        return "#" in self.path


def read_list(path: str | Path = PICTURES) -> list[Picture]:
    """The pictures of a list; `sources.csv` beside it names the repositories.

    Raises:
      UserError: a file cannot be read, a column is missing, or a cell is not
        what it should be.
    """
    sources = Path(path).with_name("sources.csv")
    try:
        known = {row["name"]: Source(**row) for row in read_rows(sources)}
        return [
            Picture(
                row["file"],
                known[row["source"]],
                row["path"],
                row["subject"],
                row["expression"],
                row["view"],
                int(row["size"]),
                float(row["aligned_side"]),
                _thumbnail(row["thumbnail"]),
            )
            for row in read_rows(path)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} or {sources} is no list of pictures: {error!r}"
        ) from error


def _thumbnail(text: str) -> np.ndarray:
    pixels = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    return pixels.reshape(CELLS, CELLS)


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV file by its columns' names.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def write_manifest(path: str | Path, pictures: Iterable[Picture]) -> None:
    """Writes who is on which crop, where it comes from, and whose it is."""
    columns = (
        *("file", "set", "subject", "expression", "view", "source", "license"),
        *("credit", "ai_generated"),
    )
    rows = [
        (
            *(p.file, p.source.set, p.subject, p.expression, p.view),
            f"{p.source.repository}@{p.source.commit}:{p.path}",
            *(p.source.license, p.source.credit, p.source.ai_generated),
        )
        for p in pictures
    ]
    write_rows(path, columns, rows)


def write_rows(
    path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Writes a CSV file, its first line the columns' names."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([columns, *rows])
