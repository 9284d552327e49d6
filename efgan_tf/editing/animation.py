"""From the photo to the edit and back, in equal steps of time."""

from collections.abc import Iterator, Sequence

import numpy as np

from efgan_tf.editing.editor import Editor
from efgan_tf.editing.subjects import Subject

_BATCH = 8  # frames edited at a time: whole photos, so few


def progress_of_frames(frames: int) -> np.ndarray:
    """How far each frame has gone: 0 first, 1 in the middle, and back.

    It starts and turns gently, and the last frame leads into the first.
    """
    number = np.arange(frames)
    there = np.minimum(number, frames - number) / (frames // 2)
    return (1 - np.cos(np.pi * there)) / 2


def animate(
    editor: Editor,
    subject: Subject,
    targets: Sequence[np.ndarray],
    frames: int,
    stages: int | None = None,
) -> Iterator[np.ndarray]:
    """The frames of an animation; the first is the photo, untouched.

    The units go from source to target and back; the way back shows the frames
    of the way there.

    Args:
      editor: makes the frames.
      subject: the photo with its faces.
      targets: `[17]`, 0–5, for each face.
      frames: how many, at least 2.
      stages: of the cascade.

    Yields:
      uint8 `[height, width, 3]`.
    """
    shares = progress_of_frames(frames)
    there = frames // 2 + 1
    made = [subject.photo]
    yield subject.photo
    for start in range(1, there, _BATCH):
        part = shares[start : min(start + _BATCH, there)]
        edited = editor.render(
            [subject] * len(part),
            [_between(subject, targets, share) for share in part],
            stages,
        )
        for result in edited:
            made.append(result.image)
            yield result.image
    yield from (made[frames - index] for index in range(there, frames))


def _between(
    subject: Subject, targets: Sequence[np.ndarray], share: float
) -> list[np.ndarray]:
    return [
        face.source + np.float32(share) * (target - face.source)
        for face, target in zip(subject.faces, targets, strict=True)
    ]
