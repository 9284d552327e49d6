"""From the lines of a table to one row for each photo."""

import dataclasses
from collections.abc import Collection
from pathlib import Path

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.data.tables import columns as kinds
from efgan_tf.data.tables import units
from efgan_tf.data.tables.columns import Columns
from efgan_tf.data.tables.rows import Row, Table, TableLine


class TableBuilder:
    """Collects the lines of a table.

    Args:
      path: of the table.
      columns: of its (first) file. Unless no tool wrote it, lines of one photo
        are its faces, of which the most certain one counts; else they must
        say the same.
    """

    def __init__(self, path: Path, columns: Columns):
        self._path = path
        self._columns = columns
        self._rows: dict[str, Row] = {}
        self._best: dict[str, TableLine] = {}  # the lines that they are from
        self._dropped: dict[str, str] = {}
        self._crowded: dict[str, None] = {}
        self._repeated: list[tuple[str, str]] = []
        self._frames = 0

    def drop(self, name: str, reason: str) -> None:
        """Notes that a line or a file of a photo is of no use."""
        self._dropped.setdefault(name, reason)

    def add(self, new: TableLine) -> None:
        """Adds a line.

        Raises:
          UserError: it contradicts an earlier one.
        """
        name, row = new.name, new.row
        self._frames = max(self._frames, new.frame)
        if row is None:
            self.drop(name, new.reason)
            return
        best = self._best.get(name)
        if best is not None:
            if self._rows[name].equals(row):
                self._repeated.append((name, new.place))
            elif self._columns.tool != kinds.GENERAL:
                self._crowded[name] = None
            else:
                both = f"{best.place} and {new.place}"
                if best.file == new.file:
                    both = f"{best.file}: lines {best.line} and {new.line}"
                raise UserError(
                    f"{both} contradict each other on {name}; delete one"
                )
        if best is None or new.score > best.score:
            self._rows[name], self._best[name] = row, new

    def table(self, others: Collection[str]) -> Table:
        """The table; something must have been added.

        Args:
          others: names of its columns besides the action units.

        Raises:
          UserError: not one row can be used.
        """
        rows = dict(self._rows)
        dropped = [
            item for item in self._dropped.items() if item[0] not in rows
        ]
        if not rows:
            raise UserError(
                f"{self._path}: no row can be used; the first is "
                f"{dropped[0][0]}: {dropped[0][1]}"
            )
        names = self._columns.units.keys()
        au_mask = units.au_mask(names)
        source, scale = self._columns.source, self._columns.scale
        values = np.stack([row.action_units for row in rows.values()])
        if source == kinds.GENERAL and _are_py_feats(values, names):
            scale = units.PROBABILITY
            source = f"{kinds.PY_FEAT} {scale.name}"
            values = values * scale.factor
            rows = {
                name: dataclasses.replace(row, action_units=vector)
                for (name, row), vector in zip(
                    rows.items(), values, strict=True
                )
            }
        return Table(
            rows=rows,
            au_mask=au_mask,
            has_subjects="subject" in others,
            has_views="view" in others,
            repeated=self._repeated,
            warnings=units.column_warnings(names)
            + units.scale_warnings(values[:, au_mask > 0], scale, source)
            + self._face_warnings(rows),
            dropped=dropped,
            source=source,
            frames=self._frames,
        )

    def _face_warnings(self, rows: dict[str, Row]) -> list[str]:
        if not self._crowded:
            return []
        warning = (
            "photos with several faces or frames in the table: "
            f"{len(self._crowded)} (the first: {next(iter(self._crowded))}); "
            "the most certain face of each is taken"
        )
        if any(rows[name].face_at is None for name in self._crowded):
            warning += (
                "; the table does not say where it is, so another face may get "
                "its numbers: let the tool write landmarks too"
            )
        return [warning]


def _are_py_feats(values: np.ndarray, names: Collection[str]) -> bool:
    """Whether numbers `[rows, 17]` of no known tool are py-feat's.

    It alone measures closed eyes (AU43) and no blink (AU45).
    """
    closed_eyes = "AU43" in names and "AU45" not in names
    return closed_eyes and 0 < values.max() <= 1
