"""One photo edited, with all the pictures that can be made of it."""

import contextlib
import os
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import require
from efgan_tf.common.progress import Progress
from efgan_tf.common.sheets import grid
from efgan_tf.editing.aligned_photos import AlignedPhoto, reduced
from efgan_tf.editing.edit_drawing import animate, edit_sheet, responses
from efgan_tf.editing.editing_settings import PhotoConfig, ResultConfig
from efgan_tf.editing.editor import Editor, unwrap
from efgan_tf.editing.expression import Expression, save_expression
from efgan_tf.editing.face_selection import NO_FACE_HINT
from efgan_tf.editing.inputs import output_folders
from efgan_tf.editing.request import Request
from efgan_tf.editing.results import face_lines
from efgan_tf.faces import animations, documents

ANIMATION_SIDE = 640
"""Photos are shrunk to this for animations."""

_STRIP_SIDE = 160


def edit_photo(
    load: Callable[[], Editor],
    photo: PhotoConfig,
    request: Request,
    result: ResultConfig,
) -> list[str]:
    """Edits a photo, or draws its strip, and writes all that was asked for.

    Args:
      load: makes the editor; called once the photo is read and its outputs
        are known to be free.
      photo: what is edited, and where it goes.
      request: the edit.
      result: what else to write.

    Returns:
      What was done, for the screen. Without a face, if the request says skip,
      nothing was written.

    Raises:
      UserError: the photo cannot be read or has no such face, the model has
        not learned a unit, or a file cannot be written.
    """
    document = documents.read_document(photo.image, photo.max_pixels)
    paths = _check_outputs(photo, result)
    with output_folders(map(os.path.dirname, paths)):
        editor = load()
        request = request.resolve(editor)
        (found,) = editor.detect_and_align(
            [document.pixels],
            request.choice,
            request.on_no_face,
            request.source,
        )
        aligned_photo = unwrap(found, photo.image, NO_FACE_HINT)
        lines = [*document.notes, *aligned_photo.notes]
        if not aligned_photo.faces:
            return lines
        if result.strip:
            lines += _write_strip(
                editor, request, aligned_photo, photo, result.strip
            )
        else:
            lines += _write_edit(
                editor, request, document, aligned_photo, photo, result
            )
    return [*lines, *(f"wrote {path}" for path in paths)]


def _write_strip(
    editor: Editor,
    request: Request,
    aligned_photo: AlignedPhoto,
    photo: PhotoConfig,
    unit: str,
) -> list[str]:
    """Writes the response of a photo's faces to one unit, from 0 to 5."""
    columns = responses(
        editor,
        aligned_photo,
        action_units.canonical_name(unit),
        _STRIP_SIDE,
        request.stages,
    )
    save_picture(photo.out, grid(columns), photo.overwrite)
    return [
        line
        for each in aligned_photo.faces
        for line in face_lines(
            each.face.box, len(each.aligned), source=each.source
        )
    ]


def _write_edit(
    editor: Editor,
    request: Request,
    document: documents.Document,
    aligned_photo: AlignedPhoto,
    photo: PhotoConfig,
    result: ResultConfig,
) -> list[str]:
    """Writes the edit; the photo is the last file to appear."""
    faces, overwrite = aligned_photo.faces, photo.overwrite
    if result.save_expression and len(faces) > 1:
        raise UserError(
            f"--save_expression={result.save_expression} holds one face's "
            f"units, and {len(faces)} are meant; choose one with --face"
        )
    (edited,) = editor.apply([aligned_photo], request.target, request.stages)
    writing: contextlib.AbstractContextManager[tuple[str, ...]]
    writing = contextlib.nullcontext(())
    if photo.out:
        writing = documents.writing(
            photo.out, document, edited.image, overwrite
        )
    with writing as left_out:
        if result.animate:
            targets = [face.target_action_units for face in edited.faces]
            _animate(editor, request, aligned_photo, targets, result, overwrite)
        if result.sheet:
            sheet = edit_sheet(aligned_photo, edited.faces, edited.image)
            save_picture(result.sheet, sheet, overwrite)
        if result.save_expression:
            (face,) = edited.faces
            expression = Expression(
                face.target_action_units, face.source_action_units
            )
            save_expression(result.save_expression, expression, overwrite)
    lines = list(left_out)
    for face in edited.faces:
        lines += face_lines(
            face.box,
            len(face.aligned),
            source=face.source_action_units,
            target=face.target_action_units,
        )
    return lines


def _check_outputs(photo: PhotoConfig, result: ResultConfig) -> list[str]:
    """The files that are wanted.

    Raises:
      UserError: one exists, is wanted twice or is of no known format.
    """
    files = {"out": photo.out, **result.files()}
    wanted = {flag: path for flag, path in files.items() if path}
    require(
        bool(wanted) and (bool(photo.out) or not result.strip),
        "give --out=FILE, the picture to write",
    )
    for path in filter(None, (photo.out, result.sheet)):
        documents.check_suffix(path)
    if result.animate:
        animations.check_animation(result.animate, result.fps)
    for path in wanted.values():
        place = os.path.realpath(path)
        same = [f for f, p in wanted.items() if os.path.realpath(p) == place]
        require(
            len(same) == 1,
            f"--{' and --'.join(same)} name the same file, {path}",
        )
        outputs.check_free_file(path, photo.overwrite)
    return list(wanted.values())


def save_picture(path: str, picture: np.ndarray, overwrite: bool) -> None:
    """Writes a drawn picture in the format of its suffix."""
    with outputs.atomic_file(path, overwrite) as temporary:
        Image.fromarray(picture).save(temporary, quality=92)


def _animate(
    editor: Editor,
    request: Request,
    aligned_photo: AlignedPhoto,
    targets: list[np.ndarray],
    result: ResultConfig,
    overwrite: bool,
) -> None:
    frames = animate(
        editor,
        reduced(aligned_photo, ANIMATION_SIDE),
        targets,
        result.frames,
        request.stages,
    )
    progress = Progress("animating", result.frames, "frames")
    animations.write_animation(
        result.animate, _counted(frames, progress), result.fps, overwrite
    )
    progress.finish()


def _counted(
    frames: Iterator[np.ndarray], progress: Progress
) -> Iterator[np.ndarray]:
    for frame in frames:
        yield frame
        progress.advance()
