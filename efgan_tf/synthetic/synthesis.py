"""Writes a set of synthetic photos with its tables.

    out_dir/photos/s00012_v0_03_angry.jpg
    out_dir/aus.csv         file,subject,expression,view,AU01,...,AU45
    out_dir/landmarks.csv   file,left_eye_x,left_eye_y,...,mouth_right_y

Images of one subject and view share person, pose, light and background: they
are each other's ground truth.
"""

import collections
import contextlib
import csv
import dataclasses
import io
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf import action_units
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.common.progress import Progress
from efgan_tf.geometry import GRID, LANDMARKS
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.render import Renderer


@dataclasses.dataclass(frozen=True)
class SynthesizeConfig:
    """How many synthetic photos of what kind."""

    subjects: int = option(64, "number of people")
    images_per_subject: int = option(
        16, "pictures of each person, shared out over the views"
    )
    views_per_subject: int = option(
        1, "poses, lights and backgrounds of each person"
    )
    size: int = option(256, "side of the photos in pixels, a multiple of 32")
    seed: int = option(0, "which people are made")
    max_yaw: float = option(15.0, "largest turn of the head, 0 to 45 degrees")
    workers: int = option(0, "processes; 0 takes all processor cores")
    first_subject: int = option(0, "number of the first person")

    def __post_init__(self):
        check_at_least(
            self, 1, "subjects", "images_per_subject", "views_per_subject"
        )
        check_at_least(self, 0, "seed", "workers", "first_subject")
        require(
            self.size >= 64 and self.size % GRID == 0,
            f"--size={self.size} must be a multiple of {GRID}, at least 64",
        )
        require(self.size <= 2048, f"--size={self.size} must be at most 2048")
        require(
            0 <= self.max_yaw <= 45,
            f"--max_yaw={self.max_yaw:g} must lie within 0 and 45 degrees",
        )
        require(
            self.images_per_subject >= self.views_per_subject,
            f"--images_per_subject={self.images_per_subject} must be at least "
            f"--views_per_subject={self.views_per_subject}",
        )


@dataclasses.dataclass(frozen=True)
class SyntheticLabel:
    """What is true of a picture, known before it is rendered.

    Attributes:
      file: name in the photos folder.
      subject, expression, view: as in the table.
      action_units: float32 [17], 0–5.
    """

    file: str
    subject: str
    expression: str
    view: int
    action_units: np.ndarray


@dataclasses.dataclass(frozen=True)
class SyntheticPhoto:
    """One picture.

    Attributes:
      label: what it shows.
      landmarks: float32 [5, 2], pixels.
      jpeg: the encoded picture.
    """

    label: SyntheticLabel
    landmarks: np.ndarray
    jpeg: bytes


def make_subject(
    config: SynthesizeConfig, subject: int
) -> list[SyntheticPhoto]:
    """All photos of one person; the same whatever else is made."""
    renderer = Renderer(identity_lib.sample_identity(config.seed, subject))
    return [
        make_photo(
            renderer,
            identity_lib.sample_view(
                config.seed, subject, view, config.max_yaw
            ),
            index,
            config.size,
        )
        for view, index in pictures(config)
    ]


def pictures(config: SynthesizeConfig) -> list[tuple[int, int]]:
    """Number of the view, and within the view, of each person's pictures."""
    share, rest = divmod(config.images_per_subject, config.views_per_subject)
    return [
        (view, index)
        for view in range(config.views_per_subject)
        for index in range(share + (view < rest))
    ]


def make_label(
    seed: int, subject: int, view: int, index: int
) -> SyntheticLabel:
    """What image `index` of a view shows; the first eight: all expressions."""
    expression, units = identity_lib.sample_action_units(
        seed, subject, view, index
    )
    name = f"s{subject:05}"
    return SyntheticLabel(
        file=f"{name}_v{view}_{index:02}_{expression}.jpg",
        subject=name,
        expression=expression,
        view=view,
        action_units=units,
    )


def make_photo(
    renderer: Renderer, view: identity_lib.View, index: int, size: int
) -> SyntheticPhoto:
    """Image `index` of a view.

    Args:
      renderer: of the view's person.
      view: pose, camera, light and background.
      index: number of the image in the view.
      size: side in pixels.
    """
    label = make_label(view.seed, view.subject, view.view, index)
    sides = np.stack(
        identity_lib.sample_sides(
            view, index, label.expression, label.action_units
        )
    )
    return SyntheticPhoto(
        label=label,
        landmarks=renderer.landmarks(sides, view, size),
        jpeg=_encode(
            renderer.render(sides, view, size, index), view.jpeg_quality
        ),
    )


def write_photos(
    out_dir: str | os.PathLike,
    config: SynthesizeConfig,
    overwrite: bool = False,
    show_progress: bool = True,
) -> Path:
    """Makes the photos and tables; the folder appears whole or not at all.

    Args:
      out_dir: the folder; it must be absent or empty unless `overwrite`.
      config: how many of what.
      overwrite: replace what is there, once everything is made.
      show_progress: print rate and time left on standard error.

    Returns:
      `out_dir` as a path.

    Raises:
      UserError: `out_dir` is taken or cannot be written, or a worker died.
      OSError: the disk is full; what existed before is kept.
    """
    total = config.subjects * config.images_per_subject
    progress = Progress("photos", total, "photos") if show_progress else None
    with outputs.atomic_folder(out_dir, overwrite) as folder:
        (folder / "photos").mkdir()
        photos = []
        for batch in _make_all(config):
            for photo in batch:
                (folder / "photos" / photo.label.file).write_bytes(photo.jpeg)
                photos.append(dataclasses.replace(photo, jpeg=b""))
            if progress:
                progress.advance(len(batch))
        _write_tables(folder, photos)
    if progress:
        progress.finish()
    return Path(out_dir)


def _make_all(config: SynthesizeConfig) -> Iterator[list[SyntheticPhoto]]:
    """The photos of subject after subject, in order."""
    subjects = range(
        config.first_subject, config.first_subject + config.subjects
    )
    workers = min(config.workers or available_cores(), config.subjects)
    if workers == 1:
        for subject in subjects:
            yield make_subject(config, subject)
        return
    pending: collections.deque[Future[list[SyntheticPhoto]]] = (
        collections.deque()
    )
    with _process_pool(workers) as pool:
        for subject in subjects:
            pending.append(pool.submit(make_subject, config, subject))
            if len(pending) > 2 * workers:  # no more wait to be written
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@contextlib.contextmanager
def _process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the context, at once if it ends early."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers,
        # Spawned, not forked: a parent that runs TensorFlow must not be forked.
        multiprocessing.get_context("spawn"),
        # Ctrl-C reaches every process; this one alone answers.
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield pool
    except BrokenProcessPool as error:
        raise UserError(
            "a worker died, probably out of memory; lower --workers"
        ) from error
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _encode(image: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _write_tables(folder: Path, photos: Iterable[SyntheticPhoto]) -> None:
    photos = list(photos)
    _write_csv(
        folder / "aus.csv",
        ["file", "subject", "expression", "view", *action_units.NAMES],
        (
            [label.file, label.subject, label.expression, label.view]
            + [f"{value:.2f}" for value in label.action_units]
            for label in (photo.label for photo in photos)
        ),
    )
    names = [f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]
    _write_csv(
        folder / "landmarks.csv",
        ["file", *names],
        (
            [p.label.file] + [f"{value:.2f}" for value in p.landmarks.ravel()]
            for p in photos
        ),
    )


def _write_csv(path: Path, header: list[str], rows: Iterable[list]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
