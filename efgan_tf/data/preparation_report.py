"""The report on every photo of a preparation, as text and as JSON."""

import collections
import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.photo_names import repeated
from efgan_tf.data.registration import Registration, registration
from efgan_tf.data.splits import SPLITS


@dataclasses.dataclass(frozen=True)
class Record:
    """What became of one row, small enough to be collected from anywhere.

    Attributes:
      file: the photo.
      subject: who it is.
      split: which side the subject is on.
      action_units: 17 intensities, 0–5.
      kept: whether it became an aligned face.
      reason: why it did not.
      faces: how many the photo has.
      flaws: what may be wrong with the face.
      digest: a hash of the photo's pixels; empty if it is not known.
      view: pose and light; empty if it is not known.
      landmarks: x and y of the five points in the photo; empty if dropped.
    """

    file: str
    subject: str
    split: str
    action_units: tuple[float, ...]
    kept: bool
    reason: str = ""
    faces: int = 0
    flaws: tuple[str, ...] = ()
    digest: str = ""
    view: str = ""
    landmarks: tuple[float, ...] = ()


@dataclasses.dataclass(eq=False)
class Report:
    """Filled in while photos are prepared.

    Attributes:
      photos: photos that there are.
      rows: rows of the table, repeated ones left out.
      repeated_rows: (name, place) of rows that repeat another and were
        dropped.
      table: what wrote the table of action units.
      counts: what there is of a known data set, against what was published.
      passed_over: photos that were not asked for, by reason.
      kept: photos that became aligned faces.
      dropped: (file, reason) of each photo or row that did not.
      flaws: (file, what may be wrong) of faces that were kept.
      several_faces: files with more than one face.
      splits: photos and subjects of each split.
      action_units: mean, maximum and share above 0 of each unit.
      registration: how well pictures that are ground truth for each other lie
        on each other; None where there are none.
      fixed_pose: whether a view's pictures share one transform.
      masked: units that cannot be learned: missing or constant.
      warnings: what the user should know.
    """

    photos: int = 0
    rows: int = 0
    repeated_rows: list[tuple[str, str]] = dataclasses.field(
        default_factory=list
    )
    table: str = ""
    counts: list[str] = dataclasses.field(default_factory=list)
    passed_over: dict[str, int] = dataclasses.field(default_factory=dict)
    kept: int = 0
    dropped: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    flaws: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    several_faces: list[str] = dataclasses.field(default_factory=list)
    splits: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    action_units: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )
    registration: Registration | None = None
    fixed_pose: bool = False
    masked: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def drop(self, file: str, reason: str) -> None:
        """Notes that `file` was not used."""
        self.dropped.append((file, reason))

    def add(self, records: Iterable[Record], au_mask: np.ndarray) -> None:
        """Adds the records of all rows, in any order.

        Args:
          records: one for each row that has a photo.
          au_mask: float32 `[17]`, 1 for units that the table has.
        """
        records = sorted(records, key=lambda record: record.file)
        kept = [record for record in records if record.kept]
        self.kept = len(kept)
        self.dropped += [(r.file, r.reason) for r in records if not r.kept]
        self.flaws = [(r.file, flaw) for r in kept for flaw in r.flaws]
        digests = {r.file: r.digest for r in kept if r.digest}
        self.flaws += repeated(digests).items()
        self.several_faces = [r.file for r in kept if r.faces > 1]
        for name in SPLITS:
            subjects = [r.subject for r in kept if r.split == name]
            self.splits[name] = {
                "photos": len(subjects),
                "subjects": len(set(subjects)),
            }
        if not self.splits["test"]["photos"]:
            reason = "one side of the split was left without a face"
            if self.splits["train"]["subjects"] == 1:
                reason = "there is only one subject"
            self.warnings.append(f"{reason}: nothing is held out for testing")
        units = np.array([r.action_units for r in kept], np.float32)
        self._describe_units(units.reshape(-1, action_units.COUNT), au_mask)

    def register(
        self, records: Iterable[Record], size: int, fixed_pose: bool
    ) -> None:
        """Measures how well the pictures of each view register.

        Args:
          records: as in `add`.
          size: side of the aligned pictures.
          fixed_pose: whether a view's pictures share one transform.
        """
        views: dict[tuple[str, str], list[np.ndarray]] = {}
        for record in sorted(records, key=lambda record: record.file):
            if record.kept and record.view:
                points = np.reshape(record.landmarks, (-1, 2))
                key = record.subject, record.view
                views.setdefault(key, []).append(points)
        groups = [np.stack(points) for points in views.values()]
        self.registration = registration(groups, size)
        self.fixed_pose = fixed_pose

    def reasons(self) -> dict[str, int]:
        """How many were dropped for each reason, the most frequent first.

        What stands in brackets differs from file to file and is left out.
        """
        return _counted(self.dropped)

    def _describe_units(self, units: np.ndarray, au_mask: np.ndarray) -> None:
        """Summarizes the units of the kept photos; masks those without use."""
        constant = []
        for index, name in enumerate(action_units.NAMES):
            values = units[:, index]
            if not au_mask[index]:
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

    def au_mask(self) -> np.ndarray:
        """Float32 `[17]`: 1 for the units that can be learned."""
        return np.array(
            [name not in self.masked for name in action_units.NAMES],
            np.float32,
        )

    def summary(self) -> str:
        """The report without the units and the lists of files."""
        lines = [
            f"{self.photos} photos, {self.rows} rows in the table: "
            f"{self.kept} faces kept, {len(self.dropped)} dropped"
        ]
        lines += [f"  {n} × {reason}" for reason, n in self.reasons().items()]
        lines += self.counts
        lines += [
            f"  {n} × not asked for: {reason}"
            for reason, n in self.passed_over.items()
        ]
        lines.append(f"action units: {self.table}")
        if self.repeated_rows:
            lines.append(f"{len(self.repeated_rows)} repeated rows left out")
        if self.several_faces:
            lines.append(
                f"{len(self.several_faces)} photos with several faces: the "
                "one that the table names was taken, or else the largest"
            )
        lines += [
            f"{name}: {split['photos']} photos of {split['subjects']} "
            f"{'subject' if split['subjects'] == 1 else 'subjects'}"
            for name, split in self.splits.items()
        ]
        lines.append(self._ground_truth())
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines += [
            f"warning: {n} × {flaw}" for flaw, n in _counted(self.flaws).items()
        ]
        return "\n".join(lines)

    def _ground_truth(self) -> str:
        found = self.registration
        if found is None:
            return (
                "ground truth: none, since no two pictures show one subject in "
                "one view"
            )
        ways = [("its own", found.own), ("its view's", found.shared)]
        (used, distance), (other, instead) = (
            reversed(ways) if self.fixed_pose else ways
        )
        return (
            f"ground truth: {found.photos} photos in {found.views} views; each "
            f"aligned by {used} landmarks, eyes and nose lie {distance:.2f} "
            f"pixels from their mean place in the view ({instead:.2f} by "
            f"{other})"
        )

    def text(self) -> str:
        """The whole report, for reading."""
        lines = [self.summary(), "", "unit   mean  maximum  above 0"]
        lines += [
            f"{name}  {unit['mean']:5.2f}  {unit['maximum']:7.2f}"
            f"  {unit['above_0']:7.0%}"
            for name, unit in self.action_units.items()
        ]
        lines += _listing("dropped", self.dropped)
        lines += _listing("may be wrong", self.flaws)
        several = [(file, "") for file in self.several_faces]
        lines += _listing("several faces", several)
        lines += _listing("repeated rows", self.repeated_rows)
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.txt`."""
        values = dataclasses.asdict(self)
        notes = {"dropped": "reason", "flaws": "reason", "repeated_rows": "row"}
        for name, note in notes.items():
            values[name] = [
                {"file": file, note: text} for file, text in getattr(self, name)
            ]
        content = json.dumps(values, indent=2, ensure_ascii=False)
        # Names of files may hold what is no Unicode: JSON has the same escapes.
        for name, text in (("json", content + "\n"), ("txt", self.text())):
            path = folder / f"report.{name}"
            path.write_text(text, "utf-8", "backslashreplace")


def _counted(noted: Iterable[tuple[str, str]]) -> dict[str, int]:
    plain = (reason.split(" (")[0] for _, reason in noted)
    return dict(collections.Counter(plain).most_common())


def _listing(title: str, files: Sequence[tuple[str, str]]) -> list[str]:
    if not files:
        return []
    width = max(len(file) for file, _ in files)
    rows = [f"  {file:{width}}  {note}".rstrip() for file, note in files]
    return ["", f"{title}:", *rows]
