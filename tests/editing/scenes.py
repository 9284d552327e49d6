"""What the tests of editing share: one loaded editor, and photos to edit."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from efgan_tf import commands, edit, geometry
from efgan_tf.editing.editor import Editor
from efgan_tf.faces.detection import Detector
from efgan_tf.faces.photos import read_photo
from efgan_tf.trained.loading import load_model
from efgan_tf.trained.model import EditingModel
from tests.trained.conftest import write_run


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


def mute_editor() -> Editor:
    """The same without an estimator."""
    model = tiny_editor().model
    silent = EditingModel("silent", model.info, model._run_cascade, None)
    return Editor(silent, tiny_editor().detector)


def edit_command(monkeypatch, capsys, editor=None):
    """`run(*arguments)` of the command, with `tiny_editor` as its model.

    It gives the exit status and what was printed on both streams.
    """
    monkeypatch.setattr("efgan_tf.load", lambda path: editor or tiny_editor())
    monkeypatch.setattr(edit, "Detector", lambda: tiny_editor().detector)

    def run(*arguments, model=True):
        given = [f"--model={tiny_run()}"] if model else []
        status = commands.run(
            edit.main, *edit.CONFIGS, argv=["edit", *given, *arguments]
        )
        return status, *capsys.readouterr()

    return run


def succeed(run, *arguments) -> str:
    """What a command printed that ended well."""
    status, out, error = run(*arguments)
    assert status == 0, error
    return out


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )


def inside(shape, faces) -> np.ndarray:
    """Which pixels lie in the square of one of the faces."""
    ys, xs = np.mgrid[: shape[0], : shape[1]] + 0.5
    points = np.stack([xs, ys], axis=-1)
    mask = np.zeros(shape[:2], bool)
    for face in faces:
        aligned = geometry.apply(geometry.alignment(face.landmarks, 1), points)
        mask |= ((aligned >= 0) & (aligned <= 1)).all(axis=-1)
    return mask


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
