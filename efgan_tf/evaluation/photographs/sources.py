"""Whose photographs are edited: a list of people whom no model has seen."""

import csv
import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.faces.photos import read_photo


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A photograph of somebody who was held out.

    Attributes:
      file: its name below the folder of photographs.
      subject: who it shows.
      group: the set that it comes from; empty if the list does not say.
      expression: what it is known to show; empty if the list does not say.
      shown: whether its edits may be published.
      pixels: uint8 `[height, width, 3]`.
    """

    file: str
    subject: str
    group: str
    expression: str
    shown: bool
    pixels: np.ndarray


def read_photos(folder: str | Path, listed: str | Path) -> list[Photo]:
    """The photographs that a list names.

    Args:
      folder: where they lie.
      listed: CSV file with the columns `file` and `subject`, and as far as
        known `set`, `expression`, `shown` (1: edits may be published) and
        `sha256`.

    Raises:
      UserError: the list or a photograph cannot be read, or a photograph is
        not the listed one.
    """
    try:
        with open(listed, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{listed} cannot be read: {error}") from error
    if not rows or not all(
        row.get("file") and row.get("subject") for row in rows
    ):
        raise UserError(
            f"{listed} needs the columns file and subject, filled in each line"
        )
    return [_photo(Path(folder), row) for row in rows]


def _photo(folder: Path, row: dict[str, str]) -> Photo:
    path = folder / row["file"]
    pixels = read_photo(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if row.get("sha256") not in (None, "", digest):
        raise UserError(f"{path} is not the listed photograph: SHA-256 differs")
    return Photo(
        row["file"],
        row["subject"],
        row.get("set") or "",
        row.get("expression") or "",
        row.get("shown") == "1",
        pixels,
    )
