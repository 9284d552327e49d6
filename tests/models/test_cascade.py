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


def test_stages_see_their_share_of_the_change(tiny, faces):
    cascade = build_cascade(tiny(au_input="target"))
    out = run(cascade, faces)
    first, second = stage_models(cascade)
    middle = (faces["source_action_units"] + faces["target_action_units"]) / 2
    np.testing.assert_allclose(
        out["stages"][0]["action_units"], middle, atol=1e-6
    )
    np.testing.assert_array_equal(
        out["stages"][1]["action_units"], faces["target_action_units"]
    )
    step = run(first, {"image": faces["image"], "action_units": middle})
    np.testing.assert_allclose(
        out["stages"][0]["image"], step["image"], atol=1e-5
    )
    step = run(
        second,
        {
            "image": step["image"],
            "action_units": faces["target_action_units"],
        },
    )
    np.testing.assert_allclose(out["image"], step["image"], atol=1e-5)
    np.testing.assert_array_equal(out["image"], out["stages"][-1]["image"])


def test_difference_input_sees_the_step(tiny, faces):
    model = build_cascade(tiny(au_input="difference"))
    out = run(model, faces)
    step = (faces["target_action_units"] - faces["source_action_units"]) / 2
    first = run(
        stage_models(model)[0], {"image": faces["image"], "action_units": step}
    )
    np.testing.assert_allclose(
        out["stages"][0]["image"], first["image"], atol=1e-5
    )
    second = run(
        stage_models(model)[1], {"image": first["image"], "action_units": step}
    )
    np.testing.assert_allclose(out["image"], second["image"], atol=1e-4)
    # The units that are judged are the same under both inputs.
    np.testing.assert_allclose(
        out["stages"][0]["action_units"],
        faces["source_action_units"] + step,
        atol=1e-6,
    )


def test_target_input_ignores_the_source_in_one_stage(tiny, faces):
    model = build_cascade(tiny(au_input="target"), stages=1)
    moved = {**faces, "source_action_units": 1 - faces["source_action_units"]}
    np.testing.assert_array_equal(
        run(model, faces)["image"], run(model, moved)["image"]
    )


@pytest.mark.parametrize("single", ["efgan", "cascade"])
def test_stages_start_from_one_trained_efgan(tiny, faces, single):
    build = {
        "efgan": build_efgan,
        "cascade": lambda config: build_cascade(config, stages=1),
    }[single]
    config = tiny(au_input="target")
    trained, model = build(config), build_cascade(config)
    initialize_stages(model, trained)
    same = {**faces, "source_action_units": faces["target_action_units"]}
    first = run(model, same)["stages"][0]["image"]
    alone = run(
        trained,
        {"image": faces["image"], "action_units": faces["target_action_units"]}
        if single == "efgan"
        else same,
    )["image"]
    np.testing.assert_allclose(first, alone, atol=1e-5)
    first, second = (stage.get_weights() for stage in stage_models(model))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    # Copies, not the same variables: training one leaves the other.
    stage_models(model)[0].weights[0].assign_add(
        np.ones(model.weights[0].shape)
    )
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


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "au_injection": "film",
            "au_input": "difference",
            "color_head": "change",
        },
    ],
    ids=["concat-target-image", "film-difference-change"],
)
def test_saved_cascades_reload_without_custom_objects(
    tiny, faces, tmp_path, changes
):
    model = build_cascade(tiny(**changes))
    model.save(tmp_path / "cascade.keras")
    again = keras.saving.load_model(tmp_path / "cascade.keras")
    before, after = run(model, faces), run(again, faces)
    assert before["stages"][0].keys() == after["stages"][0].keys()
    keras.tree.map_structure(np.testing.assert_array_equal, before, after)


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
