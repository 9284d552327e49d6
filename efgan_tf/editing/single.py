"""One photo edited, with all the pictures that can be made of it."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
from PIL import Image

from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.common.sheets import grid
from efgan_tf.editing.aligned_photos import (
    WAY_OUT,
    AlignedPhoto,
    reduced,
    unwrap,
)
from efgan_tf.editing.drawing import animate, edit_sheet, responses
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.expression import Expression, save_expression
from efgan_tf.editing.request import Request
from efgan_tf.editing.results import Edited
from efgan_tf.editing.settings import ResultConfig
from efgan_tf.faces import animations, documents

ANIMATION_SIDE = 640
"""Photos are shrunk to this for animations."""

_STRIP_SIDE = 160


def edit_photo(
    editor: Editor,
    request: Request,
    document: documents.Document,
    name: str,
    out: str,
    result: ResultConfig,
    overwrite: bool,
) -> Edited:
    """Edits a photo and writes everything that was asked for.

    Args:
      editor: edits.
      request: the edit and its files.
      document: the photo.
      name: its name, for errors.
      out: file to write, last of all; "": none.
      result: what else to write.
      overwrite: replace files that exist.

    Returns:
      The edit; without faces if there is none and the request says skip:
      nothing was written then.

    Raises:
      UserError: the photo has no such face, the model has not learned a
        unit, or a file cannot be written.
    """
    request = request.resolve(editor)
    aligned_photo = _aligned_photo(editor, request, document, name)
    if result.save_expression and len(aligned_photo.faces) > 1:
        raise UserError(
            f"--save_expression={result.save_expression} holds one face's "
            f"units, and {len(aligned_photo.faces)} are meant; choose one "
            "with --face"
        )
    (edited,) = editor.apply([aligned_photo], request.target, request.stages)
    if not edited.faces:
        return edited
    writing: contextlib.AbstractContextManager[tuple[str, ...]]
    writing = contextlib.nullcontext(())
    if out:
        writing = documents.writing(out, document, edited.image, overwrite)
    with writing as left_out:
        if result.animate:
            _animate(editor, request, aligned_photo, edited, result, overwrite)
        if result.sheet:
            sheet = edit_sheet(aligned_photo, edited.faces, edited.image)
            save_picture(result.sheet, sheet, overwrite)
        if result.save_expression:
            (face,) = edited.faces
            expression = Expression(
                face.target_action_units, face.source_action_units
            )
            save_expression(result.save_expression, expression, overwrite)
    notes = (*document.notes, *edited.notes, *left_out)
    return dataclasses.replace(edited, notes=notes)


def draw_strip(
    editor: Editor,
    request: Request,
    document: documents.Document,
    name: str,
    unit: str,
    out: str,
    overwrite: bool,
) -> AlignedPhoto:
    """Writes the response of a photo's faces to one unit, from 0 to 5.

    Returns:
      The photo's faces; if there is none and the request says skip, nothing
      was written.

    Raises:
      UserError: as `edit_photo`.
    """
    request = request.resolve(editor)
    aligned_photo = _aligned_photo(editor, request, document, name)
    if aligned_photo.faces:
        columns = responses(
            editor, aligned_photo, unit, _STRIP_SIDE, request.stages
        )
        save_picture(out, grid(columns), overwrite)
    return aligned_photo


def _aligned_photo(
    editor: Editor, request: Request, document: documents.Document, name: str
) -> AlignedPhoto:
    """The photo with the faces that are meant."""
    (found,) = editor.detect_and_align(
        [document.pixels], request.choice, request.on_no_face, request.source
    )
    return unwrap(found, name, WAY_OUT)


def save_picture(path: str, picture: np.ndarray, overwrite: bool) -> None:
    """Writes a drawn picture in the format of its suffix."""
    with outputs.atomic_file(path, overwrite) as temporary:
        Image.fromarray(picture).save(temporary, quality=92)


def _animate(
    editor: Editor,
    request: Request,
    aligned_photo: AlignedPhoto,
    edited: Edited,
    result: ResultConfig,
    overwrite: bool,
) -> None:
    targets = [face.target_action_units for face in edited.faces]
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
