"""Many photos in one go; one bad file never stops the rest."""

import collections
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.inputs import Job
from efgan_tf.editing.request import Request
from efgan_tf.editing.results import EditedPhoto, edited_to_json
from efgan_tf.faces import documents

REPORT = "report.json"

# So many photos share the detector's and the networks' batches, unless they
# are large.
_CHUNK_PHOTOS = 16
_CHUNK_PIXELS = 32_000_000


@dataclasses.dataclass(frozen=True)
class Entry:
    """What became of one photo.

    Attributes:
      file: its name below the folder.
      status: "edited", "skipped" (no face, which was to be left, or no photo)
        or "failed".
      reason: why it failed, or what is worth knowing.
      out: the file that was written, if any.
      faces: of `edited_to_json`.
    """

    file: str
    status: str
    reason: str = ""
    out: str = ""
    faces: tuple[dict, ...] = ()


def output_paths(jobs: Sequence[Job], out: Path) -> list[Path]:
    """Where each photo's edit goes: the same name below `out`.

    Formats that can be read but not written get `.png` added to their name.

    Raises:
      UserError: two would be written to one file.
    """
    sources: dict[Path, Job] = {}
    for job in jobs:
        known = job.path.suffix.lower() in documents.SUFFIXES
        path = out / (job.name if known else f"{job.name}.png")
        other = sources.setdefault(path, job)
        if other is not job:
            raise UserError(
                f"{other.name} and {job.name} would both be written to {path}; "
                "rename one of them"
            )
    return list(sources)


def check_outputs(paths: Sequence[Path], overwrite: bool) -> None:
    """Raises a `UserError` if writing the files would lose anything."""
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UserError(
            f"{existing[0]}{more} exist; name another folder with --out or "
            "pass --overwrite"
        )


def edit_photos(
    editor: Editor,
    request: Request,
    jobs: Sequence[Job],
    out: Path,
    max_pixels: int,
    others: Mapping[Job, str] | None = None,
) -> list[Entry]:
    """Edits photos and writes them, with a report beside them.

    Args:
      editor: edits.
      request: the edit of each photo.
      jobs: the photos.
      out: folder to write; what is there by the same name is replaced.
      max_pixels: larger photos fail.
      others: files beside them that are passed over, and why.

    Returns:
      What became of each file, as `out/report.json` has it. (If it is
      interrupted, the report has the photos up to then.)
    """
    request = request.resolve(editor)
    progress = Progress("editing", len(jobs), "photos")
    entries = [
        Entry(other.name, "skipped", reason)
        for other, reason in (others or {}).items()
    ]
    paths = output_paths(jobs, out)
    try:
        places = zip(jobs, paths, strict=True)
        for entry in _edit_all(editor, request, places, max_pixels):
            entries.append(entry)
            progress.advance()
            if entry.status == "failed":
                progress.say(f"{entry.file}: {entry.reason}")
    finally:
        progress.finish()
        _write_report(out / REPORT, editor, entries)
    return entries


def counts(entries: Sequence[Entry]) -> dict[str, int]:
    """How many were edited, skipped and failed."""
    found = collections.Counter(entry.status for entry in entries)
    return {name: found[name] for name in ("edited", "skipped", "failed")}


def _edit_all(
    editor: Editor,
    request: Request,
    jobs: Iterable[tuple[Job, Path]],
    max_pixels: int,
) -> Iterator[Entry]:
    """Reads and edits photos, some at a time."""
    chunk: list[tuple[Job, Path, documents.Document]] = []
    pixels = 0
    for job, path in jobs:
        try:
            document = documents.read_document(job.path, max_pixels)
        except UserError as error:
            yield from _edit_chunk(editor, request, chunk)
            chunk, pixels = [], 0
            yield _failed(job, error)
            continue
        chunk.append((job, path, document))
        pixels += document.pixels[..., 0].size
        if len(chunk) == _CHUNK_PHOTOS or pixels >= _CHUNK_PIXELS:
            yield from _edit_chunk(editor, request, chunk)
            chunk, pixels = [], 0
    yield from _edit_chunk(editor, request, chunk)


def _edit_chunk(
    editor: Editor,
    request: Request,
    chunk: list[tuple[Job, Path, documents.Document]],
) -> Iterator[Entry]:
    if not chunk:
        return
    found = editor.detect_and_align(
        [document.pixels for _, _, document in chunk],
        request.choice,
        request.on_no_face,
        request.source,
    )
    good = [each for each in found if not isinstance(each, UserError)]
    edited = iter(editor.apply(good, request.target, request.stages))
    for (job, path, document), each in zip(chunk, found, strict=True):
        if isinstance(each, UserError):
            yield _failed(job, each)
        else:
            yield _written(job, path, document, next(edited))


def _written(
    job: Job, path: Path, document: documents.Document, edited: EditedPhoto
) -> Entry:
    """Writes one photo, unless it was to be left as it is."""
    notes = [*document.notes, *edited.notes]
    if not edited.faces:
        return Entry(job.name, "skipped", "; ".join(notes))
    try:
        notes += documents.write_document(path, document, edited.image)
    except UserError as error:
        return _failed(job, error)
    return Entry(
        file=job.name,
        status="edited",
        reason="; ".join(notes),
        out=str(path),
        faces=tuple(edited_to_json(edited)),
    )


def _failed(job: Job, error: UserError) -> Entry:
    return Entry(job.name, "failed", str(error).removeprefix(f"{job.path}: "))


def _write_report(path: Path, editor: Editor, entries: list[Entry]) -> None:
    content = {
        "model": editor.model.name,
        **counts(entries),
        "files": [dataclasses.asdict(entry) for entry in entries],
    }
    with outputs.atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
