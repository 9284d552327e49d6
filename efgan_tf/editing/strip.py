"""The response of a face to one action unit, from 0 to 5."""

import numpy as np

from efgan_tf import action_units
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.results import Edited
from efgan_tf.editing.subjects import Subject, close_up

INTENSITIES = np.linspace(0, action_units.MAX_INTENSITY, 7, dtype=np.float32)
"""The steps of a strip."""


def responses(
    editor: Editor,
    subject: Subject,
    unit: str,
    side: int,
    stages: int | None = None,
) -> dict[str, np.ndarray]:
    """Close-ups of every face with one unit at seven intensities.

    Args:
      editor: edits.
      subject: a photo with its faces.
      unit: `"AU12"`; the other units stay at the source.
      side: of each picture.
      stages: of the cascade.

    Returns:
      Title → uint8 `[faces, side, side, 3]`, a column of pictures.
    """
    columns: dict[str, list[np.ndarray]] = {}
    for index in range(len(subject.faces)):
        near = close_up(subject, index, side)
        edited = sweep(editor, near, unit, stages)
        for intensity, result in zip(INTENSITIES, edited, strict=True):
            title = f"{unit}={intensity:.1f}"
            columns.setdefault(title, []).append(result.image)
    return {title: np.stack(images) for title, images in columns.items()}


def sweep(
    editor: Editor, subject: Subject, unit: str, stages: int | None = None
) -> list[Edited]:
    """A face with one unit at each of `INTENSITIES`, the others as they are.

    Args:
      editor: edits.
      subject: a photo with one face.
      unit: `"AU12"`.
      stages: of the cascade.
    """
    (face,) = subject.faces
    targets = np.repeat(face.source[None], len(INTENSITIES), 0)
    targets[:, action_units.NAMES.index(unit)] = INTENSITIES
    return editor.render(
        [subject] * len(targets), [[target] for target in targets], stages
    )
