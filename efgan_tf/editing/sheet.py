"""One picture of an edit: what the networks saw, did, and where."""

import numpy as np

from efgan_tf.common.sheets import grid, to_uint8
from efgan_tf.editing.results import EditedFace
from efgan_tf.editing.subjects import Subject, close_up


def edit_sheet(
    subject: Subject,
    edited: tuple[EditedFace, ...],
    image: np.ndarray,
    side: int = 160,
) -> np.ndarray:
    """Draws a sheet, one row for each face.

    Columns: the photo near the face; the aligned source; every stage; the
    attention (white edits, black keeps) of each branch in the last stage, as
    far as the model tells; the cascade's, Â; the photo near the face after.

    Args:
      subject: the photo before.
      edited: its faces.
      image: uint8, the photo after.
      side: of each picture.

    Returns:
      uint8 `[height, width, 3]`.
    """
    rows = [
        face_pictures(subject, index, face, image, side)
        for index, face in enumerate(edited)
    ]
    return grid(
        {title: np.stack([row[title] for row in rows]) for title in rows[0]}
    )


def face_pictures(
    subject: Subject,
    index: int,
    face: EditedFace,
    image: np.ndarray,
    side: int,
) -> dict[str, np.ndarray]:
    """What the networks saw of one face, and what they did.

    Args:
      subject: the photo before.
      index: of the face in it.
      face: the same after.
      image: uint8, the photo after.
      side: of each picture.

    Returns:
      Title → uint8 `[side, side, 3]`; a row of `edit_sheet`.
    """
    after = Subject(image, subject.faces, ())
    edits = face.edits
    pictures = {"photo": close_up(subject, index, side).photo}
    pictures["source"] = face.aligned
    for number, stage in enumerate(edits.images[0], 1):
        pictures[f"stage {number}"] = to_uint8(stage)
    for name, attention in edits.branches.items():
        pictures[f"A {name}"] = _as_picture(attention[0, -1])
    pictures["A cascade"] = _as_picture(edits.attention[0, -1])
    pictures["result"] = close_up(after, index, side).photo
    return {
        title: _resized(picture, side) for title, picture in pictures.items()
    }


def _as_picture(attention: np.ndarray) -> np.ndarray:
    """[0, 1] with one channel → uint8 with three."""
    return np.repeat(to_uint8(attention * 2 - 1), 3, axis=-1)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    import cv2  # OpenCV takes a tenth of a second to import

    if picture.shape[0] == side:
        return picture
    shrinks = picture.shape[0] > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, (side, side), interpolation=method)
