"""Every frame of a video edited, with faces that do not jitter.

The video is read several times, so that it need not fit into memory: faces are
found and followed; what they show is read and smoothed; they are edited.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from efgan_tf.common.errors import UserError
from efgan_tf.common.images import to_float
from efgan_tf.common.progress import Progress
from efgan_tf.editing.aligned_photos import AlignedFace, AlignedPhoto
from efgan_tf.editing.editor import Editor
from efgan_tf.editing.face_selection import (
    NoFaceError,
    check_box,
    choose,
)
from efgan_tf.editing.request import Request
from efgan_tf.faces import tracking
from efgan_tf.faces.detection import Detector, Face, left_to_right
from efgan_tf.faces.search import all_small, find_faces
from efgan_tf.faces.video import Frame, Video
from efgan_tf.faces.video_writing import Audio, write_video
from efgan_tf.geometry import align

UNITS_SECONDS = 0.5
"""What a face shows is averaged over so long, half of it ahead."""

_CHUNK = 8  # frames at a time: whole ones, so few


@dataclasses.dataclass(frozen=True)
class Clip:
    """What was written.

    Attributes:
      frames: how many the video should have.
      read: how many of them could be decoded, and were written.
      edited: how many of those show a face that was edited.
      audio: what became of the audio.
      notes: what else is not as in the video, in sentences.
    """

    frames: int
    read: int
    edited: int
    audio: Audio
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What was done, for the screen."""
        lines = [
            f"{self.edited} of {self.frames} frames edited; {self.audio.value}"
        ]
        missing = self.frames - self.read
        if missing:
            lines.append(
                f"{missing} of {self.frames} frames could not be read and are "
                "missing; the others keep their times"
            )
        return [*lines, *self.notes]


def edit_video(
    editor: Editor,
    request: Request,
    video: Video,
    out: str,
    overwrite: bool = False,
) -> Clip:
    """Edits the chosen faces in every frame; frames without stay as they are.

    Args:
      editor: edits.
      request: the edit; its faces are chosen where they first appear,
        and kept while they are seen. Of "all", each is kept from where it is
        large enough.
      video: to edit.
      out: video file to write.
      overwrite: replace a file that exists.

    Raises:
      UserError: no frame has such a face, the model has not learned a unit,
        or the file cannot be written.
    """
    request = request.resolve(editor)
    check_box(request.choice, (video.height, video.width))
    chosen = _followed(editor, request, video)
    units = _smoothed_units(editor, request, video, chosen)
    progress = Progress("editing", len(chosen), "frames")
    frames = _edited(editor, request, video, chosen, units, progress)
    audio = write_video(out, frames, video, overwrite)
    progress.finish()
    return Clip(
        frames=max(video.frames, len(chosen)),
        read=len(chosen),
        edited=sum(map(bool, chosen)),
        audio=audio,
        notes=video.notes,
    )


# A face to edit: the number of its track, and where it is.
_Tracked = tuple[int, Face]


def _followed(
    editor: Editor, request: Request, video: Video
) -> list[list[_Tracked]]:
    """The faces to edit in each frame."""
    tracks, count = _tracks(editor.detector, video)
    problems: list[UserError] = [NoFaceError("no face was found in any frame")]

    def chosen_of(faces: list[Face]) -> Sequence[Face]:
        try:
            return choose(left_to_right(faces), request.choice, fill=False)[0]
        except UserError as error:
            problems.append(error)
            return []

    chosen = tracking.follow(
        tracks, count, chosen_of, joined=request.choice.name == "all"
    )
    if not any(chosen):
        found = [p for p in problems if not isinstance(p, NoFaceError)]
        raise UserError(f"{video.path}: {(found or problems)[-1]}")
    return [
        [
            (index, face)
            for face in faces
            for index, track in enumerate(tracks)
            if track.at(number) is face
        ]
        for number, faces in enumerate(chosen)
    ]


