"""The cascade: shares, stages, identity, saving."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from efgan_tf.models import (
    build_cascade,
    build_efgan,
    initialize_stages,
    stage_models,
)

BRANCHES = ("face", "eyes", "nose", "mouth", "refiner")


def run(model, inputs):
    return keras.tree.map_structure(np.array, model(inputs))


def test_stages_are_named_and_have_weights_of_their_own(cascade, efgan):
    assert [m.name for m in stage_models(cascade)] == ["stage_1", "stage_2"]
    assert cascade.count_params() == 2 * efgan.count_params()
    ids = [id(v) for m in stage_models(cascade) for v in m.weights]
    assert len(ids) == len(set(ids)) == len(cascade.weights)


@pytest.mark.parametrize("au_input", ["target", "difference"])
def test_stages_see_their_share_of_the_change(tiny, faces, au_input):
    cascade = build_cascade(tiny(au_input=au_input))
    source, target = faces["source_action_units"], faces["target_action_units"]
    middle, step = (source + target) / 2, (target - source) / 2
    seen = {"target": [middle, target], "difference": [step, step]}[au_input]
    out = run(cascade, faces)
    image = faces["image"]
    for stage, made, units, wanted in zip(
        stage_models(cascade), out["stages"], seen, [middle, target],
        strict=True,
    ):  # fmt: skip
        image = run(stage, {"image": image, "action_units": units})["image"]
        np.testing.assert_allclose(made["image"], image, atol=5e-5)
        # The units that are judged are the same under both inputs.
        np.testing.assert_allclose(made["action_units"], wanted, atol=1e-6)
    np.testing.assert_array_equal(out["image"], out["stages"][-1]["image"])


@pytest.mark.parametrize("single", ["efgan", "cascade"])
def test_stages_start_from_one_trained_efgan(tiny, faces, single):
    config = tiny(au_input="target")
    model = build_cascade(config)
    units = faces["target_action_units"]
    inputs = {**faces, "source_action_units": units}
    if single == "efgan":
        trained = build_efgan(config)
        alone = run(trained, {"image": faces["image"], "action_units": units})
    else:
        trained = build_cascade(config, stages=1)
        alone = run(trained, inputs)
    initialize_stages(model, trained)
    first = run(model, inputs)["stages"][0]["image"]
    np.testing.assert_allclose(first, alone["image"], atol=1e-5)
    first, second = (stage.get_weights() for stage in stage_models(model))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    # Copies, not the same variables: training one leaves the other.
    model.weights[0].assign_add(np.ones(model.weights[0].shape))
    assert np.any(model.weights[0] != trained.weights[0])


def test_stages_refuse_weights_of_another_shape(tiny, cascade):
    with pytest.raises(ValueError):
        initialize_stages(cascade, cascade)
    with pytest.raises(ValueError):
        initialize_stages(cascade, build_efgan(tiny(base_width=5)))


def constant_cascade(config, set_heads, attentions, color=0.5):
    model = build_cascade(config)
    for stage, attention in zip(stage_models(model), attentions, strict=True):
        for branch in BRANCHES:
            set_heads(stage.get_layer(branch), color, attention)
    return model


@pytest.mark.parametrize("color_head", ["image", "change"])
def test_without_attention_the_cascade_is_the_identity(
    tiny, faces, set_heads, color_head
):
    config = tiny(color_head=color_head)
    out = run(constant_cascade(config, set_heads, [0.0, 0.0]), faces)
    # Exact but for the mean of three equal numbers where boxes overlap.
    np.testing.assert_allclose(out["image"], faces["image"], atol=1e-6)
    np.testing.assert_array_equal(out["attention"], 0)


def test_attention_of_the_stages_together(tiny, faces, set_heads):
    out = run(constant_cascade(tiny(), set_heads, [0.5, 0.2]), faces)
    # In a corner: global and refiner keep 0.5² and 0.8² of what they get.
    np.testing.assert_allclose(
        out["attention"][:, 0, 0], 1 - 0.25 * 0.64, rtol=1e-5
    )
    first, second = (stage["attention"] for stage in out["stages"])
    np.testing.assert_allclose(
        out["attention"], 1 - (1 - first) * (1 - second), atol=1e-6
    )


JAX_PROGRAM = """
import keras
from efgan_tf.config import ModelConfig
from efgan_tf.models import build_cascade, build_critics, build_estimator
assert keras.backend.backend() == "jax"
config = ModelConfig(
    image_size=64, stages=1, base_width=4, local_width=4, global_blocks=0,
    local_blocks=0, refiner_blocks=0, critic_width=4, estimator_width=4,
    au_injection="concat", au_input="difference", color_head="image")
# Traced by JAX while they are built.
assert build_cascade(config).output["image"].shape == (None, 64, 64, 3)
assert len(build_critics(config)) == 4
assert build_estimator(config).output.shape == (None, 17)
"""


def test_networks_build_under_jax():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    done = subprocess.run(
        [sys.executable, "-c", JAX_PROGRAM],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
