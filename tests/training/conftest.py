"""Tiny runs: 64×64 pixels, four channels, one block, random pictures."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf import config as config_lib
from efgan_tf.training import networks as networks_lib
from efgan_tf.training.step import TrainingStep
from tests.models import conftest as models

TINY = {
    **models.TINY,
    "batch_size": 4,
    "n_critic": 2,
    "pairing": "paired",
    "lambda_paired": 1.0,
}
# The branches alone, without local focus: traced in seconds.
GLOBAL_ONLY = {"local_branches": False, "refiner": False, "global_blocks": 0}
# All that critics can have, on the branches alone.
CRITIC_OPTIONS = {
    **GLOBAL_ONLY, "penalty": "r1", "critic_norm": "spectral",
    "critic_augment": ("color", "translation", "cutout"),
}  # fmt: skip


def tiny_config(**changes):
    """A small `Config`."""
    return config_lib.replace(config_lib.Config(), {**TINY, **changes})


def random_batches(config, seed=0):
    """One element of a pipeline for one replica: `[n_critic, batch, …]`."""
    rng = np.random.default_rng(seed)
    shape = (config.train.n_critic, config.train.batch_size)
    size = config.model.image_size
    arrays = {
        "image": rng.uniform(-1, 1, (*shape, size, size, 3)),
        "ground_truth": rng.uniform(-1, 1, (*shape, size, size, 3)),
        "action_units": rng.random((*shape, 17)),
        "target_action_units": rng.random((*shape, 17)),
        "has_ground_truth": np.ones(shape),
        "au_mask": np.ones((*shape, 17)),
    }
    return {k: tf.constant(v, tf.float32) for k, v in arrays.items()}


def last(batches):
    """The batch of a step's last critic update."""
    return {key: value[-1] for key, value in batches.items()}


@functools.cache
def make_strategy(replicas):
    """One strategy for each number of replicas, with keys of its own.

    Strategies number their collective operations from a base; several in one
    process that share it take each other's for their own.
    """

    class Strategy(tf.distribute.MirroredStrategy):
        _collective_key_base = 1000 * replicas  # "only set this in tests"

    return Strategy([f"CPU:{index}" for index in range(replicas)])


def make_step(config, replicas=1, optimizer=None):
    """(strategy, networks, step) of phase 2 on `replicas` logical CPUs."""
    strategy = make_strategy(replicas)
    with strategy.scope():
        networks = networks_lib.build_networks(config, phase=2)
        if optimizer:
            networks = _with_optimizer(networks, optimizer)
    step = TrainingStep(strategy, networks, config)
    return strategy, networks, step


def _with_optimizer(networks, optimizer):
    generator, critic = optimizer(), optimizer()
    generator.build(networks.generator.trainable_variables)
    critic.build(networks.critic_variables)
    return dataclasses.replace(
        networks, generator_optimizer=generator, critic_optimizer=critic
    )


def updates(optimizer):
    """How often an optimizer was applied."""
    return int(optimizer.iterations.value.numpy())


SCHEDULE = {
    "learning_rate": 1e-3,
    "generator_learning_rate": 1e-3,
    "lambda_att": 0.1,
    "ema": 0.9,
}


@pytest.fixture(scope="session")
def traced():
    """A traced step that tests share: (config, networks, step, take).

    `take(**changes)` runs it once on new pictures with a changed schedule. The
    critics have all their options; `test_replicas.py` traces steps without.
    """
    config = tiny_config(**CRITIC_OPTIONS)
    _, networks, step = make_step(config)
    count = iter(range(10**6))

    def take(**changes):
        number = next(count)
        metrics = step(
            random_batches(config, number), number, {**SCHEDULE, **changes}
        )
        assert all(np.isfinite(value) for value in metrics.values())
        return metrics

    return config, networks, step, take
