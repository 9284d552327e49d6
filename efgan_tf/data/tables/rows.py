"""The form that every table is read into, and how a line becomes a row."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.csv_files import normalize_name
from efgan_tf.common.errors import UserError
from efgan_tf.data.tables import columns as kinds
from efgan_tf.data.tables import units
from efgan_tf.data.tables.columns import Columns
from efgan_tf.data.tables.units import MissingValue

_TEXTS = ("file", "subject", "expression", "view", "face_at")


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What a table says about one photo.

    Attributes:
      file: path below the folder of photos, with forward slashes; before
        `match`, the name that the table gives.
      action_units: float32 `[17]`, 0–5; 0 for units that have no column.
      subject: who it is; the file's own name where the table does not say.
      expression: its name, or empty.
      view: pose and light, or empty.
      face_at: a point (x, y) inside the face that is meant, in the photo's
        pixels; None for the largest face.
    """

    file: str
    action_units: np.ndarray
    subject: str
    expression: str = ""
    view: str = ""
    face_at: tuple[float, float] | None = None

    def equals(self, other: "Row") -> bool:
        """Whether both rows agree in everything."""
        return all(
            getattr(self, name) == getattr(other, name) for name in _TEXTS
        ) and np.array_equal(self.action_units, other.action_units)


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of action units.

    Attributes:
      rows: by the name that the table gives the photo; at least one.
      au_mask: float32 `[17]`, 1 for the units that have a column.
      has_subjects: whether the table says who a photo shows.
      has_views: whether there is a `view` column.
      repeated: (name, place) of rows that were dropped because they repeat
        another.
      warnings: what the user should know.
      dropped: (name, reason) of photos that have no usable row.
      source: what wrote the table.
      frames: the highest frame number of a table that numbers its photos
        instead of naming them; 0 if it names them.
    """

    rows: dict[str, Row]
    au_mask: np.ndarray
    has_subjects: bool
    has_views: bool
    repeated: list[tuple[str, str]]
    warnings: list[str]
    dropped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    source: str = "CSV"
    frames: int = 0

    @property
    def by_order(self) -> bool:
        """Whether names are `frame_name`s: the k-th of the sorted photos."""
        return self.frames > 0


def frame_name(number: int) -> str:
    """The name of a row that is known by its frame number alone, from 1."""
    return f"frame {number}"


# Where OpenFace says whether it found a face.
_FOUND = {kinds.FEATURE_EXTRACTION: "success", kinds.LANDMARK_IMG: "confidence"}
_PY_FEAT_FACE = ("facescore", "facerectx")
_RECTANGLE = ("facerectx", "facerecty", "facerectwidth", "facerectheight")


@dataclasses.dataclass(frozen=True, eq=False)
class TableLine:
    """A line of a table.

    Attributes:
      name: what the photo is called.
      file: which file the line is in.
      line: its number.
      row: what it says, if it can be used.
      score: how sure the tool is that this is a face.
      reason: why there is no row.
      frame: number of the photo where it has no name, else 0.
    """

    name: str
    file: str
    line: int
    row: Row | None = None
    score: float = 1.0
    reason: str = ""
    frame: int = 0

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.file}, line {self.line}"


def read_line(
    cells: Sequence[str],
    columns: Columns,
    file: str,
    line: int,
    default_name: str | None,
) -> TableLine:
    """Reads one line of a CSV file.

    Args:
      cells: of the line.
      columns: of the file.
      file, line: where it is.
      default_name: what the photo is called where no column says it; if None,
        the frame's number identifies the photo.

    Returns:
      What the line says, or why it is of no use: a name or a number is
      missing, or the tool found no face.

    Raises:
      UserError: a number is not one of its column's scale.
    """
    values = _Values(cells, columns, f"{file}, line {line}")
    # A line that names no photo is known by its place.
    name, frame = values.where, 0
    try:
        name, frame = values.name(default_name)
        reason = values.no_face()
        if reason:
            return TableLine(name, file, line, reason=reason, frame=frame)
        row = Row(
            file=name,
            action_units=values.action_units(),
            subject=values.text("subject") or name,
            expression=values.text("expression"),
            view=values.text("view"),
            face_at=values.face_at(),
        )
        return TableLine(name, file, line, row, values.score(), frame=frame)
    except MissingValue as error:
        return TableLine(name, file, line, reason=error.reason, frame=frame)


class _Values:
    """The cells of a line by the names of their columns."""

    def __init__(self, cells: Sequence[str], columns: Columns, where: str):
        self.where = where
        self._columns = columns
        missing = len(columns.header) - len(cells)
        self._cells = [*map(str.strip, cells), *[""] * missing]

    def text(self, name: str) -> str:
        """A cell; empty if there is no such column."""
        index = self._columns.others.get(name)
        return "" if index is None else self._cells[index]

    def _number(self, index: int) -> float:
        heading = self._columns.header[index]
        return units.number(self._cells[index], self.where, heading)

    def name(self, default: str | None) -> tuple[str, int]:
        """What the photo is called, and its frame's number if that says it."""
        others = self._columns.others
        if "file" in others:
            name = self.text("file").replace("\\", "/").removeprefix("./")
            if not name:
                problem = "its row names no photo"
                raise MissingValue(f"{self.where}: {problem}", problem)
            return normalize_name(name), 0
        if default is not None:
            return default, 0
        frame = self._number(others["frame"])
        if frame < 1 or frame != int(frame):
            raise UserError(
                f"{self.where}, column frame: {frame:g} is not one of the "
                "numbers 1, 2, 3, …"
            )
        return frame_name(int(frame)), int(frame)

    def no_face(self) -> str:
        """Why the tool found no face; empty if it did."""
        others, tool = self._columns.others, self._columns.tool
        if tool == kinds.PY_FEAT:
            # What it has not found is NaN, which pandas writes as nothing.
            cells = [self.text(n) for n in _PY_FEAT_FACE if n in others]
            if any(cell.lower() in ("", "nan") for cell in cells) or (
                "facescore" in others and not self.score()
            ):
                return "no face found by py-feat"
            return ""
        column = _FOUND.get(tool)
        if column and not self._number(others[column]):
            return f"no face found by OpenFace ({column} = 0)"
        return ""

    def score(self) -> float:
        """How sure the tool is of the face."""
        others = self._columns.others
        for name in ("facescore", "confidence"):
            if name in others and self._columns.tool != kinds.GENERAL:
                return self._number(others[name])
        return 1.0

    def action_units(self) -> np.ndarray:
        """Float32 `[17]`, 0–5."""
        vector = np.zeros(action_units.COUNT, np.float32)
        for name, column in self._columns.units.items():
            index = units.INDICES.get(name)
            if index is not None:
                value = self._columns.scale.intensity(
                    self._cells[column], self.where, name
                )
                vector[index] = max(vector[index], value)
        return vector

    def face_at(self) -> tuple[float, float] | None:
        """A point inside the face, if the tool says where the face is."""
        others = self._columns.others
        if self._columns.tool == kinds.PY_FEAT:
            if not all(name in others for name in _RECTANGLE):
                return None
            x, y, width, height = (self._number(others[n]) for n in _RECTANGLE)
            return x + width / 2, y + height / 2
        if self._columns.tool == kinds.GENERAL or not self._columns.landmarks:
            return None
        xs, ys = self._columns.landmarks
        return self._mean(xs), self._mean(ys)

    def _mean(self, indices: Sequence[int]) -> float:
        return sum(map(self._number, indices)) / len(indices)
