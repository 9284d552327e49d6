"""What is to be prepared: photos joined with their rows, people split.

Nothing is read here but names and tables, so that a mistake shows at once and
what happens to each photo is known before the first one is opened.
"""

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.files import files_below, is_text
from efgan_tf.data import splits, tables
from efgan_tf.data.aligning import PhotoSource, jobs, pose
from efgan_tf.data.photo_names import Selection
from efgan_tf.data.preparation_report import Report
from efgan_tf.data.tables import Row, Table
from efgan_tf.faces import photos


class NothingKept(UserError):
    """No photo of a split became a face."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """A preparation that can be carried out here or elsewhere.

    Attributes:
      source: of the photos.
      size: side of the aligned pictures.
      rows: of each split that has any, ordered by subject, view and file.
      au_mask: float32 `[17]`, 1 for the units that the table has.
      report: of what is settled already.
    """

    source: PhotoSource
    size: int
    rows: dict[str, list[Row]]
    au_mask: np.ndarray
    report: Report

    def jobs(self, split: str) -> list[list[Row]]:
        """The rows of a split in pieces for `aligning.align_job`."""
        return jobs(self.rows[split], self.source.fixed_pose)


def make_plan(
    source: PhotoSource,
    rows: Sequence[Row],
    table: Table,
    report: Report,
    size: int,
    held_out: float | Collection[str],
) -> Plan:
    """Assigns people to splits.

    Args:
      source: of the rows' photos.
      rows: those that have a photo.
      table: where they come from.
      report: of `joined`.
      size: side of the aligned pictures.
      held_out: see `splits.split_subjects`.
    """
    report.rows = len(table.rows)
    report.repeated_rows = table.repeated
    report.table = table.source
    report.warnings += table.warnings
    shares = splits.split_subjects((row.subject for row in rows), held_out)
    split_of = {s: name for name, group in shares.items() for s in group}
    ordered = sorted(rows, key=lambda row: (*pose(row), row.file))
    by_split = {
        name: [row for row in ordered if split_of[row.subject] == name]
        for name in shares
    }
    return Plan(
        source=source,
        size=size,
        rows={name: rows for name, rows in by_split.items() if rows},
        au_mask=table.au_mask,
        report=report,
    )


def listed(source_dir: Path, report: Report) -> list[str]:
    """The photos below a folder.

    Args:
      source_dir: the folder.
      report: takes those whose names no table can hold.

    Raises:
      UserError: there is no such folder, or it has no photos whose names a
        table can hold.
    """
    if not source_dir.is_dir():
        raise UserError(
            f"there is no folder {source_dir}; name the photos' folder with "
            "--source_dir"
        )
    files = files_below(source_dir, photos.SUFFIXES)
    if not files:
        raise UserError(
            f"{source_dir} has no photos ({', '.join(sorted(photos.SUFFIXES))})"
        )
    for file in files:
        if not is_text(file):
            report.drop(ascii(file), "its name is not valid Unicode; rename it")
    named = [file for file in files if is_text(file)]
    if not named:
        raise UserError(
            f"{source_dir}: no photo has a name that is valid Unicode; rename "
            f"them, {ascii(files[0])} for one"
        )
    return named


def unread(source_dir: Path) -> list[str]:
    """The files below a folder that look like photos but are not read."""
    return files_below(source_dir, photos.UNREAD_SUFFIXES)


def joined(
    files: Sequence[str],
    table: Table,
    report: Report,
    selection: Selection | None = None,
    unread: Sequence[str] = (),
) -> list[Row]:
    """The rows whose photo is there and selected.

    Args:
      files: the photos.
      table: what they show.
      report: takes the photos and rows that do not fit each other.
      selection: which photos are wanted and who they show, where their names
        say so; then subject, expression and view come from there.
      unread: files beside the photos that are of kinds that are not read.

    Raises:
      UserError: not one row fits a photo.
    """
    report.photos = len(files)
    if selection is None:
        matched = tables.match(files, table)
        without_row, rows = matched.without_row, matched.rows
        report.warnings += _column_warnings(table)
    else:
        matched = _matched(files, table, selection)
        labels = selection.labels
        without_row = [file for file in matched.without_row if file in labels]
        rows = [
            _labeled(row, labels) for row in matched.rows if row.file in labels
        ]
        report.counts = selection.counts
        report.passed_over = selection.passed_over
        report.warnings += selection.warnings
        report.dropped += selection.unknown_names
    for file in unread:
        suffix = PurePosixPath(file).suffix
        report.drop(file, f"not a kind of photo that is read ({suffix})")
    unread_names = {end for file in unread for end in _ends(file)}
    reported = {
        name for name in matched.without_photo if unread_names & _ends(name)
    }
    for name in (*without_row, *matched.without_photo):
        if name not in reported:
            report.drop(name, matched.reasons[name])
    if not rows:
        raise UserError(
            f"no row of the table ({table.source}) names one of the "
            f"{len(files)} photos: its first row is "
            f"{next(iter(table.rows))!r}, the first photo {files[0]!r}; is it "
            "the table of another data set?"
        )
    return rows


def _ends(file: str) -> set[str]:
    """Names under which a table may know a file."""
    path = PurePosixPath(file.replace("\\", "/"))
    bare = path.suffix.lower() in photos.UNREAD_SUFFIXES
    name = path.name.casefold()
    return {name, path.stem.casefold()} if bare else {name}


def _matched(
    files: Sequence[str], table: Table, selection: Selection
) -> tables.Matched:
    """Joins all photos of a known data set, chosen or not, with the table.

    Photos that are none of the set's stay out, so that a copy does not make
    it doubtful which photo a row means; rows that mean only them are not
    missed either. (A table without names needs all photos to count.)
    """
    labels = selection.labels

    def alias(file: str) -> str | None:
        return labels[file].alias if file in labels else None

    unknown_names = {file for file, _ in selection.unknown_names}
    if table.by_order or not unknown_names:
        return tables.match(files, table, alias)
    known = [file for file in files if file not in unknown_names]
    matched = tables.match(known, table, alias)
    unknown = set(tables.match(sorted(unknown_names), table).without_photo)
    return dataclasses.replace(
        matched,
        without_photo=[n for n in matched.without_photo if n in unknown],
    )


def _labeled(row: Row, labels: dict) -> Row:
    label = labels[row.file]
    return dataclasses.replace(
        row,
        subject=label.subject,
        expression=label.expression,
        view=label.view,
    )


def _column_warnings(table: Table) -> list[str]:
    if not table.has_subjects:
        return [
            "the table has no column 'subject': every photo counts as a "
            "person of its own, and pictures of one person may end up on both "
            "sides of the split"
        ]
    if not table.has_views:
        return [
            "the table has no column 'view', pose and light: no picture "
            "counts as ground truth for another"
        ]
    return []
