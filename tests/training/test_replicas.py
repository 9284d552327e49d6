"""Several replicas: the same gradients and weights as one on all rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.conftest import (
    GLOBAL_ONLY,
    make_step,
    random_batches,
    tiny_config,
    updates,
)

SCHEDULE = {"learning_rate": 1e-3, "lambda_att": 0.1, "ema": 0.9}
# Largest error relative to a gradient's largest element, as measured on two
# and four replicas, times about four: rounding of sums in another order, and
# in half precision of the activations.
TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 0.02, "mixed_float16": 0.04}
CPUS = 4


@pytest.fixture(autouse=True)
def _enough_devices():
    found = len(tf.config.list_logical_devices("CPU"))
    assert found >= CPUS, "tests/conftest.py makes the logical CPUs"


def _share(batches, strategy):
    """The rows of a one-replica element, dealt out to the replicas."""
    replicas = strategy.num_replicas_in_sync

    def rows(context):
        index = context.replica_id_in_sync_group
        return {
            key: tf.split(value, replicas, axis=1)[index]
            for key, value in batches.items()
        }

    return strategy.experimental_distribute_values_from_function(rows)


def _reduced(strategy, gradients):
    return [
        strategy.reduce(tf.distribute.ReduceOp.SUM, gradient, None).numpy()
        for gradient in gradients
    ]


def _gradients(config, batches, replicas):
    """Critic and generator gradients, summed as the optimiser sums them."""
    strategy, networks, step = make_step(config, replicas)
    networks.loss_scale.scale.assign(64.0)  # no overflow in float16
    shared = _share(batches, strategy)
    draw = tf.constant(5, tf.int64)
    critic, _ = strategy.run(step.critic_gradients, args=(shared, 0, draw))
    generator, _ = strategy.run(
        step.generator_gradients, args=(shared, tf.constant(0.1))
    )
    return _reduced(strategy, critic) + _reduced(strategy, generator)


@pytest.mark.parametrize("precision", list(TOLERANCE))
def test_reduced_gradients_equal_those_of_the_joined_batch(precision):
    config = tiny_config(precision=precision, stages=1)
    batches = random_batches(config)
    wanted = _gradients(config, batches, 1)
    for replicas in (2, 4):
        found = _gradients(config, batches, replicas)
        scale = max(np.abs(gradient).max() for gradient in wanted)
        for one, other in zip(wanted, found, strict=True):
            largest = max(np.abs(one).max(), 1e-3 * scale)
            error = np.abs(one - other).max() / largest
            assert error < TOLERANCE[precision]


def test_weights_after_a_step_are_equal_too():
    # Plain gradient descent: Adam's first step is the gradient's sign, which
    # rounding decides where the gradient is nearly zero.
    config = tiny_config(**GLOBAL_ONLY)
    batches = random_batches(config)
    results = []
    for replicas in (1, 2):
        strategy, networks, step = make_step(
            config, replicas, keras.optimizers.SGD
        )
        step(_share(batches, strategy), 0, SCHEDULE)
        results.append(
            networks.generator.get_weights()
            + networks.average.get_weights()
            + networks.critics["face"].get_weights()
        )
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("replica", [0, 1])
def test_an_overflow_on_any_replica_skips_the_update(replica):
    config = tiny_config(precision="mixed_float16", stages=1)
    strategy, networks, step = make_step(config, 2)
    shapes = [v.shape for v in networks.generator.trainable_variables]

    def gradients(bad):
        def values(context):
            value = np.inf if context.replica_id_in_sync_group == bad else 1.0
            return tf.constant(value)

        fill = strategy.experimental_distribute_values_from_function(values)
        return strategy.run(
            lambda value: [tf.fill(shape, value) for shape in shapes],
            args=(fill,),
        )

    apply = tf.function(step.apply_if_finite)
    before = networks.generator.get_weights()
    scale = networks.loss_scale.scale.numpy()
    assert not bool(apply(gradients(bad=replica)))
    assert networks.loss_scale.scale.numpy() == scale / 2
    assert updates(networks.generator_optimizer) == 0
    for old, new in zip(before, networks.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

    assert bool(apply(gradients(bad=None)))
    assert networks.loss_scale.scale.numpy() == scale / 2
    assert updates(networks.generator_optimizer) == 1
    after = networks.generator.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert not np.array_equal(before[0], after[0])
