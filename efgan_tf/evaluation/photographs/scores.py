"""Edits of photographs, and what readers of photographs see in them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from efgan_tf import geometry
from efgan_tf.common.images import to_float
from efgan_tf.editing.aligned_photos import AlignedPhoto
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.face_selection import FaceChoice, parse_choice
from efgan_tf.evaluation.metrics import artifacts, image_quality
from efgan_tf.evaluation.photographs import points
from efgan_tf.evaluation.photographs.edits import (
    NEUTRAL,
    SLIGHT_SMILE,
    SMILE,
    ZERO,
    PhotoEdit,
    edits_of,
)
from efgan_tf.evaluation.photographs.readers import EXPRESSIONS, Readers
from efgan_tf.evaluation.photographs.sources import Photo

LARGEST: FaceChoice = parse_choice("largest")
"""Which face of a photograph is read."""

SIDE = 256
"""Side of the aligned pictures in which edits are compared."""

DETAIL = 2.0
"""Pixels of `SIDE`: the Gaussian that sharpness and ghosts are seen without."""

BOXES = {
    name: box
    for name, box in geometry.pixel_boxes(SIDE).items()
    if name in ("eyes", "mouth")
}

# A face that reads as neutral with less of both is neutral; one that reads as
# happy with more of both smiles broadly.
_CALM = {"AU12": 2.0, "AU25": 1.0}
_BROAD = {"AU12": 1.5, "AU25": 1.5}


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What the readers see in one picture of a face.

    Attributes:
      aligned: float32 `[256, 256, 3]` in [-1, 1].
      points: float64 `[68, 2]`, in the photo.
      units: float64 `[6]`, intensities of `points.UNITS`.
      probabilities: float32 `[7]` of `readers.EXPRESSIONS`.
      identity: float64 `[128]`.
    """

    aligned: np.ndarray
    points: np.ndarray
    units: np.ndarray
    probabilities: np.ndarray
    identity: np.ndarray

    @property
    def expression(self) -> str:
        """The most probable one."""
        return EXPRESSIONS[int(self.probabilities.argmax())]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A photograph that is edited.

    Attributes:
      photo: it.
      aligned_photo: its face, as the model sees it.
      seen: what the readers see in it.
      kind: `NEUTRAL`, `SMILE`, `SLIGHT_SMILE`, or "" for none of them.
    """

    photo: Photo
    aligned_photo: AlignedPhoto
    seen: Seen
    kind: str


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """One edit.

    Attributes:
      source: of what.
      edit: what was asked for.
      seen: what the readers see in the result.
      values: the metrics of `report.METRICS` that it has.
    """

    source: Source
    edit: PhotoEdit
    seen: Seen
    values: dict[str, float]


def read_sources(
    editor: Editor, readers: Readers, photos: Sequence[Photo]
) -> tuple[list[Source], list[str]]:
    """Finds and reads the faces.

    Returns:
      At most one source of each kind for each person, the first by name; and
      the files in which no face was found.
    """
    found = editor.detect_and_align([p.pixels for p in photos], LARGEST)
    sources, missed = [], []
    for photo, aligned_photo in zip(photos, found, strict=True):
        if not isinstance(aligned_photo, AlignedPhoto):
            missed.append(photo.file)
            continue
        (seen,) = look(readers, aligned_photo, [photo.pixels])
        sources.append(Source(photo, aligned_photo, seen, _kind(seen)))
    firsts: dict[tuple[str, str], Source] = {}
    for source in sorted(sources, key=lambda each: each.photo.file):
        if source.kind:
            firsts.setdefault((source.photo.subject, source.kind), source)
    return list(firsts.values()), missed


def _kind(seen: Seen) -> str:
    read = dict(zip(points.UNITS, seen.units, strict=True))
    if seen.expression == "neutral" and all(
        read[unit] < most for unit, most in _CALM.items()
    ):
        return NEUTRAL
    if seen.expression != "happy":
        return ""
    broad = all(read[unit] > least for unit, least in _BROAD.items())
    return SMILE if broad else SLIGHT_SMILE


def look(
    readers: Readers, aligned_photo: AlignedPhoto, photos: Sequence[np.ndarray]
) -> list[Seen]:
    """What readers see in a photo's first face, in several versions of it."""
    place = frame(aligned_photo)
    found = np.stack([readers.faces.points(each, place) for each in photos])
    probabilities = readers.expressions(photos, found)
    units = points.intensities(found)
    return [
        Seen(
            aligned(photo, place),
            found[n],
            units[n],
            probabilities[n],
            readers.faces.identity(photo, place),
        )
        for n, photo in enumerate(photos)
    ]


def frame(aligned_photo: AlignedPhoto) -> np.ndarray:
    """`[2, 3]`: photo pixels → the aligned frame, of side 1, of a face."""
    return geometry.alignment(aligned_photo.faces[0].face.landmarks, 1)


def aligned(photo: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A photo in the frame that `[2, 3]` takes it to, as `Seen.aligned`."""
    return to_float(geometry.warp(photo, place * SIDE, SIDE))


def score_edits(
    editor: Editor, readers: Readers, source: Source
) -> list[Score]:
    """Makes and reads all edits of a photograph."""
    face = source.aligned_photo.faces[0]
    edits = edits_of(source.kind, face.source, source.seen.units)
    edited = editor.render(
        [source.aligned_photo] * len(edits), [[each.target] for each in edits]
    )
    seen = look(readers, source.aligned_photo, [each.image for each in edited])
    scores = [
        Score(source, each, after, _values(source, each, after))
        for each, after in zip(edits, seen, strict=True)
    ]
    before = to_float(face.aligned[None])
    after = edited[0].faces[0].edits.images[:, -1]
    scores[0].values["zero_psnr"] = float(image_quality.psnr(after, before)[0])
    return scores


def _values(source: Source, edit: PhotoEdit, after: Seen) -> dict[str, float]:
    before = source.seen
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
        artifacts.sharpness, BOXES, *pair, sigma=DETAIL
    )
    values |= {f"sharp_{name}": float(v[0]) for name, v in sharp.items()}
    if source.kind == SMILE and edit.name != ZERO:
        values["ghost"] = ghost(after.aligned, before.aligned)
    return values


def ghost(after: np.ndarray, before: np.ndarray) -> float:
    """Share of the mouth's old detail that is still at its place.

    Args:
      after: `[256, 256, 3]`, aligned.
      before: likewise.
    """
    new, old = (geometry.crop(x[None], BOXES["mouth"]) for x in (after, before))
    return float(artifacts.kept_detail(new, old, sigma=DETAIL)[0])


def mouths(faces: np.ndarray) -> np.ndarray:
    """Aligned faces `[n, 256, 256, 3]` → their mouths' boxes."""
    return geometry.crop(faces, BOXES["mouth"])
