"""Joins the rows of a table with the photos."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence

from efgan_tf.common.csv_files import normalize_name
from efgan_tf.common.errors import UserError
from efgan_tf.data.tables.rows import Row, Table, frame_name
from efgan_tf.faces.photos import SUFFIXES

_Keys = Sequence[str | None]
_Aliases = Callable[[str], str | None]


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
    aliases: _Aliases = lambda file: None,
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
    unclear: dict[str, str] = {}
    if table.by_order:
        name_of = _by_order(files, table)
    else:
        name_of, unclear = _by_name(files, names, aliases)
    rows: list[Row] = []
    reasons: dict[str, str] = {}
    for file in files:
        name = name_of.get(file, "")
        if row := table.rows.get(name):
            subject = file if row.subject == row.file else row.subject
            rows.append(dataclasses.replace(row, file=file, subject=subject))
        else:
            missing = unclear.get(file, "has no row in the table")
            reasons[file] = lost.get(name) or missing
    without_row = list(reasons)
    used = set(name_of.values())
    without_photo = [name for name in names if name not in used]
    for name in without_photo:
        missing = unclear.get(name, "in the table, but there is no such photo")
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
    files: Sequence[str], names: Sequence[str], aliases: _Aliases
) -> tuple[dict[str, str], dict[str, str]]:
    """File → its name, and why other files and names have no partner."""
    name_of: dict[str, str] = {}
    used: set[str] = set()
    unclear: dict[str, str] = {}
    steps = (
        (keys, fold)
        for keys in _steps(files, names, aliases)
        for fold in (str, str.casefold)
    )
    for (file_keys, name_keys), fold in steps:
        files_of = _by_key(files, file_keys, fold)
        names_of = _by_key(names, name_keys, fold)
        for key in files_of.keys() & names_of.keys():
            its_files, its_names = files_of[key], names_of[key]
            free_files = [file for file in its_files if file not in name_of]
            free_names = [name for name in its_names if name not in used]
            if not (free_files and free_names):
                continue
            if len(its_files) == len(its_names) == 1:
                name_of[its_files[0]] = its_names[0]
                used.add(its_names[0])
                continue
            reason = (
                "not clear which photo and which row belong together "
                f"({len(its_files)} photos and {len(its_names)} rows are "
                f"called {key!r})"
            )
            for each in (*free_files, *free_names):
                unclear.setdefault(each, reason)
        if len(name_of) == len(files) or len(used) == len(names):
            break
    return name_of, unclear


def _by_key(
    items: Sequence[str], keys: _Keys, fold: Callable[[str], str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item, key in zip(items, keys, strict=True):
        if key is not None:
            found.setdefault(fold(key), []).append(item)
    return found


def _steps(
    files: Sequence[str], names: Sequence[str], aliases: _Aliases
) -> Iterator[tuple[_Keys, _Keys]]:
    """The steps of `match`: a key for each file, and one for each name.

    Those whose keys are equal belong together; None equals nothing.
    """
    paths = [normalize_name(file) for file in files]
    yield paths, names
    sides = [[_split(path) for path in side] for side in (paths, names)]
    deepest = max(len(parts) for side in sides for parts, _ in side)
    for depth in range(deepest, 0, -1):
        file_stems, name_stems = (
            ["/".join(parts[-depth:]) for parts, _ in side] for side in sides
        )
        file_ends, name_ends = (
            ["/".join(parts[-depth:]) + suffix for parts, suffix in side]
            for side in sides
        )
        yield file_ends, name_ends
        yield file_stems, name_ends
        yield file_stems, name_stems
    yield [aliases(file) for file in files], names


def _split(path: str) -> tuple[list[str], str]:
    """A path without its suffix, in parts, and the suffix in lower case.

    Only a photo's suffix is one: names may have dots of their own.
    """
    stem, suffix = os.path.splitext(path)
    if suffix.lower() not in SUFFIXES:
        stem, suffix = path, ""
    return [part for part in stem.split("/") if part], suffix.lower()
