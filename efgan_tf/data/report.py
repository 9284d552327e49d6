"""What preparation did with every photo, for people and for programs."""

import collections
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from efgan_tf import action_units


@dataclasses.dataclass(eq=False)
class Report:
    """Filled in while photos are prepared.

    Attributes:
      photos: photos that there are.
      rows: rows of the table, repeated ones left out.
      repeated_rows: rows that repeat another and were dropped.
      kept: photos that became aligned faces.
      dropped: (file, reason) of each photo or row that did not.
      several_faces: files with more than one face; the largest was taken.
      splits: photos and subjects of each split.
      action_units: mean, maximum and share above 0 of each unit.
      masked: units that cannot be learned: missing or constant.
      warnings: what the user should know.
    """

    photos: int = 0
    rows: int = 0
    repeated_rows: int = 0
    kept: int = 0
    dropped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    several_faces: list[str] = dataclasses.field(default_factory=list)
    splits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    action_units: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )
    masked: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def drop(self, file: str, reason: str) -> None:
        """Notes that `file` was not used."""
        self.dropped.append((file, reason))

    def reasons(self) -> dict[str, int]:
        """How many were dropped for each reason, the most frequent first.

        What stands in brackets differs from file to file and is left out.
        """
        plain = (reason.split(" (")[0] for _, reason in self.dropped)
        return dict(collections.Counter(plain).most_common())

    def describe_units(self, units: np.ndarray, given: np.ndarray) -> None:
        """Sums up the units of the kept photos and masks what is useless.

        Args:
          units: float32 `[kept, 17]`, 0–5.
          given: float32 `[17]`, 1 for units that the table has.
        """
        constant = []
        for index, name in enumerate(action_units.NAMES):
            values = units[:, index]
            if not given[index]:
                self.masked.append(name)
                continue
            self.action_units[name] = {
                "mean": round(float(values.mean()), 4),
                "maximum": round(float(values.max()), 4),
                "above_0": round(float((values > 0).mean()), 4),
            }
            if np.ptp(values) == 0:
                self.masked.append(name)
                constant.append(name)
        if constant:
            self.warnings.append(
                f"the same in every photo, so masked, not learned: "
                f"{', '.join(constant)}"
            )

    def mask(self) -> np.ndarray:
        """Float32 `[17]`: 1 for the units that can be learned."""
        return np.array(
            [name not in self.masked for name in action_units.NAMES],
            np.float32,
        )

    def summary(self) -> str:
        """The report without the lists of files."""
        lines = [
            f"{self.photos} photos, {self.rows} rows in the table: "
            f"{self.kept} faces kept, {len(self.dropped)} dropped"
        ]
        lines += [f"  {n} × {reason}" for reason, n in self.reasons().items()]
        if self.repeated_rows:
            lines.append(f"{self.repeated_rows} repeated rows left out")
        if self.several_faces:
            lines.append(
                f"{len(self.several_faces)} photos with several faces: the "
                "largest was taken"
            )
        lines += [
            f"{name}: {split['photos']} photos of {split['subjects']} "
            f"{'subject' if split['subjects'] == 1 else 'subjects'}"
            for name, split in self.splits.items()
        ]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def text(self) -> str:
        """The whole report, for reading."""
        lines = [self.summary(), "", "unit   mean  maximum  above 0"]
        lines += [
            f"{name}  {unit['mean']:5.2f}  {unit['maximum']:7.2f}"
            f"  {unit['above_0']:7.0%}"
            for name, unit in self.action_units.items()
        ]
        lines += _listing("dropped", dict(self.dropped))
        several = dict.fromkeys(self.several_faces, "")
        lines += _listing("several faces", several)
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.txt`."""
        values = dataclasses.asdict(self)
        values["dropped"] = [
            {"file": file, "reason": reason} for file, reason in self.dropped
        ]
        content = json.dumps(values, indent=2, ensure_ascii=False)
        (folder / "report.json").write_text(content + "\n", "utf-8")
        (folder / "report.txt").write_text(self.text(), "utf-8")


def _listing(title: str, files: Mapping[str, str]) -> list[str]:
    if not files:
        return []
    width = max(map(len, files))
    rows = [f"  {f:{width}}  {note}".rstrip() for f, note in files.items()]
    return ["", f"{title}:", *rows]
