"""The variables of a phase, and the dynamic loss scale by itself."""

import pytest
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.models import stage_models
from efgan_tf.training.networks import LossScale, all_finite, build_networks
from tests.training.conftest import tiny_config


def test_each_variable_belongs_to_one_network():
    """Shared or missing variables would train silently wrong."""
    networks = build_networks(tiny_config(), phase=2)
    groups = [
        networks.generator.trainable_variables,
        networks.critic_variables,
        networks.estimator.trainable_variables,
    ]
    variables = [id(variable) for group in groups for variable in group]
    assert all(groups) and len(variables) == len(set(variables))


def test_only_named_layers_learn():
    older = {"init_from": "older"}
    config = tiny_config(train_only=("stage_2/face", "heads"), **older)
    networks = build_networks(config, phase=2)
    learn = {id(v) for v in networks.generator.trainable_variables}
    first, second = stage_models(networks.generator)
    assert {id(v) for v in second.get_layer("face").variables} <= learn
    others = {id(v) for v in first.get_layer("face").variables} & learn
    heads = first.get_layer("face").get_layer("heads").variables
    assert others == {id(v) for v in heads}
    with pytest.raises(UserError, match="no layer's path has 'ears'"):
        build_networks(tiny_config(train_only=("ears",), **older), phase=1)
    for wrong in ({"train_only": ("norm", "")} | older, {"train_only": ("a",)}):
        with pytest.raises(UserError, match="--train_only needs"):
            tiny_config(**wrong)


def test_halves_at_an_overflow_and_doubles_after_enough_good_steps():
    scale = LossScale(initial=8.0, growth_steps=3)
    seen = []
    for finite in (True, True, False, True, True, True, True):
        scale.update(tf.constant(finite))
        seen.append(float(scale.scale))
    # Two good steps, the overflow starts the count anew, three good ones.
    assert seen == [8, 8, 4, 4, 4, 8, 8]


def test_never_below_one():
    scale = LossScale(initial=2.0)
    for _ in range(3):
        scale.update(tf.constant(False))
    assert float(scale.scale) == 1.0


def test_all_finite():
    assert bool(all_finite([tf.ones(3), tf.zeros((2, 2))]))
    for bad in (float("nan"), float("inf")):
        assert not bool(all_finite([tf.ones(3), tf.constant([0.0, bad])]))
