"""What the tests of editing share: one loaded editor, and photos to edit."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf.editing.editor import Editor
from efgan_tf.editing.loading import load_model
from efgan_tf.faces.detection import Detector
from efgan_tf.faces.photos import read_photo
from tests.editing.conftest import write_run


@functools.cache
def tiny_run() -> Path:
    """A run of two stages with random weights, which edits visibly."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    write_run(folder / "run", phase=2)
    return folder / "run"


@functools.cache
def tiny_editor() -> Editor:
    """An editor with that model; it and its detector are loaded once."""
    return Editor(load_model(tiny_run()), Detector())


def portraits(rendered: Path) -> list[np.ndarray]:
    """A neutral picture of each of three people, 192 pixels a side."""
    paths = sorted((rendered / "photos").glob("*neutral.jpg"))
    return [read_photo(path) for path in paths]


def group_photo(rendered: Path) -> np.ndarray:
    """Three people side by side; the one in the middle is the largest."""
    left, middle, right = portraits(rendered)
    canvas = np.full((192, 160 + 192 + 160, 3), 128, np.uint8)
    for start, picture in ((0, left), (352, right)):
        small = Image.fromarray(picture).resize((160, 160), Image.LANCZOS)
        canvas[32:, start : start + 160] = small
    canvas[:, 160:352] = middle
    return canvas


def astronaut() -> np.ndarray:
    """Eileen Collins, photographed by NASA; public domain. With scikit-image.

    Needs `pytest.importorskip("skimage")` before.
    """
    from skimage import data

    return data.astronaut()
