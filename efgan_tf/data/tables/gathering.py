"""From the lines of a table to one row for each photo."""

import dataclasses
from collections.abc import Collection
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.tables import units
from efgan_tf.data.tables.columns import GENERAL, PY_FEAT
from efgan_tf.data.tables.rows import Row, Table
from efgan_tf.data.tables.sightings import Place, Sighting
from efgan_tf.data.tables.units import Scale
from efgan_tf.errors import UserError


class Gathering:
    """Takes in a table line by line.

    Args:
      path: of the table.
      several: whether lines of one photo are its faces, of which the most
        certain one counts; else they must say the same.
    """

    def __init__(self, path: Path, several: bool):
        self._path = path
        self._several = several
        self._rows: dict[str, Row] = {}
        self._scores: dict[str, float] = {}
        self._places: dict[str, Place] = {}
        self._lost: dict[str, str] = {}
        self._crowded: dict[str, None] = {}
        self._repeated: list[tuple[str, str]] = []
        self._frames = 0

    def lose(self, name: str, reason: str) -> None:
        """Notes that a line or a file of a photo is of no use."""
        self._lost.setdefault(name, reason)

    def add(self, sighting: Sighting) -> None:
        """Takes in a line.

        Raises:
          UserError: it contradicts an earlier one.
        """
        name, row = sighting.name, sighting.row
        self._frames = max(self._frames, sighting.frame)
        if row is None:
            self.lose(name, sighting.reason)
            return
        first = self._rows.get(name)
        if first is not None:
            if first.says_the_same(row):
                self._repeated.append((name, str(sighting.place)))
            elif self._several:
                self._crowded[name] = None
            else:
                raise UserError(
                    f"{_both(self._places[name], sighting.place)} contradict "
                    f"each other on {name}; delete one"
                )
        if first is None or sighting.score > self._scores[name]:
            self._rows[name] = row
            self._scores[name] = sighting.score
            self._places[name] = sighting.place

    @property
    def empty(self) -> bool:
        """Whether nothing was taken in."""
        return not self._rows and not self._lost

    def table(
        self,
        source: str,
        scale: Scale,
        names: Collection[str],
        others: Collection[str],
    ) -> Table:
        """The table; something must have been taken in.

        Args:
          source: what wrote it.
          scale: of its action units.
          names: of the action units that it has columns for.
          others: of its other columns.

        Raises:
          UserError: not one row can be used.
        """
        dropped = [
            (name, reason)
            for name, reason in self._lost.items()
            if name not in self._rows
        ]
        if not self._rows:
            raise UserError(
                f"{self._path}: no row can be used; the first is "
                f"{dropped[0][0]}: {dropped[0][1]}"
            )
        given = units.given(names)
        if not given.any():
            raise UserError(
                f"{self._path} has none of the action units "
                f"{', '.join(action_units.NAMES)}"
            )
        rows = self._rows
        if source == GENERAL and _is_py_feats(_values(rows), names):
            scale = units.PROBABILITY
            source = f"{PY_FEAT} {scale.name}"
            rows = _scaled(rows, scale.factor)
        return Table(
            rows=rows,
            given=given,
            has_subjects="subject" in others,
            has_views="view" in others,
            repeated=self._repeated,
            warnings=units.column_warnings(names)
            + _scale_warnings(_values(rows)[:, given > 0], scale, source)
            + self._face_warnings(),
            dropped=dropped,
            source=source,
            frames=self._frames,
        )

    def _face_warnings(self) -> list[str]:
        if not self._crowded:
            return []
        first = next(iter(self._crowded))
        warning = (
            "photos with several faces or frames in the table: "
            f"{len(self._crowded)} (the first: {first}); the most certain face "
            "of each is taken"
        )
        if any(self._rows[name].face_at is None for name in self._crowded):
            warning += (
                "; the table does not say where it is, so another face may get "
                "its numbers: let the tool write landmarks too"
            )
        return [warning]


def _both(first: Place, second: Place) -> str:
    if first.container == second.container:
        container, word = first.container, first.word
        return f"{container}: {word}s {first.line} and {second.line}"
    return f"{first} and {second}"


def _values(rows: dict[str, Row]) -> np.ndarray:
    """Float32 `[rows, 17]`."""
    return np.stack([row.action_units for row in rows.values()])


def _scaled(rows: dict[str, Row], factor: float) -> dict[str, Row]:
    return {
        name: dataclasses.replace(row, action_units=factor * row.action_units)
        for name, row in rows.items()
    }


def _scale_warnings(values: np.ndarray, scale: Scale, source: str) -> list[str]:
    """What the user should know of the numbers, `[rows, given units]`."""
    maximum = values.max()
    if not maximum:
        return ["every number of the table is 0: there is nothing to learn"]
    if scale is units.PRESENCE:
        return [
            "the table says which units are present, not how strong they are: "
            f"present became {scale.factor:g}, strength was not measured"
        ]
    if scale is units.PROBABILITY:
        warning = (
            f"{source}: these are probabilities, not intensities; p became "
            f"{scale.factor:g}·p, strength was not measured"
        )
        if np.isin(values, (0, scale.factor)).all():
            warning += '; all are 0 or 1, while au_model="xgb" gives finer ones'
        return [warning]
    if source == GENERAL and maximum <= 1:
        return [
            "no number of the table exceeds 1, and all were taken for "
            "intensities from 0 to 5: if they are probabilities or presences, "
            f"multiply them by {units.PROBABILITY.factor:g}"
        ]
    return []


def _is_py_feats(values: np.ndarray, names: Collection[str]) -> bool:
    """Whether numbers `[rows, 17]` of no known tool are py-feat's.

    It alone measures closed eyes (AU43) and no blink (AU45).
    """
    closed_eyes = "AU43" in names and "AU45" not in names
    return closed_eyes and 0 < values.max() <= 1
