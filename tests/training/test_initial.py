"""A run that starts from another one: which networks, and where."""

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.models import build_cascade, build_estimator, stage_models
from efgan_tf.trained.checkpoints import Checkpoints, Position
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.keras_file import write_keras
from efgan_tf.trained.network import TrainedNetwork, join
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.initial import InitialState, initial_state
from efgan_tf.training.networks import build_networks
from tests.trained.test_run_directory import faces_of
from tests.training.conftest import GLOBAL_ONLY, tiny_config

# Phases of 4 steps each; a step sees 8 images.
BUDGET = {"phase1_kimg": 0.032, "phase2_kimg": 0.032}


def _config(**changes):
    return tiny_config(**GLOBAL_ONLY, **{**BUDGET, **changes})


def _parent(path, phase, step, **changes):
    """A run whose newest checkpoint has networks unlike new ones."""
    config = _config(**changes)
    networks = build_networks(config, phase)
    rng = np.random.default_rng(phase)
    for thing in networks.trackables().values():
        for variable in thing.variables:
            if "float" in str(variable.dtype):
                variable.assign(rng.random(variable.shape))
    run = RunDirectory(path)
    Checkpoints(run.checkpoints, keep=1).save(
        Position(phase, step, 8 * step), networks.trackables()
    )
    run.write_config(config, [faces_of(np.ones(17, np.float32))])
    return networks


def _started(initial, config):
    networks = build_networks(config, initial.position.phase)
    initial.copy_weights(networks, config)
    return networks


def _check_equal(one, other):
    for wanted, found in zip(one, other, strict=True):
        np.testing.assert_array_equal(found, wanted)


def _check_learned(networks, parent, stages):
    """Averages `stages` of the parent are the stages of both cascades."""
    sources = stage_models(parent.average)
    for cascade in (networks.generator, networks.average):
        found = stage_models(cascade)
        for stage, number in zip(found, stages, strict=True):
            _check_equal(sources[number].get_weights(), stage.get_weights())
    face = networks.critics["face"].get_weights()
    _check_equal(parent.critics["face"].get_weights(), face)
    _check_equal(
        parent.estimator.get_weights(), networks.estimator.get_weights()
    )
    for name in ("critic_optimizer", "estimator_optimizer"):
        old, new = getattr(parent, name), getattr(networks, name)
        _check_equal(
            [np.array(v) for v in old.variables],
            [np.array(v) for v in new.variables],
        )


def test_without_another_run_it_begins_at_the_first_phase_that_there_is():
    assert initial_state(_config()) == InitialState(Position(1, 0, 0))
    assert initial_state(_config(phase1_kimg=0)) == InitialState(
        Position(2, 0, 0)
    )


def test_a_cascade_branches_off_the_end_of_phase_1(tmp_path):
    parent = _parent(tmp_path, 1, 4)
    config = _config(phase1_kimg=0, stages=3, init_from=str(tmp_path))
    initial = initial_state(config)
    assert initial.position == Position(2, 0, 32)
    assert initial.checkpoint.name == "phase1_00000004"
    _check_learned(_started(initial, config), parent, [0, 0, 0])


@pytest.mark.parametrize(
    ("phase", "stages"), [(1, 2), (2, 1)], ids=["of phase 1", "of K = 1"]
)
def test_fine_tuning_trains_a_single_average_on_in_phase_1(
    tmp_path, phase, stages
):
    parent = _parent(tmp_path, phase, 3, stages=stages)
    config = _config(init_from=str(tmp_path), precision="mixed_float16")
    initial = initial_state(config)
    assert initial.position == Position(1, 0, 0)
    _check_learned(_started(initial, config), parent, [0])


@pytest.mark.parametrize("learned", [(), ("heads",)], ids=["all", "heads"])
@pytest.mark.parametrize("learns", [(), ("heads",)], ids=["all", "heads"])
def test_fine_tuning_trains_a_cascade_on_in_phase_2(tmp_path, learned, learns):
    parent = _parent(tmp_path, 2, 3, train_only=learned, init_from="older")
    config = _config(init_from=str(tmp_path), train_only=learns)
    initial = initial_state(config)
    assert initial.position == Position(2, 0, 0)
    _check_learned(_started(initial, config), parent, [0, 1])


@pytest.mark.parametrize(
    ("phase", "step", "changes", "told"),
    [
        (2, 3, {}, "no checkpoint of the end of its phase 1, step 4"),
        (2, 3, {"phase1_kimg": 0}, "has no phase 1"),
    ],
)
def test_a_run_without_the_end_of_phase_1_is_told(
    tmp_path, phase, step, changes, told
):
    _parent(tmp_path, phase, step, **changes)
    with pytest.raises(UserError, match=told):
        initial_state(_config(phase1_kimg=0, init_from=str(tmp_path)))


def test_the_start_of_the_attention_may_differ(tmp_path):
    _parent(tmp_path, 1, 4)
    initial_state(_config(init_from=str(tmp_path), attention_bias=1.0))


def _model(path, stages):
    """A model file whose weights are unlike new ones."""
    config = _config(stages=stages, critic_width=5).model
    cascade, estimator = build_cascade(config), build_estimator(config)
    rng = np.random.default_rng(stages)
    for network in (cascade, estimator):
        network.set_weights(
            [rng.random(w.shape, np.float32) for w in network.get_weights()]
        )
    trained = TrainedNetwork(
        join(cascade, estimator, config), ModelInfo(config)
    )
    write_keras(trained, path)
    return trained


@pytest.mark.parametrize(
    ("stages", "changes", "phase"),
    [(2, {}, 2), (2, {"phase1_kimg": 0}, 2), (1, {}, 1),
     (1, {"phase1_kimg": 0}, 2)],
)  # fmt: skip
def test_fine_tuning_starts_from_a_model_without_critics(
    tmp_path, stages, changes, phase
):
    path = tmp_path / "model.keras"
    trained = _model(path, stages)
    config = _config(init_from=str(path), **changes)
    initial = initial_state(config)
    assert initial.position == Position(phase, 0, 0)
    networks = _started(initial, config)
    sources = stage_models(trained.cascade)
    for cascade in (networks.generator, networks.average):
        found = stage_models(cascade)
        assert len(found) == (1 if phase == 1 else 2)
        for number, stage in enumerate(found):
            wanted = sources[min(number, stages - 1)].get_weights()
            _check_equal(wanted, stage.get_weights())
    _check_equal(
        trained.estimator.get_weights(), networks.estimator.get_weights()
    )
    anew = build_networks(config, phase)
    _check_equal(
        anew.critics["face"].get_weights(),
        networks.critics["face"].get_weights(),
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stages": 3}, "is a cascade of 2 stages: pass --stages=2"),
        ({"phase2_kimg": 0}, "and --phase2_kimg is 0"),
        ({"base_width": 5}, r"has other networks \(base_width: 4 → 5\)"),
        ({"init_from": "preset:none"}, "there is no preset:none"),
    ],
)
def test_a_model_that_does_not_fit_is_told(tmp_path, changes, told):
    path = tmp_path / "model.keras"
    _model(path, 2)
    with pytest.raises(UserError, match=told):
        initial_state(_config(**{"init_from": str(path), **changes}))
