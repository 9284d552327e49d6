"""One line of a table: a face that somebody or something has coded."""

import dataclasses
import math
import unicodedata
from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.tables import columns as kinds
from efgan_tf.data.tables import units
from efgan_tf.data.tables.columns import Columns
from efgan_tf.data.tables.rows import Row, frame_name
from efgan_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something stands, for messages."""

    container: str
    line: int
    word: str = "line"

    def __str__(self) -> str:
        return f"{self.container}, {self.word} {self.line}"


@dataclasses.dataclass(frozen=True, eq=False)
class Sighting:
    """A line of a table.

    Attributes:
      name: what the photo is called.
      place: where the line stands.
      row: what it says, if it can be used.
      score: how sure the tool is that this is a face.
      reason: why there is no row.
      frame: number of the photo where it has no name, else 0.
    """

    name: str
    place: Place
    row: Row | None = None
    score: float = 1.0
    reason: str = ""
    frame: int = 0


def tidy(name: str) -> str:
    """A name in the one spelling in which names are compared.

    macOS spells letters with accents as two characters, others as one.
    """
    return unicodedata.normalize("NFC", name)


def read_line(
    cells: Sequence[str], columns: Columns, place: Place, own_name: str | None
) -> Sighting:
    """Reads one line of a CSV file.

    Args:
      cells: of the line.
      columns: of the file.
      place: of the line.
      own_name: what the photo is called where no column says it; if None, the
        frame's number tells the photo.

    Returns:
      What it says, or why it is of no use: a name or a number is missing.

    Raises:
      UserError: a number is not one of its column's scale.
    """
    line = _Line(cells, columns, place)
    name, frame = str(place), 0  # for a row that says of no photo what it shows
    try:
        name, frame = line.name(own_name)
        reason = line.reason()
        if reason:
            return Sighting(name, place, reason=reason, frame=frame)
        row = Row(
            file=name,
            action_units=line.action_units(),
            subject=line.text("subject") or name,
            expression=line.text("expression"),
            view=line.text("view"),
            face_at=line.face_at(),
        )
        return Sighting(name, place, row, line.score(), frame=frame)
    except units.NoNumber as error:
        return Sighting(name, place, reason=error.problem, frame=frame)
    except _NoName:
        return Sighting(name, place, reason="its row names no photo")


class _NoName(Exception):
    """A row without the photo's name."""


class _Line:
    """The cells of a line by the names of their columns."""

    def __init__(self, cells: Sequence[str], columns: Columns, place: Place):
        self._cells = cells
        self._columns = columns
        self._place = place

    def _cell(self, index: int) -> str:
        return self._cells[index].strip() if index < len(self._cells) else ""

    def text(self, name: str) -> str:
        """A cell; empty if there is no such column."""
        index = self._columns.others.get(name)
        return "" if index is None else self._cell(index)

    def _number(self, name: str) -> float:
        heading = self._columns.header[self._columns.others[name]]
        return units.finite(self.text(name), self._place, heading)

    def name(self, own_name: str | None) -> tuple[str, int]:
        """What the photo is called, and its frame's number where that tells."""
        if "file" in self._columns.others:
            name = self.text("file").replace("\\", "/").removeprefix("./")
            if not name:
                raise _NoName
            return tidy(name), 0
        if own_name is not None:
            return tidy(own_name), 0
        frame = self._number("frame")
        if frame < 1 or frame != int(frame):
            raise UserError(
                f"{self._place}, column frame: {frame:g} is not one of the "
                "numbers 1, 2, 3, …"
            )
        return frame_name(int(frame)), int(frame)

    def reason(self) -> str:
        """Why the tool's line is of no use; empty if it is."""
        tool = self._columns.tool
        if tool == kinds.FEATURE_EXTRACTION and not self._number("success"):
            return "no face found by OpenFace (success = 0)"
        if tool == kinds.LANDMARK_IMG and not self._number("confidence"):
            return "no face found by OpenFace (confidence = 0)"
        if tool == kinds.PY_FEAT and not self._has_py_feat_face():
            return "no face found by py-feat"
        return ""

    def _has_py_feat_face(self) -> bool:
        # What it has not found is NaN, which pandas writes as an empty cell.
        for name in ("facescore", "facerectx"):
            if name in self._columns.others:
                cell = self.text(name) or "nan"
                value = units.number(cell, self._place, name)
                if math.isnan(value) or (name == "facescore" and not value):
                    return False
        return True

    def score(self) -> float:
        """How sure the tool is of the face."""
        for name in ("facescore", "confidence"):
            tool = self._columns.tool
            if tool != kinds.GENERAL and name in self._columns.others:
                return self._number(name)
        return 1.0

    def action_units(self) -> np.ndarray:
        """Float32 `[17]`, 0–5."""
        scale = self._columns.scale
        vector = np.zeros(action_units.COUNT, np.float32)
        for name, column in self._columns.units.items():
            index = units.index(name)
            if index is not None:
                text = self._cell(column)
                value = scale.intensity(text, self._place, name)
                vector[index] = max(vector[index], value)
        return vector

    def face_at(self) -> tuple[float, float] | None:
        """A point inside the face, if the tool says where the face is."""
        others = self._columns.others
        if self._columns.tool == kinds.PY_FEAT:
            sides = (
                "facerectx",
                "facerecty",
                "facerectwidth",
                "facerectheight",
            )
            if not all(name in others for name in sides):
                return None
            x, y, width, height = map(self._number, sides)
            return x + width / 2, y + height / 2
        if self._columns.tool == kinds.GENERAL:
            return None
        xs, ys = map(self._mean, self._columns.landmarks)
        return None if xs is None or ys is None else (xs, ys)

    def _mean(self, indices: Sequence[int]) -> float | None:
        if not indices:
            return None
        return sum(
            units.finite(self._cell(i), self._place, self._columns.header[i])
            for i in indices
        ) / len(indices)
