"""A tiny model that edits visibly, as a run and in its exported forms.

What is made here is made once for the tests of editing, serving and export.
"""

import atexit
import contextlib
import dataclasses
import functools
import io
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from efgan_tf import action_units, commands, export
from efgan_tf import config as config_lib
from efgan_tf.data.prepared_faces import Faces
from efgan_tf.trained.checkpoints import Checkpoints, Position
from efgan_tf.trained.loading import load_model
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.networks import build_networks
from tests.models import conftest as models

MASKED = "AU45"
TINY = {
    **models.TINY,
    "base_width": 3,
    "local_width": 2,
    "au_input": "difference",
    "color_head": "change",
    "attention_bias": 0.0,  # half of everything is new
}


def faces_of(mask):
    """A split without pictures that teaches the units in a mask."""
    texts = np.zeros(0, str)
    return Faces(
        [], np.zeros((0, 17), np.float32), texts, texts, texts, texts, mask, 64
    )


def write_run(path, phase, **changes):
    """Saves a run's networks with random weights; returns them."""
    config = config_lib.replace(config_lib.Config(), {**TINY, **changes})
    networks = build_networks(config, phase)
    rng = np.random.default_rng(phase)
    for network in (networks.average, networks.estimator):
        # Unlike those of the generator; and no two stages alike.
        network.set_weights(
            [w + rng.normal(0, 0.1, w.shape) for w in network.get_weights()]
        )
    run = RunDirectory(path)
    Checkpoints(run.checkpoints, keep=3).save(
        Position(phase, 5, 100), networks.trackables()
    )
    mask = np.array([name != MASKED for name in action_units.NAMES], np.float32)
    run.write_config(config, [faces_of(mask)])
    return networks


@dataclasses.dataclass(frozen=True)
class Exported:
    """A run, what `efgan_tf.export` made of it, and what it printed."""

    run: Path
    cascade: keras.Model
    estimator: keras.Model
    out: Path
    printed: str

    @property
    def saved_model(self):
        return self.out / "efgan" / "1"

    @property
    def keras_file(self):
        return self.out / "efgan.keras"


@functools.cache
def make_exported():
    """The run of two stages and both its exported forms."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    run, out = folder / "run", folder / "models"
    networks = write_run(run, phase=2)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = commands.run(
            export.main, export.ExportConfig,
            argv=["export", f"--model={run}", f"--out={out}",
                  "--formats=saved_model,keras"],
        )  # fmt: skip
    assert status == 0
    return Exported(
        run, networks.average, networks.estimator, out, printed.getvalue()
    )


@functools.cache
def make_forms():
    """Form → the loaded model."""
    exported = make_exported()
    return {
        "run": load_model(exported.run),
        "keras": load_model(exported.keras_file),
        "saved_model": load_model(exported.out / "efgan"),
    }


def random_faces(count):
    """Images in [-1, 1], source and target units in 0–5."""
    rng = np.random.default_rng(count)
    images = rng.uniform(-1, 1, (count, 64, 64, 3)).astype("float32")
    units = rng.uniform(0, 5, (2, count, 17)).astype("float32")
    return images, *units


def public_faces(count):
    """The same in the scales of signatures: images in [0, 1]."""
    images, source, target = random_faces(count)
    return (images + 1) / 2, source, target


def network_inputs(images, source, target):
    """The same as the networks take it: units in 0–1."""
    return {
        "image": images,
        "source_action_units": source / 5,
        "target_action_units": target / 5,
    }


def encoded(pixels, kind="PNG", **options):
    """The bytes of a picture's file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
