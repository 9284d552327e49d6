"""Which row of a table means which photo."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence

from efgan_tf.data.tables.rows import Row, Table, frame_name
from efgan_tf.data.tables.sightings import tidy
from efgan_tf.errors import UserError
from efgan_tf.faces.photos import SUFFIXES

Keys = list[str | None]


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


def _no_alias(file: str) -> str | None:
    return None


def match(
    files: Sequence[str],
    table: Table,
    aliases: Callable[[str], str | None] = _no_alias,
) -> Matched:
    """Finds the row of each photo.

    A name means a photo if the paths are the same; if they are but for the
    suffix; if their ends are, down to the bare name (tools write absolute
    paths); if these are but for the suffix; or if it is the photo's alias. At
    each step upper and lower case are told apart at first. But for the first
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
    names = list(table.rows) + list(lost)
    if table.by_order:
        partners, doubts = _by_order(files, table), {}
    else:
        partners, doubts = _by_name(files, names, aliases)
    reasons = {}
    rows = []
    for file in files:
        name = partners.get(file)
        row = table.rows.get(name)
        if row is None:
            reasons[file] = lost.get(name) or doubts.get(
                file, "has no row in the table"
            )
            continue
        subject = file if row.subject == row.file else row.subject
        rows.append(dataclasses.replace(row, file=file, subject=subject))
    without_row = list(reasons)
    used = set(partners.values())
    without_photo = [name for name in names if name not in used]
    for name in without_photo:
        reasons[name] = lost.get(name) or doubts.get(
            name, "in the table, but there is no such photo"
        )
    return Matched(rows, without_row, without_photo, reasons)


def _by_order(files: Sequence[str], table: Table) -> dict[str, str]:
    """The name for each photo where frames are numbered in sorted order."""
    if table.frames != len(files):
        raise UserError(
            f"the table numbers its {table.frames} frames instead of naming "
            f"the photos, of which there are {len(files)}, so it cannot be "
            "told which is which; use OpenFace's FaceLandmarkImg, which writes "
            "one table for each photo"
        )
    known = {*table.rows, *(name for name, _ in table.dropped)}
    ordered = enumerate(sorted(files), 1)
    return {f: frame_name(k) for k, f in ordered if frame_name(k) in known}


def _by_name(
    files: Sequence[str],
    names: Sequence[str],
    aliases: Callable[[str], str | None],
) -> tuple[dict[str, str], dict[str, str]]:
    """The name for each photo, and what else might have been meant."""
    partners: dict[str, str] = {}
    used: set[str] = set()
    doubts: dict[str, str] = {}
    for file_keys, name_keys in _cases(_steps(files, names, aliases)):
        groups = {key: ([], []) for key in {*file_keys} & {*name_keys} - {None}}
        for side, keys, things in (
            (0, file_keys, files),
            (1, name_keys, names),
        ):
            for key, thing in zip(keys, things, strict=True):
                if key in groups:
                    groups[key][side].append(thing)
        for key, (its_files, its_names) in groups.items():
            free_files = [file for file in its_files if file not in partners]
            free_names = [name for name in its_names if name not in used]
            if not (free_files and free_names):
                continue
            if len(its_files) == len(its_names) == 1:
                partners[its_files[0]] = its_names[0]
                used.add(its_names[0])
                continue
            for each in (*free_files, *free_names):
                doubts.setdefault(each, _doubt(key, its_files, its_names))
        if len(partners) == len(files) or len(used) == len(names):
            break
    return partners, doubts


def _doubt(key: str, files: Sequence[str], names: Sequence[str]) -> str:
    return (
        "not clear which photo and which row belong together "
        f"({len(files)} photos and {len(names)} rows are called {key!r})"
    )


def _cases(steps: Iterator[tuple[Keys, Keys]]) -> Iterator[tuple[Keys, Keys]]:
    """Each step as it is, then with upper and lower case taken as one."""
    for step in steps:
        yield step
        yield tuple([key and key.casefold() for key in keys] for keys in step)


def _steps(
    files: Sequence[str],
    names: Sequence[str],
    aliases: Callable[[str], str | None],
) -> Iterator[tuple[Keys, Keys]]:
    """The keys of all photos and of all names that are to be equal, by step."""
    files_in_full = [tidy(file) for file in files]
    yield files_in_full, list(names)
    file_parts = [_parts(file) for file in files_in_full]
    name_parts = [_parts(name) for name in names]
    deepest = max(len(path) for path, _ in (*file_parts, *name_parts))
    for depth in range(deepest, 0, -1):
        file_ends = [_end(*parts, depth) for parts in file_parts]
        name_ends = [_end(*parts, depth) for parts in name_parts]
        for file_form, name_form in ((0, 0), (1, 0), (1, 1)):
            yield (
                [forms[file_form] for forms in file_ends],
                [forms[name_form] for forms in name_ends],
            )
    yield [aliases(file) for file in files], list(names)


def _parts(path: str) -> tuple[list[str], str]:
    """A path without its suffix, in parts, and the suffix in lower case.

    Only a photo's suffix is one: names may have dots of their own.
    """
    stem, suffix = os.path.splitext(path)
    if suffix.lower() not in SUFFIXES:
        stem, suffix = path, ""
    return [part for part in stem.split("/") if part], suffix.lower()


def _end(parts: list[str], suffix: str, depth: int) -> tuple[str, str]:
    """The last parts of a path, with its suffix and without."""
    end = "/".join(parts[-depth:])
    return end + suffix, end
