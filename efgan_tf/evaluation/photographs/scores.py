"""Which edits of photographs are made, and their scores."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units, geometry
from efgan_tf.common.images import to_float
from efgan_tf.editing.editor import Editor
from efgan_tf.evaluation.metrics import distributions, image_quality
from efgan_tf.evaluation.photographs import points
from efgan_tf.evaluation.photographs.readers import EXPRESSIONS, Readers
from efgan_tf.evaluation.photographs.sources import (
    NEUTRAL,
    SIDE,
    SLIGHT_SMILE,
    SMILE,
    FaceReading,
    Source,
    aligned,
    frame,
    read_face,
)
from efgan_tf.evaluation.tables import EDIT, GROUND_TRUTH, NO_EDIT

ZERO_EDIT = "no change"
"""The edit to what the face shows already, as report.json calls it."""

DETAIL = 2.0
"""Pixels of `SIDE`: the Gaussian that sharpness and ghosts are seen without."""

BOXES = {
    name: box
    for name, box in geometry.pixel_boxes(SIDE).items()
    if name in ("eyes", "mouth")
}

EXPRESSION_EDITS = {
    NEUTRAL: tuple(n for n in action_units.PRESETS if n != "neutral"),
    SMILE: ("neutral", "sad", "angry", "surprised"),
}
UNIT_EDITS = {
    NEUTRAL: {
        "AU01+AU02": {"AU01": 4.0, "AU02": 4.0},
        "AU04": {"AU04": 4.0},
        "AU12": {"AU12": 4.0},
        "AU25": {"AU25": 4.0},
        "AU25+AU26": {"AU25": 4.0, "AU26": 4.0},
        "AU45": {"AU45": 5.0},
    },
    SMILE: {
        "AU12 to 0": {"AU12": 0.0},
        "AU25 to 0": {"AU25": 0.0, "AU26": 0.0},
    },
}
"""Units that are set by themselves; the others stay."""

# Of these people differ little enough that a reading by itself counts.
_READ_BEFORE = ("AU12", "AU25")

# Bridge of the nose, its base, corners of the eyes: what no expression moves.
_RIGID = [27, 28, 29, 30, 33, 36, 39, 42, 45]


@dataclasses.dataclass(frozen=True, eq=False)
class PhotoEdit:
    """An edit of one photograph.

    Attributes:
      name: an expression's, units', or `ZERO_EDIT`.
      target: float32 `[17]`, 0–5, the units that the edit aims at.
      change: `[6]`, how the readings of `points.UNITS` should change: from 0
        where the photograph is neutral; where it smiles, AU12 and AU25 from
        what the points say.
    """

    name: str
    target: np.ndarray
    change: np.ndarray


def edits_of(
    kind: str, source: np.ndarray, read: np.ndarray
) -> list[PhotoEdit]:
    """All edits of a photograph.

    Args:
      kind: `NEUTRAL` or `SMILE`.
      source: float32 `[17]`, 0–5, what the model sees in it.
      read: `[6]`, what the points say (`points.intensities`).
    """
    before = np.zeros(action_units.COUNT)
    if kind == SMILE:
        for name in _READ_BEFORE:
            place = points.UNITS.index(name)
            before[action_units.NAMES.index(name)] = max(0, read[place])
    shown = points.expected(before)
    edits = [PhotoEdit(ZERO_EDIT, source, np.zeros(len(shown)))]
    for name in EXPRESSION_EDITS[kind]:
        target = action_units.preset(name)
        edits.append(PhotoEdit(name, target, points.expected(target) - shown))
    for name, units in UNIT_EDITS[kind].items():
        target, after = source.copy(), before.copy()
        for unit, value in units.items():
            place = action_units.NAMES.index(unit)
            target[place] = after[place] = value
        edits.append(PhotoEdit(name, target, points.expected(after) - shown))
    return edits


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """One edit.

    Attributes:
      source: the photograph that was edited.
      edit: what was asked for.
      reading: what the readers see in the result.
      values: the metrics of `photo_report.METRICS` that it has.
    """

    source: Source
    edit: PhotoEdit
    reading: FaceReading
    values: dict[str, float]


def score_edits(
    editor: Editor, readers: Readers, source: Source
) -> list[Score]:
    """Makes and reads all edits of a photograph."""
    face = source.aligned_photo.faces[0]
    edits = edits_of(source.kind, face.source, source.reading.units)
    edited = editor.render(
        [source.aligned_photo] * len(edits), [[each.target] for each in edits]
    )
    readings = read_face(
        readers, source.aligned_photo, [each.image for each in edited]
    )
    scores = [
        Score(source, each, after, _values(source, each, after))
        for each, after in zip(edits, readings, strict=True)
    ]
    before = to_float(face.aligned[None])
    after = edited[0].faces[0].edits.images[:, -1]
    scores[0].values["zero_psnr"] = float(image_quality.psnr(after, before)[0])
    return scores


def _values(
    source: Source, edit: PhotoEdit, after: FaceReading
) -> dict[str, float]:
    before = source.reading
    moved, change = after.units - before.units, edit.change
    still = np.abs(change) < 0.5
    values = {
        "identity": float(np.linalg.norm(after.identity - before.identity)),
    }
    if still.any():
        values["unasked"] = float(np.abs(moved[still]).mean())
    if change @ change > 1:
        values["share"] = float(moved @ change / (change @ change))
    if edit.name in EXPRESSIONS:
        values["seen"] = float(after.expression == edit.name)
        values["seen_before"] = float(before.expression == edit.name)
    pair = after.aligned[None], before.aligned[None]
    sharp = image_quality.by_region(
        image_quality.sharpness, BOXES, *pair, sigma=DETAIL
    )
    values |= {f"sharp_{name}": float(v[0]) for name, v in sharp.items()}
    if source.kind == SMILE and edit.name != ZERO_EDIT:
        values["ghost"] = ghost(after.aligned, before.aligned)
    return values


def ghost(after: np.ndarray, before: np.ndarray) -> float:
    """Share of the mouth's old detail that is still at its place.

    Args:
      after: `[256, 256, 3]`, aligned.
      before: likewise.
    """
    new, old = (geometry.crop(x[None], BOXES["mouth"]) for x in (after, before))
    return float(image_quality.kept_detail(new, old, sigma=DETAIL)[0])


def mouths(faces: np.ndarray) -> np.ndarray:
    """Aligned faces `[n, 256, 256, 3]` → their mouths' boxes."""
    return geometry.crop(faces, BOXES["mouth"])