def _tracks(
    detector: Detector, video: Video
) -> tuple[list[tracking.Track], int]:
    """The faces followed through a video, and how many frames it has.

    Where all faces are small or there is none, every frame is looked at
    again as a photo would be.
    """
    nearer = functools.partial(find_faces, detector)
    for label, find in (
        ("finding faces", detector.detect),
        ("searching in tiles", nearer),
    ):
        found: list[list[Face]] = []
        thumbnails = []
        progress = Progress(label, video.frames, "frames")
        for frames in _chunks(video):
            pictures = [frame.pixels for frame in frames]
            found += find(pictures)
            thumbnails += [tracking.thumbnail(each) for each in pictures]
            progress.advance(len(frames))
        progress.finish()
        tracks = tracking.find_tracks(
            found, float(video.rate), tracking.find_cuts(thumbnails)
        )
        seen = [face for track in tracks for face in track.faces]
        if not all_small(seen, (video.height, video.width)):
            break
    return tracks, len(found)


def _smoothed_units(
    editor: Editor,
    request: Request,
    video: Video,
    chosen: list[list[_Tracked]],
) -> list[list[np.ndarray]]:
    """What each chosen face shows in each frame, `[17]`, 0–5."""
    if request.source is not None:
        return [[request.source for _ in faces] for faces in chosen]
    seen: dict[int, dict[int, np.ndarray]] = {}
    progress = Progress("reading faces", len(chosen), "frames")
    start = 0
    for frames in _chunks(video, len(chosen)):
        part = [
            (
                number,
                track,
                align(frame.pixels, face.landmarks, editor.model.size),
            )
            for number, frame in enumerate(frames, start)
            for track, face in chosen[number]
        ]
        if part:
            images = np.stack([aligned for _, _, aligned in part])
            estimated = editor.model.estimate(to_float(images))
            for (number, track, _), units in zip(part, estimated, strict=True):
                seen.setdefault(track, {})[number] = units
        start += len(frames)
        progress.advance(len(frames))
    progress.finish()
    window = round(UNITS_SECONDS * video.rate)
    smoothed = {
        track: dict(
            zip(units, moving_mean(list(units.values()), window), strict=True)
        )
        for track, units in seen.items()
    }
    return [
        [smoothed[track][number] for track, _ in faces]
        for number, faces in enumerate(chosen)
    ]


def moving_mean(values: list[np.ndarray], window: int) -> np.ndarray:
    """The mean over about `window` neighbors, fewer at both ends.

    Args:
      values: n arrays `[17]`.
      window: how many; half of them before.

    Returns:
      float32 `[n, 17]`.
    """
    before = np.zeros((1, *values[0].shape))
    sums = np.cumsum(np.concatenate([before, values]), axis=0)
    number, half = np.arange(len(values)), window // 2
    first = np.maximum(number - half, 0)
    last = np.minimum(number + half + 1, len(values))
    means = (sums[last] - sums[first]) / (last - first)[:, None]
    return means.astype(np.float32)


def _edited(
    editor: Editor,
    request: Request,
    video: Video,
    chosen: list[list[_Tracked]],
    units: list[list[np.ndarray]],
    progress: Progress,
) -> Iterator[Frame]:
    size, start = editor.model.size, 0
    for frames in _chunks(video, len(chosen)):
        aligned_photos = [
            AlignedPhoto(
                frame.pixels,
                tuple(
                    AlignedFace(
                        face, align(frame.pixels, face.landmarks, size), shown
                    )
                    for (_, face), shown in zip(
                        chosen[number], units[number], strict=True
                    )
                ),
                notes=(),
            )
            for number, frame in enumerate(frames, start)
        ]
        edits = editor.apply(aligned_photos, request.target, request.stages)
        for frame, edited in zip(frames, edits, strict=True):
            yield dataclasses.replace(frame, pixels=edited.image)
        start += len(frames)
        progress.advance(len(frames))


def _chunks(video: Video, limit: int | None = None) -> Iterator[list[Frame]]:
    frames = itertools.islice(video, limit)
    while chunk := list(itertools.islice(frames, _CHUNK)):
        yield chunk
