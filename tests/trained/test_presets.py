"""The bundled model: whole, small, and as good as its manifest says."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest

import efgan_tf
from efgan_tf.common.errors import UserError
from efgan_tf.common.graphs import read_graph
from efgan_tf.trained import presets
from efgan_tf.trained.loading import editing_model, load_model
from efgan_tf.trained.runs import read_run
from tests.trained.conftest import network_inputs, random_faces

_LARGEST = 15e6  # bytes


def test_every_preset_is_there_and_is_what_the_manifest_says():
    folder = resources.files("efgan_tf.presets")
    files = {path.name for path in folder.iterdir()}
    for name, facts in presets.manifest().items():
        assert {f"{name}.npz", f"{name}.graph.npz", f"{name}.md"} <= files
        content = (folder / f"{name}.npz").read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert len(content) < _LARGEST
    assert presets.DEFAULT.removeprefix("preset:") in presets.manifest()


def test_the_default_model_is_what_the_manifest_says():
    model = efgan_tf.load().model
    facts = presets.manifest()[presets.DEFAULT.removeprefix("preset:")]
    assert (model.size, model.stages) == (facts["size"], facts["stages"])
    assert model.has_estimator and model.au_mask.all()


def test_it_reads_and_shows_expressions(rendered):
    """From a neutral picture to the ground truth of another expression."""
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
    # In intensities, 0–5, over 17 units; no edit would gain 0. The model has
    # learned from photographs mostly: one of the rendered faces gains little.
    assert min(gains) > 0
    assert np.mean(gains) > 0.2


@pytest.mark.parametrize("name", presets.manifest())
def test_without_tensorflow_the_picture_is_the_same(name):
    at_once = presets.preset_model(name)
    keras = editing_model(name, presets.read_preset(name))
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (3, 128, 128, 3)).astype(np.float32)
    source, target = rng.uniform(0, 5, (2, 3, 17))
    found, expected = (
        model.edit(images, source, target) for model in (at_once, keras)
    )
    assert list(found.branches) == list(expected.branches)
    # Measured on noise: 2e-4 of [-1, 1]; on a photograph no pixel by more
    # than one of 255 levels, and one pixel in 50,000 by that.
    for one, other in [
        (found.images, expected.images),
        (found.attention, expected.attention),
        *((found.branches[b], expected.branches[b]) for b in found.branches),
    ]:
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-3)
    np.testing.assert_allclose(
        at_once.estimate(images), keras.estimate(images), atol=1e-4
    )


def test_threads_share_a_preset():
    model = load_model("preset:preview128")
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (8, 128, 128, 3)).astype(np.float32)
    source, target = rng.uniform(0, 5, (2, 8, 17))

    def edit(rows):
        return model.edit(images[rows], source[rows], target[rows]).images

    alone = [edit([row]) for row in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(edit, [[row] for row in range(8)]))
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(np.concatenate(alone), edit(slice(None)))


def test_a_graph_refuses_the_weights_of_another_network():
    file = resources.files("efgan_tf.presets") / "preview128.graph.npz"
    with pytest.raises(ValueError):
        read_graph(file, [np.zeros(1000)])


def test_half_precision_changes_nothing_that_shows(exported, tmp_path):
    trained = read_run(exported.run)
    presets.write_weights(trained, tmp_path / "half.npz")
    half = presets.read_weights(tmp_path / "half.npz", "half")
    assert half.info == trained.info
    inputs = network_inputs(*random_faces(3))
    for name in ("image", "action_units"):
        full = np.asarray(trained.keras_model(inputs)[name])
        found = np.asarray(half.keras_model(inputs)[name])
        # Measured: at most 0.006 for pictures in [-1, 1], random weights.
        np.testing.assert_allclose(found, full, atol=0.02)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
def test_a_damaged_graph_is_one_line(tmp_path, monkeypatch, content):
    folder = presets._folder()
    for file in folder.iterdir():
        if file.name.startswith(("manifest", "faces128")):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    graph = tmp_path / "faces128.graph.npz"
    graph.unlink()
    if content is not None:
        graph.write_bytes(content)
    monkeypatch.setattr(presets, "_folder", lambda: tmp_path)
    with pytest.raises(UserError, match="graph.npz is damaged"):
        presets.preset_model("faces128")


def test_unknown_and_damaged_presets_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no preset:huge; there are preset:"):
        load_model("preset:huge")
    (tmp_path / "broken.npz").write_bytes(b"not one")
    with pytest.raises(UserError, match="broken"):
        presets.read_weights(tmp_path / "broken.npz", "broken")
    changed = {"faces128": {**presets.manifest()["faces128"], "sha256": "0"}}
    monkeypatch.setattr(presets, "manifest", lambda: changed)
    with pytest.raises(UserError, match="is damaged; install"):
        presets.read_preset("faces128")
