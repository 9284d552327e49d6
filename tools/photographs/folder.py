"""From a list of pictures to a folder of crops."""

import concurrent.futures
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.faces.detection import Detector
from efgan_tf.faces.photos import PhotoError, read_photo
from tools.photographs import crops, listing
from tools.photographs.fetching import Missing
from tools.photographs.listing import Picture, Source

_AHEAD = 4  # originals in memory for each connection

Fetch = Callable[[Source, str], bytes]


def rebuild(
    pictures: Sequence[Picture], folder: Path, fetch: Fetch, connections: int
) -> dict[str, str]:
    """Makes the crops that are not in a folder yet, each whole or not at all.

    Args:
      pictures: what is to be there.
      folder: where; it is made.
      fetch: gives an original, or raises `Missing`.
      connections: how many originals are fetched at once.

    Returns:
      For each file that could not be made, why.

    Raises:
      UserError: the folder has another picture under a listed name or cannot
        be written, or `fetch` gives up.
    """
    wanted: dict[tuple[Source, str], list[Picture]] = {}
    for picture in pictures:
        if not _is_there(folder / picture.file, picture):
            key = picture.source, picture.original
            wanted.setdefault(key, []).append(picture)
    problems: dict[str, str] = {}
    if not wanted:
        return problems
    detector = Detector()
    left = sum(map(len, wanted.values()))
    progress = Progress(
        "rebuilding", len(pictures), "pictures", len(pictures) - left
    )
    for group, original in _fetched(wanted, fetch, connections):
        if isinstance(original, str):
            problems |= {picture.file: original for picture in group}
        else:
            problems |= _cut_all(group, original, folder, detector)
        progress.advance(len(group))
    progress.finish()
    return problems


def write_tables(
    pictures: Sequence[Picture], folder: Path, tables: Mapping[str, Path]
) -> None:
    """Writes manifest.csv, and tables with the crops' own SHA-256.

    Args:
      pictures: whose crops are in the folder.
      folder: where the tables go.
      tables: name → a CSV file with `file` and `sha256`, of which the rows of
        the pictures are kept.
    """
    with outputs.atomic_file(folder / "manifest.csv") as path:
        listing.write_manifest(path, pictures)
    files = {picture.file for picture in pictures}
    for name, table in tables.items():
        rows = listing.read_rows(table)
        columns = list(rows[0])
        kept = [row for row in rows if row["file"] in files]
        for row in kept:
            content = (folder / row["file"]).read_bytes()
            row["sha256"] = hashlib.sha256(content).hexdigest()
        with outputs.atomic_file(folder / name) as path:
            listing.write_rows(path, columns, [[*r.values()] for r in kept])


def _is_there(path: Path, picture: Picture) -> bool:
    if not path.exists():
        return False
    if not crops.matches(read_photo(path), picture):
        raise UserError(
            f"{path} is not the listed picture; move it away, or name another "
            "folder"
        )
    return True


def _fetched(
    wanted: Mapping[tuple[Source, str], list[Picture]],
    fetch: Fetch,
    connections: int,
) -> Iterator[tuple[list[Picture], bytes | str]]:
    """The pictures of each original, and its content or why there is none."""

    def content(key: tuple[Source, str]) -> bytes | str:
        try:
            return fetch(*key)
        except Missing as error:
            return f"not at its source: {error}"

    keys, step = list(wanted), _AHEAD * connections
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        for start in range(0, len(keys), step):
            part = keys[start : start + step]
            for key, result in zip(part, pool.map(content, part), strict=True):
                yield wanted[key], result


def _cut_all(
    group: Sequence[Picture], original: bytes, folder: Path, detector: Detector
) -> dict[str, str]:
    """Writes the crops of one original; returns what is wrong with the rest."""
    try:
        photo = read_photo(io.BytesIO(original))
    except PhotoError as error:
        return {picture.file: error.reason for picture in group}
    faces, problems = crops.search(photo, group[0].on_sheet, detector), {}
    for picture in group:
        crop = crops.find(photo, faces, picture)
        if crop is None:
            problems[picture.file] = (
                f"none of the {len(faces)} faces in the original is the listed"
            )
            continue
        with outputs.atomic_file(folder / picture.file) as path:
            Image.fromarray(crop).save(path, "JPEG", quality=92)
    return problems
