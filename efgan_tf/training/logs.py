"""What a run logs: metrics.jsonl and TensorBoard's event files."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from efgan_tf.common.errors import as_user_error

_RECORD_FRAME = 16
"""Bytes around a TFRecord: its length and two checksums."""


class MetricsLog:
    """`metrics.jsonl` and TensorBoard scalars and images under one step.

    Args:
      run_dir: the run.
      images: images seen so far: later lines and points of an interrupted run
        are cut, so that the files agree.
    """

    def __init__(self, run_dir: Path, images: int):
        self.path = run_dir / "metrics.jsonl"
        cut_back(self.path, images)
        self._file = open(self.path, "a", encoding="utf-8")
        for events in sorted((run_dir / "logs").glob("events.out.tfevents.*")):
            cut_back_events(events, images)
        self._writer = tf.summary.create_file_writer(
            str(run_dir / "logs"), filename_suffix=f".{images}"
        )

    def write(
        self, images: int, metrics: Mapping[str, float], **context
    ) -> None:
        """Appends one line, and one TensorBoard point for each metric.

        Args:
          images: images seen, the x axis.
          metrics: name → value.
          **context: further keys of the line (`phase`, `step`).
        """
        line = {"images": images, **context, **metrics}
        text = json.dumps(line, allow_nan=False) + "\n"
        with as_user_error(f"cannot write {self.path}"):
            self._file.write(text)
            self._file.flush()
            with self._writer.as_default(step=images):
                for name, value in metrics.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()

    def image(self, images: int, name: str, picture: np.ndarray) -> None:
        """Adds a picture, uint8 `[height, width, 3]`, to TensorBoard."""
        with as_user_error(f"cannot write {self.path.parent / 'logs'}"):
            with self._writer.as_default(step=images):
                tf.summary.image(name, picture[None])
            self._writer.flush()

    def close(self) -> None:
        """Closes both files."""
        with as_user_error(f"cannot write {self.path}"):
            self._file.close()
            self._writer.close()


def cut_back(path: Path, images: int) -> None:
    """Cuts the file at its first line beyond `images`, or incomplete one."""
    if not path.exists():
        return
    kept = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                beyond = json.loads(line)["images"] > images
            except (ValueError, KeyError, TypeError):
                break
            if beyond or not line.endswith(b"\n"):
                break
            kept += len(line)
    _truncate(path, kept)


def cut_back_events(path: Path, images: int) -> None:
    """Cuts TensorBoard's file off at its first point beyond `images`.

    It is also cut at a point that is damaged or incomplete. TensorBoard would
    draw the run's curves twice from there on. Points are appended in order, so
    that nothing behind the cut belongs before it.
    """
    kept = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            if tf.compat.v1.Event.FromString(record).step > images:
                break
            kept += len(record) + _RECORD_FRAME
    except (tf.errors.DataLossError, DecodeError):
        pass
    _truncate(path, kept)


def _truncate(path: Path, size: int) -> None:
    if size < path.stat().st_size:
        with as_user_error(f"cannot write {path}"):
            os.truncate(path, size)


class PendingMetrics:
    """Collects the tensors of steps, and converts them to numbers on request.

    Reading a tensor waits for the device; doing so once in a while keeps an
    accelerator busy.
    """

    def __init__(self):
        self._steps: list[int] = []
        self._tensors: list[Mapping[str, tf.Tensor]] = []

    def add(self, step: int, tensors: Mapping[str, tf.Tensor]) -> None:
        """Keeps one step's scalars."""
        self._steps.append(step)
        self._tensors.append(tensors)

    def means(self) -> dict[str, float]:
        """The mean of each scalar since the last call; forgets them.

        A scalar that some steps do not have is averaged over those that do.

        Raises:
          NonFiniteError: a step's value is not finite.
        """
        steps, tensors = self._steps, self._tensors
        self._steps, self._tensors = [], []
        if not steps:
            return {}
        rows = [{k: float(v) for k, v in row.items()} for row in tensors]
        for step, row in zip(steps, rows, strict=True):
            for name, value in row.items():
                if not math.isfinite(value):
                    raise NonFiniteError(step, name, value)
        names = dict.fromkeys(name for row in rows for name in row)
        return {
            name: float(np.mean([row[name] for row in rows if name in row]))
            for name in names
        }


class NonFiniteError(ArithmeticError):
    """A loss is not a finite number: training cannot go on."""

    def __init__(self, step: int, name: str, value: float):
        super().__init__(f"{name} is {value} at step {step}")
        self.step = step
        self.name = name
