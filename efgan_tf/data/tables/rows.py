"""The form that every table is read into."""

import dataclasses

import numpy as np

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
      given: float32 `[17]`, 1 for the units that have a column.
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
    given: np.ndarray
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
