"""Finding faces and their five landmarks with MTCNN.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", 2016, with the weights of `mtcnn` in graphs of our own.
"""

import dataclasses
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from efgan_tf.common.graphs import Functions, read_graph

LONGEST_SIDE = 640
"""Larger photos are shrunk to this for detection; results are scaled back."""

# Photos are padded at the right and the bottom to multiples of this, so that
# photos of about the same size share a batch.
_PADDING = 64
_BATCH = 16

NETWORKS = ("pnet", "rnet", "onet")

SIDES = {"rnet": 24, "onet": 48}
"""Network → side of the boxes that it sees; P-net sees whole photos."""

SMALLEST_FACE = 20
"""Side in pixels, as measured in the shrunk photo, from which faces are found.
"""

_CELL, _STRIDE = 12, 2  # what one output of P-net sees, and their distance
_SCALE = 0.709  # from each photo of the pyramid to the next


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One face in a photo; coordinates in the photo's pixels.

    Attributes:
      box: float64 `[4]`: left, top, width, height.
      landmarks: float64 `[5, 2]` (x, y) in the order of `geometry.LANDMARKS`;
        pixel centers at whole numbers plus one half.
      confidence: 0–1.
      doubt: why the landmarks may be wrong, where `efgan_tf.faces.search` has
        looked and is not sure.
    """

    box: np.ndarray
    landmarks: np.ndarray
    confidence: float
    doubt: str = ""

    @property
    def center(self) -> np.ndarray:
        """Of the box: `[2]` (x, y)."""
        return self.box[:2] + self.box[2:] / 2

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return float(self.box[2] * self.box[3])

    def contains(self, point: tuple[float, float]) -> bool:
        """Whether a point (x, y) lies in the box."""
        offset = np.asarray(point) - self.box[:2]
        return bool(((offset >= 0) & (offset <= self.box[2:])).all())


def largest(faces: Sequence[Face]) -> Face:
    """The face with the largest box."""
    return max(faces, key=lambda face: face.area)


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """The faces in the order that an index counts in."""
    return sorted(faces, key=lambda face: face.center[0])


class Detector:
    """MTCNN on the CPU, over any number of photos of any sizes."""

    def __init__(self):
        self._mtcnn = Mtcnn()

    def detect(self, photos: Sequence[np.ndarray]) -> list[list[Face]]:
        """Finds the faces of every photo.

        Args:
          photos: uint8 `[height, width, 3]` each, RGB.

        Returns:
          For each photo its faces, the most certain first; none where there is
          none.

        Raises:
          UserError: this process was forked after networks were loaded.
        """
        searched = [shrunk(photo, LONGEST_SIDE) for photo in photos]
        batches: dict[tuple[int, int], list[list[int]]] = {}
        for index, (photo, _) in enumerate(searched):
            rows = batches.setdefault(_padded_shape(photo), [[]])
            if len(rows[-1]) == _BATCH:
                rows.append([])
            rows[-1].append(index)
        found: list[list[Face]] = [[] for _ in photos]
        for shape, rows in batches.items():
            for indices in rows:
                padded = [_padded(searched[i][0], shape) for i in indices]
                for row in self._mtcnn(np.stack(padded)):
                    index = indices[int(row[0])]
                    face = _face(row, searched[index][1])
                    found[index].append(face)
        for faces in found:
            faces.sort(key=lambda face: -face.confidence)
        return found


def shrunk(photo: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo with at most `side` a side, and the (x, y) scale back."""
    import cv2  # OpenCV takes a tenth of a second to import

    height, width = photo.shape[:2]
    if max(height, width) <= side:
        return photo, np.ones(2)
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width, height]) / size


