"""Pictures of an edit: the sheet, the strip of one unit, the animation.

The sheet has what the networks saw, did, and where; the strip the response of
a face to one action unit, from 0 to 5; the animation goes from the photo to
the edit and back, in equal steps of time.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import from_unit, to_uint8
from efgan_tf.common.sheets import grid
from efgan_tf.editing.aligned_photos import AlignedPhoto, close_up
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.results import EditedFace, EditedPhoto

INTENSITIES = np.linspace(0, action_units.MAX_INTENSITY, 7, dtype=np.float32)
"""The steps of a strip."""

_BATCH = 8  # frames edited at a time: whole photos, so few


def edit_sheet(
    aligned_photo: AlignedPhoto,
    edited: tuple[EditedFace, ...],
    image: np.ndarray,
    side: int = 160,
) -> np.ndarray:
    """Draws a sheet, one row for each face.

    Columns: the photo near the face; the aligned source; every stage; the
    attention (white edits, black keeps) of each branch in the last stage, as
    far as the model has them; the cascade's, Â; the photo near the face after.

    Args:
      aligned_photo: the photo before.
      edited: its faces.
      image: uint8, the photo after.
      side: of each picture.

    Returns:
      uint8 `[height, width, 3]`.
    """
    rows = [
        face_pictures(aligned_photo, index, face, image, side)
        for index, face in enumerate(edited)
    ]
    return grid(
        {title: np.stack([row[title] for row in rows]) for title in rows[0]}
    )


def face_pictures(
    aligned_photo: AlignedPhoto,
    index: int,
    face: EditedFace,
    image: np.ndarray,
    side: int,
) -> dict[str, np.ndarray]:
    """What the networks saw of one face, and what they did.

    Args:
      aligned_photo: the photo before.
      index: of the face in it.
      face: the same after.
      image: uint8, the photo after.
      side: of each picture.

    Returns:
      Title → uint8 `[side, side, 3]`; a row of `edit_sheet`.
    """
    after = AlignedPhoto(image, aligned_photo.faces, ())
    edits = face.edits
    pictures = {"photo": close_up(aligned_photo, index, side).photo}
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
    return np.repeat(to_uint8(from_unit(attention)), 3, axis=-1)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    import cv2  # OpenCV takes a tenth of a second to import

    if picture.shape[0] == side:
        return picture
    shrinks = picture.shape[0] > side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, (side, side), interpolation=method)


def responses(
    editor: Editor,
    aligned_photo: AlignedPhoto,
    unit: str,
    side: int,
    stages: int | None = None,
) -> dict[str, np.ndarray]:
    """Close-ups of every face with one unit at seven intensities.

    Args:
      editor: edits.
      aligned_photo: a photo with its faces.
      unit: `"AU12"`; the other units stay at the source.
      side: of each picture.
      stages: of the cascade.

    Returns:
      Title → uint8 `[faces, side, side, 3]`, a column of pictures.
    """
    columns: dict[str, list[np.ndarray]] = {}
    for index in range(len(aligned_photo.faces)):
        near = close_up(aligned_photo, index, side)
        edited = sweep(editor, near, unit, stages)
        for intensity, result in zip(INTENSITIES, edited, strict=True):
            title = f"{unit}={intensity:.1f}"
            columns.setdefault(title, []).append(result.image)
    return {title: np.stack(images) for title, images in columns.items()}


def sweep(
    editor: Editor,
    aligned_photo: AlignedPhoto,
    unit: str,
    stages: int | None = None,
) -> list[EditedPhoto]:
    """A face with one unit at each of `INTENSITIES`, the others as they are.

    Args:
      editor: edits.
      aligned_photo: a photo with one face.
      unit: `"AU12"`.
      stages: of the cascade.
    """
    (face,) = aligned_photo.faces
    targets = np.repeat(face.source[None], len(INTENSITIES), 0)
    targets[:, action_units.NAMES.index(unit)] = INTENSITIES
    return editor.render(
        [aligned_photo] * len(targets), [[target] for target in targets], stages
    )


def progress_of_frames(frames: int) -> np.ndarray:
    """How far each frame has gone: 0 first, 1 in the middle, and back.

    It starts and turns gently, and the last frame leads into the first.
    """
    number = np.arange(frames)
    there = np.minimum(number, frames - number) / (frames // 2)
    return (1 - np.cos(np.pi * there)) / 2


def animate(
    editor: Editor,
    aligned_photo: AlignedPhoto,
    targets: Sequence[np.ndarray],
    frames: int,
    stages: int | None = None,
) -> Iterator[np.ndarray]:
    """The frames of an animation; the first is the photo, untouched.

    The units go from source to target and back; the way back shows the frames
    of the way there.

    Args:
      editor: makes the frames.
      aligned_photo: the photo with its faces.
      targets: `[17]`, 0–5, for each face.
      frames: how many, at least 2.
      stages: of the cascade.

    Yields:
      uint8 `[height, width, 3]`.
    """
    shares = progress_of_frames(frames)
    there = frames // 2 + 1
    made = [aligned_photo.photo]
    yield aligned_photo.photo
    for start in range(1, there, _BATCH):
        part = shares[start : min(start + _BATCH, there)]
        edited = editor.render(
            [aligned_photo] * len(part),
            [_between(aligned_photo, targets, share) for share in part],
            stages,
        )
        for result in edited:
            made.append(result.image)
            yield result.image
    yield from (made[frames - index] for index in range(there, frames))


def _between(
    aligned_photo: AlignedPhoto, targets: Sequence[np.ndarray], share: float
) -> list[np.ndarray]:
    return [
        face.source + np.float32(share) * (target - face.source)
        for face, target in zip(aligned_photo.faces, targets, strict=True)
    ]
