"""Edits towards a true picture: people of whom there are two photographs."""

from collections.abc import Sequence

import numpy as np

from efgan_tf import geometry
from efgan_tf.editing.editor import Editor
from efgan_tf.evaluation.metrics import artifacts, distributions, image_quality
from efgan_tf.evaluation.photographs import scores
from efgan_tf.evaluation.photographs.edits import (
    NEUTRAL,
    SLIGHT_SMILE,
    SMILE,
)
from efgan_tf.evaluation.photographs.readers import Readers
from efgan_tf.evaluation.photographs.scores import Source

# Bridge of the nose, its base, corners of the eyes: what no expression moves.
_RIGID = [27, 28, 29, 30, 33, 36, 39, 42, 45]


def score_truths(
    editor: Editor, readers: Readers, sources: Sequence[Source]
) -> dict[str, dict[str, np.ndarray]]:
    """Edits neutral photographs to the true smile, broad or slight, and back.

    The target is what the model sees in the true picture, which is brought
    onto the source by a similarity of the points that no expression moves.

    Returns:
      `"neutral to smile"` and `"smile to neutral"` → `"subject"`, who, and
      whose picture and metric → float64 `[n]`, or one number for all; empty
      if nobody has both.
    """
    calm = {s.photo.subject: s for s in sources if s.kind == NEUTRAL}
    smiling = {}
    for source in sources:
        if source.kind == SMILE or (
            source.kind == SLIGHT_SMILE and source.photo.subject not in smiling
        ):
            smiling[source.photo.subject] = source
    pairs = [(calm[s], smiling[s]) for s in sorted({*calm} & {*smiling})]
    if not pairs:
        return {}
    return {
        "neutral to smile": _scores(editor, readers, pairs),
        "smile to neutral": _scores(editor, readers, [p[::-1] for p in pairs]),
    }


def _scores(
    editor: Editor, readers: Readers, pairs: Sequence[tuple[Source, Source]]
) -> dict[str, np.ndarray]:
    edited = editor.render(
        [source.aligned_photo for source, _ in pairs],
        [[true.aligned_photo.faces[0].source] for _, true in pairs],
    )
    before = np.stack([source.seen.aligned for source, _ in pairs])
    after = np.stack(
        [
            scores.aligned(each.image, scores.frame(source.aligned_photo))
            for each, (source, _) in zip(edited, pairs, strict=True)
        ]
    )
    truth = np.stack([_registered(*pair) for pair in pairs])
    mouth = scores.BOXES["mouth"]
    found: dict[str, np.ndarray] = {
        "subject": np.array([source.photo.subject for source, _ in pairs])
    }
    for name, shown in (("edit", after), ("no edit", before)):
        inside = [geometry.crop(x, mouth) for x in (shown, truth)]
        found |= {
            f"{name}, PSNR": image_quality.psnr(shown, truth),
            f"{name}, PSNR mouth": image_quality.psnr(*inside),
            f"{name}, distance": readers.features.distance(shown, truth),
            f"{name}, ghosting mouth": artifacts.ghosting(
                inside[0], geometry.crop(before, mouth), inside[1]
            ),
        }
        if len(pairs) > 1:
            vectors = [readers.features.vectors(x) for x in inside]
            distance = 1000 * distributions.kid(*vectors).value
            found[f"{name}, KID mouth"] = np.array(distance)
    for name, shown in (("edit", after), ("true picture", truth)):
        found[f"{name}, old detail in mouth"] = np.array(
            [scores.ghost(*x) for x in zip(shown, before, strict=True)]
        )
    identities = [[s.seen.identity for s in pair] for pair in pairs]
    found["true picture, identity"] = np.linalg.norm(
        np.diff(identities, axis=1)[:, 0], axis=-1
    )
    return found


def _registered(source: Source, true: Source) -> np.ndarray:
    """The true picture in the source's aligned frame."""
    onto = geometry.fit_similarity(
        true.seen.points[_RIGID], source.seen.points[_RIGID]
    )
    place = scores.frame(source.aligned_photo)
    linear = place[:, :2] @ onto[:, :2]
    shift = geometry.apply(place, onto[:, 2])
    return scores.aligned(true.photo.pixels, np.column_stack([linear, shift]))
