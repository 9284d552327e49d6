"""Joins the rows of a table with the photos."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence

from efgan_tf.common.csv_files import normalize_name
from efgan_tf.common.errors import UserError
from efgan_tf.data.tables.rows import Row, Table, frame_name
from efgan_tf.faces.photos import SUFFIXES

_Keys = Sequence[str | None]


@dataclasses.dataclass(frozen=True)
class Matched:
    """A table joined with photos.

    Attributes:
      rows: of the photos that have one, in the photos' order; `file` is the
        photo's path, as is `subject` where the table names none.
      without_row: photos that have none.
      without_photo: names in the table, of rows or of dropped ones, that mean
        no photo.
      reasons: why, for each photo and each name of these two lists; what
        differs from one to the next stands in brackets.
    """

    rows: list[Row]
    without_row: list[str]
    without_photo: list[str]
    reasons: dict[str, str]


def match(
    files: Sequence[str],
    table: Table,
    aliases: Callable[[str], str | None] = lambda file: None,
) -> Matched:
    """Finds the row of each photo.

    A name means a photo if the paths are the same; if they are but for the
    suffix; if their ends are, down to the bare name (tools write absolute
    paths); if these are but for the suffix; or if it is the photo's alias. At
    each step upper and lower case are distinguished at first. But for the first
    step, names that fit several photos, or photos that fit several names, are
    not matched by it.

    Args:
      files: the photos' paths below their folder, with forward slashes.
      table: what they show.
      aliases: gives one more name under which a table may know a photo.

    Raises:
      UserError: the table numbers its photos, and there are not as many.
    """
    lost = dict(table.dropped)
    names = [*table.rows, *lost]
    doubts: dict[str, str] = {}
    if table.by_order:
        partners = _by_order(files, table)
    else:
        partners, doubts = _by_name(files, names, aliases)
    reasons = {}
    rows = []
    for file in files:
        name = partners.get(file, "")
        row = table.rows.get(name)
        if row is None:
            missing = doubts.get(file, "has no row in the table")
            reasons[file] = lost.get(name) or missing
            continue
        subject = file if row.subject == row.file else row.subject
        rows.append(dataclasses.replace(row, file=file, subject=subject))
    without_row = list(reasons)
    used = set(partners.values())
    without_photo = [name for name in names if name not in used]
    for name in without_photo:
        missing = doubts.get(name, "in the table, but there is no such photo")
        reasons[name] = lost.get(name) or missing
    return Matched(rows, without_row, without_photo, reasons)


def _by_order(files: Sequence[str], table: Table) -> dict[str, str]:
    """The name for each photo where frames are numbered in sorted order."""
    if table.frames != len(files):
        raise UserError(
            f"the table numbers its {table.frames} frames instead of naming "
            f"the photos, of which there are {len(files)}, so it is not known "
            "which is which; use OpenFace's FaceLandmarkImg, which writes one "
            "table for each photo"
        )
    known = {*table.rows, *(name for name, _ in table.dropped)}
    ordered = enumerate(sorted(files), 1)
    return {f: frame_name(k) for k, f in ordered if frame_name(k) in known}


def _by_name(
    files: Sequence[str],
    names: Sequence[str],
    aliases: Callable[[str], str | None],
) -> tuple[dict[str, str], dict[str, str]]:
    """The name for each photo, and why others have none."""
    partners: dict[str, str] = {}
    used: set[str] = set()
    doubts: dict[str, str] = {}
    for file_keys, name_keys in _steps(files, names, aliases):
        groups: dict[str | None, tuple[list[str], list[str]]] = {}
        for file, key in zip(files, file_keys, strict=True):
            groups.setdefault(key, ([], []))[0].append(file)
        for name, key in zip(names, name_keys, strict=True):
            if key in groups:
                groups[key][1].append(name)
        groups.pop(None, None)
        for key, (its_files, its_names) in groups.items():
            free_files = [file for file in its_files if file not in partners]
            free_names = [name for name in its_names if name not in used]
            if not (free_files and free_names):
                continue
            if len(its_files) == len(its_names) == 1:
                partners[its_files[0]] = its_names[0]
                used.add(its_names[0])
                continue
            doubt = (
                "not clear which photo and which row belong together "
                f"({len(its_files)} photos and {len(its_names)} rows are "
                f"called {key!r})"
            )
            for each in (*free_files, *free_names):
                doubts.setdefault(each, doubt)
        if len(partners) == len(files) or len(used) == len(names):
            break
    return partners, doubts


def _steps(
    files: Sequence[str],
    names: Sequence[str],
    aliases: Callable[[str], str | None],
) -> Iterator[tuple[_Keys, _Keys]]:
    """The keys of all photos and of all names that are to be equal, by step."""
    for step in _exact_steps(files, names, aliases):
        yield step
        file_keys, name_keys = (
            [key and key.casefold() for key in keys] for keys in step
        )
        yield file_keys, name_keys


def _exact_steps(
    files: Sequence[str],
    names: Sequence[str],
    aliases: Callable[[str], str | None],
) -> Iterator[tuple[_Keys, _Keys]]:
    """The steps that distinguish upper and lower case."""
    paths = [normalize_name(file) for file in files]
    yield paths, names
    parts = [_parts(path) for path in paths], [_parts(name) for name in names]
    for depth in range(max(len(p) for p, _ in (*parts[0], *parts[1])), 0, -1):
        bare = [["/".join(p[-depth:]) for p, _ in side] for side in parts]
        full = [
            [end + suffix for end, (_, suffix) in zip(ends, side, strict=True)]
            for ends, side in zip(bare, parts, strict=True)
        ]
        yield full[0], full[1]
        yield bare[0], full[1]
        yield bare[0], bare[1]
    yield [aliases(file) for file in files], names


def _parts(path: str) -> tuple[list[str], str]:
    """A path without its suffix, in parts, and the suffix in lower case.

    Only a photo's suffix is one: names may have dots of their own.
    """
    stem, suffix = os.path.splitext(path)
    if suffix.lower() not in SUFFIXES:
        stem, suffix = path, ""
    return [part for part in stem.split("/") if part], suffix.lower()
