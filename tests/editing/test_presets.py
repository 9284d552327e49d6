"""The model in the box: whole, small, and as good as its manifest says."""

import hashlib
from importlib import resources

import numpy as np
import pytest

import efgan_tf
from efgan_tf.editing import presets
from efgan_tf.editing.loading import load_model
from efgan_tf.editing.runs import read_run
from efgan_tf.errors import UserError
from tests.editing.conftest import random_faces

_LARGEST = 15e6  # bytes


def test_every_preset_is_there_and_is_what_the_manifest_says():
    folder = resources.files("efgan_tf.presets")
    files = {path.name for path in folder.iterdir()}
    for name, facts in presets.manifest().items():
        assert {f"{name}.npz", f"{name}.md"} <= files
        content = (folder / f"{name}.npz").read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert len(content) < _LARGEST
    assert presets.DEFAULT.removeprefix("preset:") in presets.manifest()


def test_the_default_model_is_what_the_manifest_says():
    model = efgan_tf.load().model
    facts = presets.manifest()[presets.DEFAULT.removeprefix("preset:")]
    assert (model.size, model.stages) == (facts["size"], facts["stages"])
    assert model.has_estimator and model.learned.all()


def test_it_reads_and_shows_expressions(rendered):
    """From a neutral picture to the true picture of another expression."""
    editor = efgan_tf.load()
    gains = []
    for subject in ("s00000", "s00001", "s00002"):
        (neutral,) = (rendered / "photos").glob(f"{subject}*neutral.jpg")
        (happy,) = (rendered / "photos").glob(f"{subject}*happy.jpg")
        wanted = editor.estimate(happy)
        shown = editor.edit(neutral, from_photo=happy)
        read = editor.estimate(shown.image)
        gains.append(
            np.abs(editor.estimate(neutral) - wanted).mean()
            - np.abs(read - wanted).mean()
        )
    # In intensities, 0–5, over 17 units; no edit would gain 0.
    assert min(gains) > 0.1


def test_half_precision_changes_nothing_that_shows(exported, tmp_path):
    trained = read_run(exported.run)
    presets.write_weights(trained, tmp_path / "half.npz")
    half = presets.read_weights(tmp_path / "half.npz", "half")
    assert half.info == trained.info
    images, source, target = random_faces(3)
    inputs = {
        "image": images,
        "source_action_units": source / 5,
        "target_action_units": target / 5,
    }
    for name in ("image", "action_units"):
        full = np.asarray(trained.keras_model(inputs)[name])
        found = np.asarray(half.keras_model(inputs)[name])
        # Measured: at most 0.006 for pictures in [-1, 1], random weights.
        np.testing.assert_allclose(found, full, atol=0.02)


def test_unknown_and_damaged_presets_are_told(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no preset:huge; there are preset:"):
        load_model("preset:huge")
    (tmp_path / "broken.npz").write_bytes(b"not one")
    with pytest.raises(UserError, match="broken cannot be loaded"):
        presets.read_weights(tmp_path / "broken.npz", "broken")
    changed = {"faces128": {**presets.manifest()["faces128"], "sha256": "0"}}
    monkeypatch.setattr(presets, "manifest", lambda: changed)
    with pytest.raises(UserError, match="is damaged; install"):
        presets.read_preset("faces128")