def score_ground_truth(
    editor: Editor, readers: Readers, sources: Sequence[Source]
) -> dict[str, dict[str, np.ndarray]]:
    """Edits neutral photographs to the true smile, broad or slight, and back.

    The target is what the model sees in the ground truth, which is brought
    onto the source by a similarity of the points that no expression moves.

    Returns:
      `"neutral to smile"` and `"smile to neutral"` → `"subject"`, who, and
      whose picture and metric → float64 `[n]`, or one number for all; empty
      if nobody has both.
    """
    neutral, slight, broad = (
        {s.photo.subject: s for s in sources if s.kind == kind}
        for kind in (NEUTRAL, SLIGHT_SMILE, SMILE)
    )
    smiling = slight | broad
    pairs = [(neutral[s], smiling[s]) for s in sorted({*neutral} & {*smiling})]
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
        [[reference.aligned_photo.faces[0].source] for _, reference in pairs],
    )
    before = np.stack([source.reading.aligned for source, _ in pairs])
    after = np.stack(
        [
            aligned(each.image, frame(source.aligned_photo))
            for each, (source, _) in zip(edited, pairs, strict=True)
        ]
    )
    ground_truth = np.stack([_registered(*pair) for pair in pairs])
    mouth = BOXES["mouth"]
    found: dict[str, np.ndarray] = {
        "subject": np.array([source.photo.subject for source, _ in pairs])
    }
    for name, shown in ((EDIT, after), (NO_EDIT, before)):
        inside = [geometry.crop(x, mouth) for x in (shown, ground_truth)]
        found |= {
            f"{name}, PSNR": image_quality.psnr(shown, ground_truth),
            f"{name}, PSNR mouth": image_quality.psnr(*inside),
            f"{name}, distance": readers.features.distance(shown, ground_truth),
            f"{name}, ghosting mouth": image_quality.ghosting(
                inside[0], geometry.crop(before, mouth), inside[1]
            ),
        }
        if len(pairs) > 1:
            vectors = [readers.features.vectors(x) for x in inside]
            distance = 1000 * distributions.kid(*vectors)
            found[f"{name}, KID mouth"] = np.array(distance)
    for name, shown in ((EDIT, after), (GROUND_TRUTH, ground_truth)):
        found[f"{name}, old detail in mouth"] = np.array(
            [ghost(*x) for x in zip(shown, before, strict=True)]
        )
    identities = [[s.reading.identity for s in pair] for pair in pairs]
    found[f"{GROUND_TRUTH}, identity"] = np.linalg.norm(
        np.diff(identities, axis=1)[:, 0], axis=-1
    )
    return found


def _registered(source: Source, reference: Source) -> np.ndarray:
    """The ground truth in the source's aligned frame."""
    onto = geometry.fit_similarity(
        reference.reading.points[_RIGID], source.reading.points[_RIGID]
    )
    place = frame(source.aligned_photo)
    linear = place[:, :2] @ onto[:, :2]
    shift = geometry.apply(place, onto[:, 2])
    return aligned(reference.photo.pixels, np.column_stack([linear, shift]))