def _padded_shape(photo: np.ndarray) -> tuple[int, int]:
    height, width = photo.shape[:2]
    return -(-height // _PADDING) * _PADDING, -(-width // _PADDING) * _PADDING


def _padded(photo: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros((*shape, 3), np.uint8)
    canvas[: photo.shape[0], : photo.shape[1]] = photo
    return canvas


def _face(row: np.ndarray, scale: np.ndarray) -> Face:
    left_top, right_bottom = row[1:3] * scale, row[3:5] * scale
    return Face(
        box=np.concatenate([left_top, right_bottom - left_top]),
        landmarks=(row[6:16].reshape(2, 5).T + 0.5) * scale,
        confidence=float(row[5]),
    )


class Mtcnn:
    """The three networks, under LiteRT: no TensorFlow, which takes seconds.

    They find what `mtcnn` 1.0.0 finds with its default settings: proposals
    (P-net) over a pyramid of the photo, refined (R-net), refined again with
    landmarks (O-net). A box is a row: the photo's number, left, top, right,
    bottom, confidence. Graphs map `image`, `[n, height, width, 3]` in [-1, 1],
    to `boxes`, offsets in widths and heights; `scores`, the probability of a
    face last; and O-net to `points`, five x and five y in the box.
    """

    def __init__(self):
        self._run = {name: _graph(name) for name in NETWORKS}

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Finds the faces of photos.

        Args:
          photos: uint8 `[n, height, width, 3]`, RGB.

        Returns:
          float64 `[faces, 16]`: a box, then five x and five y, in pixels.
        """
        photos = (photos.astype(np.float32) - 127.5) / 128
        boxes = self._refined("rnet", photos, self._proposed(photos), 0.7)
        boxes = _squares(_suppressed(boxes, 0.7))
        faces = self._refined("onet", photos, boxes, 0.8)
        return _suppressed(faces, 0.7, _shared_of_smaller)

    def _proposed(self, photos: np.ndarray) -> np.ndarray:
        """Boxes of what may be faces, square."""
        height, width = photos.shape[1:3]
        octaves = np.log(min(height, width) / _CELL) / np.log(_SCALE)
        found = [np.empty((0, 6))]
        for level in range(round(-octaves - 1)):
            scale = _CELL / SMALLEST_FACE * _SCALE**level
            out = self._run["pnet"]("net", image=_resized(photos, scale))
            scores = out["scores"][..., 1]
            places = np.nonzero(scores > 0.6)
            photo, y, x = places
            cells = _STRIDE * np.stack([x, y, x, y], axis=1) + 1.0
            cells[:, 2:] += _CELL - 1
            cells += (_CELL - 1) * out["boxes"][places]
            boxes = np.column_stack([photo, cells / scale, scores[places]])
            found.append(_suppressed(boxes, 0.5))
        return _squares(_suppressed(np.concatenate(found), 0.7))

    def _refined(
        self, name: str, photos: np.ndarray, boxes: np.ndarray, least: float
    ) -> np.ndarray:
        """The boxes that a network is sure of, as it corrects them."""
        side = SIDES[name]
        if not len(boxes):
            return np.empty((0, 6))
        out = self._run[name]("net", image=_patches(photos, boxes, side))
        size = boxes[:, 3:5] - boxes[:, 1:3] + 1
        columns = [
            boxes[:, :1],
            boxes[:, 1:5] + out["boxes"] * np.tile(size, 2),
            out["scores"][:, 1:],
        ]
        if "points" in out:
            points = out["points"].reshape(-1, 2, 5) * size[:, :, None]
            points += boxes[:, 1:3, None] - 1
            columns.append(points.reshape(-1, 10))
        refined = np.concatenate(columns, axis=1)
        return refined[refined[:, 5] > least]


def _graph(name: str) -> Functions:
    """A network with the weights that `mtcnn` brings."""
    import joblib  # a tenth of a second

    # Found without importing mtcnn, which would import TensorFlow.
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("mtcnn is not installed", name="mtcnn")
    weights = Path(spec.origin).parent / "assets" / "weights" / f"{name}.lz4"
    graph = Path(__file__).with_name(f"{name}.npz")
    return read_graph(graph, joblib.load(weights))


def _resized(photos: np.ndarray, scale: float) -> np.ndarray:
    import cv2

    height, width = (int(scale * side) for side in photos.shape[1:3])
    return np.stack(
        [
            cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
            for photo in photos
        ]
    )


def _patches(photos: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """What is in boxes, `[n, side, side, 3]`, interpolated; 0 outside."""
    limits = np.array(photos.shape[2:0:-1])[:, None]  # width, height
    steps = np.linspace(0, 1, side)
    starts, ends = boxes[:, 1:3, None], boxes[:, 3:5, None]
    # `[n, 2, side]`; a box that ends at the photo's end ends at its last pixel.
    at = (starts + steps * (ends - starts)) * (limits - 1) / limits
    inside = (at >= 0) & (at <= limits - 1)
    at = np.clip(at, 0, limits - 1)
    low = at.astype(int)
    high = np.minimum(low + 1, limits - 1)
    right, down = (at - low).astype(np.float32).transpose(1, 0, 2)
    number = boxes[:, 0].astype(int)[:, None, None]

    def row(y):
        left, far = (
            photos[number, y[:, 1, :, None], x[:, 0, None, :]]
            for x in (low, high)
        )
        return left + right[:, None, :, None] * (far - left)

    top, bottom = row(low), row(high)
    patches = top + down[:, :, None, None] * (bottom - top)
    visible = inside[:, 1, :, None] & inside[:, 0, None, :]
    return patches * visible[..., None].astype(np.float32)


def _squares(boxes: np.ndarray) -> np.ndarray:
    """Boxes as long as wide, about the same centers."""
    boxes = boxes.copy()
    size = boxes[:, 3:5] - boxes[:, 1:3]
    side = size.max(axis=1, keepdims=True)
    boxes[:, 1:3] += (size - side) / 2
    boxes[:, 3:5] = boxes[:, 1:3] + side
    return boxes


def _shared_of_union(shared, one, other):
    return shared / (one + other - shared)


def _shared_of_smaller(shared, one, other):
    return shared / np.minimum(one, other)


def _suppressed(
    boxes: np.ndarray, most: float, share: Callable = _shared_of_union
) -> np.ndarray:
    """Boxes without those that share more than `most` with a surer one.

    Unlike the usual way, a surer one that is dropped itself counts as well.
    """
    boxes = boxes[np.argsort(boxes[:, 5])[::-1]]
    kept = []
    for number in np.unique(boxes[:, 0]):
        rows = boxes[boxes[:, 0] == number]
        start, end = rows[:, None, 1:3], rows[:, None, 3:5]
        overlap = np.minimum(end, end.swapaxes(0, 1))
        overlap -= np.maximum(start, start.swapaxes(0, 1))
        shared = overlap.clip(min=0).prod(axis=2)
        area = (rows[:, 3:5] - rows[:, 1:3]).prod(axis=1)
        shares = share(shared, area[:, None], area)
        kept.append(rows[~np.triu(shares > most, 1).any(axis=0)])
    return np.concatenate([boxes[:0], *kept])
