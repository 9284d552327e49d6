"""Faces followed through the frames of a video.

Detections flicker: landmarks jump by about 1 % of the eyes' distance from frame
to frame, and now and then a face is missed. What a video shows moves smoothly,
until it is cut.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence

import numpy as np

from efgan_tf.faces.detection import Face

PATIENCE = 0.5
"""Seconds for which a face may be lost; it is interpolated meanwhile."""

SHORTEST = 0.2
"""Seconds; what is seen in fewer frames is taken for a mistake."""

# A face goes on where one of about its size was, in fractions of its box.
_REACH = 0.5
_GROWTH = 1.6

# Levels by which the thumbnails of two frames differ at a cut.
_CUT = 30
_THUMBNAIL = 16

# The One-Euro filter's cutoff frequency in Hz: at rest, more for each unit of
# speed (face sizes a second), and of the speed itself. Jitter at rest goes
# down to a 25th of the detector's, and fast motion is followed to within 6 %
# of the eyes' distance, without lag.
_CUTOFF, _CUTOFF_BY_SPEED, _SPEED_CUTOFF = 0.5, 5.0, 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """One face through consecutive frames.

    Attributes:
      start: number of its first frame.
      faces: one for each frame, landmarks smoothed.
    """

    start: int
    faces: tuple[Face, ...]

    def at(self, frame: int) -> Face | None:
        """The face in a frame of the video, or None where it is not there."""
        here = 0 <= frame - self.start < len(self.faces)
        return self.faces[frame - self.start] if here else None


def find_tracks(
    frames: Sequence[Sequence[Face]], rate: float, cuts: Collection[int] = ()
) -> list[Track]:
    """Joins the detections in each frame of a video into tracks.

    Args:
      frames: the faces detected in each frame.
      rate: frames a second.
      cuts: numbers of the frames that begin a new shot (`find_cuts`).

    Returns:
      Tracks in the order in which they start. None goes over a cut.
    """
    patience = max(1, round(PATIENCE * rate))
    ended: list[dict[int, Face]] = []
    alive: list[dict[int, Face]] = []
    for number, faces in enumerate(frames):
        followed: list[dict[int, Face]] = []
        for track in alive:
            missed = number - _last(track) - 1
            over = number in cuts or missed > patience
            (ended if over else followed).append(track)
        alive = followed + _continue(followed, number, faces)
    shortest = min(round(SHORTEST * rate), len(frames))
    tracks = [
        _complete(track, rate)
        for track in ended + alive
        if len(track) >= shortest
    ]
    return sorted(tracks, key=lambda track: track.start)


def follow(
    tracks: Sequence[Track],
    frames: int,
    choose: Callable[[list[Face]], Sequence[Face]],
    joined: bool = False,
) -> list[list[Face]]:
    """The faces to edit in each frame.

    Once chosen, a face is kept while it is there, even if another would be
    chosen by then. When the last one is gone, `choose` chooses anew.

    Args:
      tracks: of `find_tracks`.
      frames: how many the video has.
      choose: picks some of the faces of a frame, of which there is at least
        one.
      joined: `choose` chooses in every frame, and those that it chooses join
        the ones that are kept.
    """
    kept: list[Track] = []
    result = []
    for number in range(frames):
        present = {
            track: face for track in tracks if (face := track.at(number))
        }
        kept = [track for track in kept if track in present]
        if present and (joined or not kept):
            chosen = {id(face) for face in choose(list(present.values()))}
            kept = [
                track
                for track, face in present.items()
                if track in kept or id(face) in chosen
            ]
        result.append([present[track] for track in kept])
    return result


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """uint8 `[height, width, 3]` → what `find_cuts` needs of a frame."""
    import cv2  # OpenCV takes a tenth of a second to import

    side = (_THUMBNAIL, _THUMBNAIL)
    return cv2.resize(frame, side, interpolation=cv2.INTER_AREA)


def find_cuts(thumbnails: Sequence[np.ndarray]) -> set[int]:
    """The numbers of the frames that look unlike the frame before."""
    pairs = zip(thumbnails, thumbnails[1:], strict=False)
    return {
        number
        for number, (before, after) in enumerate(pairs, 1)
        if np.abs(after.astype(float) - before).mean() > _CUT
    }


def smooth(landmarks: np.ndarray, rate: float) -> np.ndarray:
    """Landmarks without jitter that still follow fast motion, without lag.

    The One-Euro filter (Casiez, Roussel and Vogel, "1 € Filter", CHI 2012)
    runs over the frames forwards and then backwards, which takes away the lag
    that it has in one direction. One speed, of the face as a whole, steers it.
    Single wild detections are taken out first, by a median over three frames.

    Args:
      landmarks: `[frames, 5, 2]` in pixels.
      rate: frames a second.

    Returns:
      float64 of the same shape.
    """
    landmarks = np.asarray(landmarks, np.float64)
    padded = np.concatenate([landmarks[:1], landmarks, landmarks[-1:]])
    middle = np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)
    spread = middle - middle.mean(1, keepdims=True)
    size = np.sqrt((spread**2).sum(-1).mean())
    forwards = _one_euro(middle, rate, size)
    return _one_euro(forwards[::-1], rate, size)[::-1]


def _one_euro(points: np.ndarray, rate: float, size: float) -> np.ndarray:
    result = points.copy()
    velocity = np.zeros_like(points[0])
    for number in range(1, len(points)):
        step = points[number] - result[number - 1]
        velocity += _share(_SPEED_CUTOFF, rate) * (step * rate - velocity)
        speed = np.sqrt((velocity**2).sum(-1).mean()) / size
        cutoff = _CUTOFF + _CUTOFF_BY_SPEED * speed
        result[number] = result[number - 1] + _share(cutoff, rate) * step
    return result


def _share(cutoff: float, rate: float) -> float:
    """Weight of the newest value in a low-pass filter of first order."""
    turn = 2 * np.pi * cutoff / rate
    return turn / (turn + 1)


def _last(track: dict[int, Face]) -> int:
    """The last frame in which it was seen."""
    return next(reversed(track))


def _continue(tracks, number: int, faces: Sequence[Face]) -> list:
    """Adds each face to the nearest track; returns new ones of the rest."""
    pairs = sorted(
        (distance, t, f)
        for t, track in enumerate(tracks)
        for f, face in enumerate(faces)
        if (distance := _distance(track[_last(track)], face)) < _REACH
    )
    used_tracks, used_faces = set(), set()
    for _, t, f in pairs:
        if t not in used_tracks and f not in used_faces:
            tracks[t][number] = faces[f]
            used_tracks.add(t)
            used_faces.add(f)
    return [
        {number: face} for f, face in enumerate(faces) if f not in used_faces
    ]


def _distance(before: Face, after: Face) -> float:
    """How far a face moved, in its own sizes; infinite if it is another."""
    sizes = np.sqrt([before.area, after.area])
    if sizes.max() > _GROWTH * sizes.min():
        return np.inf
    moved = np.linalg.norm(after.center - before.center)
    return float(moved / sizes.mean())


def _complete(seen: dict[int, Face], rate: float) -> Track:
    """Fills the gaps of a track and smooths it."""
    numbers = np.array(sorted(seen))
    every = np.arange(numbers[0], numbers[-1] + 1)

    def filled(values):
        flat = np.stack(values).reshape(len(values), -1)
        columns = [np.interp(every, numbers, column) for column in flat.T]
        return np.stack(columns, 1).reshape(len(every), *values[0].shape)

    faces = [seen[number] for number in numbers]
    landmarks = smooth(filled([face.landmarks for face in faces]), rate)
    boxes = filled([face.box for face in faces])
    confidences = filled([np.array(face.confidence) for face in faces])
    return Track(
        start=int(numbers[0]),
        faces=tuple(map(Face, boxes, landmarks, map(float, confidences))),
    )
