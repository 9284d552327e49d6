"""The model by itself, in a process like the server's."""

import concurrent.futures
import multiprocessing
import time
from pathlib import Path

import numpy as np

from benchmarks.serving_load import Question


class OwnModel:
    """A SavedModel in a process of its own; a context manager.

    Args:
      folder: of the version.
    """

    def __init__(self, folder: Path):
        self._process = concurrent.futures.ProcessPoolExecutor(
            1,
            # A fork of a process with gRPC in it would hang.
            multiprocessing.get_context("spawn"),
            initializer=_load,
            initargs=(folder,),
        )

    def __enter__(self) -> "OwnModel":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.shutdown()

    def side(self) -> int:
        """Of the faces in pixels."""
        return self._process.submit(_side).result()

    def answer(self, question: Question) -> np.ndarray:
        """What a server should answer."""
        return self._process.submit(
            _run, question.image, question.units
        ).result()

    def times(
        self, question: Question, batch: int, repeats: int
    ) -> list[float]:
        """Seconds for a batch of the question's face, again and again."""
        return self._process.submit(
            _times,
            np.repeat(question.image, batch, axis=0),
            np.repeat(question.units, batch, axis=0),
            repeats,
        ).result()


# Of the process.
_model = None


def _load(folder: Path) -> None:
    global _model
    from efgan_tf.serving.exported_model import ExportedModel

    _model = ExportedModel(folder)


def _side() -> int:
    shape = _model.signatures["serving_default"].inputs["image"].tensor_shape
    return shape.dim[1].size


def _run(image: np.ndarray, units: np.ndarray) -> np.ndarray:
    inputs = {"image": image, "action_units": units}
    return _model.run("serving_default", inputs)["image"]


def _times(image: np.ndarray, units: np.ndarray, repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        _run(image, units)
        seconds.append(time.perf_counter() - start)
    return seconds
