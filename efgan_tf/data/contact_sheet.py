"""A contact sheet: aligned faces with the regions that the networks use.

The boxes of the regions and the places of eyes and nose are drawn over every
face, so that one look shows whether the alignment is right.
"""

import collections

import numpy as np
from PIL import Image, ImageDraw

from efgan_tf import geometry
from efgan_tf.common import sheets
from efgan_tf.data.prepared_faces import Faces

_COLORS = {"eyes": "deepskyblue", "nose": "limegreen", "mouth": "orangered"}
_CROSSES = "magenta"
_ARM = 3  # pixels
_LEGEND = {
    **_COLORS,
    "+ where the centers of the eyes and the nose's tip belong": _CROSSES,
}
# Smaller faces are scaled up to at least this side.
_SIDE = 128


def contact_sheet(faces: Faces, count: int = 40) -> np.ndarray:
    """Draws some of the faces, from all over the data set.

    Args:
      faces: at least one.
      count: how many at most; every subject comes once before one comes
        twice.

    Returns:
      uint8 `[height, width, 3]`; the same for the same faces.

    Raises:
      ValueError: there are no faces.
    """
    from efgan_tf.data import pictures  # imports TensorFlow, which takes long

    if not len(faces):
        raise ValueError("there are no faces to show")
    chosen = _chosen(faces.subjects, count)
    images = pictures.decode([faces.encoded[i] for i in chosen], faces.size)
    zoom = -(-_SIDE // faces.size)
    images = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    return sheets.gallery(
        np.stack([_marked(image) for image in images]),
        [_caption(faces, index) for index in chosen],
        legend=_LEGEND,
    )


def _chosen(subjects: np.ndarray, count: int) -> list[int]:
    """Which samples are shown: subjects in turn, evenly spread in the last."""
    generator = np.random.default_rng(0)
    turns: dict[int, list[int]] = {}
    counts: collections.Counter[str] = collections.Counter()
    for index in generator.permutation(len(subjects)).tolist():
        subject = str(subjects[index])
        turns.setdefault(counts[subject], []).append(index)
        counts[subject] += 1
    chosen: list[int] = []
    for members in map(sorted, turns.values()):
        room = min(count - len(chosen), len(members))
        places = np.linspace(0, len(members) - 1, room).round().astype(int)
        chosen += [members[place] for place in places]
    return sorted(chosen)


def _caption(faces: Faces, index: int) -> str:
    view = faces.views[index]
    shown = faces.expressions[index], view and f"view {view}"
    return f"{faces.subjects[index]}\n{', '.join(filter(None, shown))}"


def _marked(image: np.ndarray) -> np.ndarray:
    """The face with boxes and crosses over it."""
    side = len(image)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    for name, box in geometry.pixel_boxes(side).items():
        right, bottom = box.left + box.width - 1, box.top + box.height - 1
        draw.rectangle(
            (box.left, box.top, right, bottom), outline=_COLORS[name]
        )
    for x, y in np.floor(geometry.TEMPLATE * side).astype(int).tolist():
        draw.line((x - _ARM, y, x + _ARM, y), fill=_CROSSES)
        draw.line((x, y - _ARM, x, y + _ARM), fill=_CROSSES)
    return np.asarray(picture)
