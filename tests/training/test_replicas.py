"""Several replicas: the same gradients and weights as one on all rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.training import objectives
from tests.training.conftest import (
    CRITIC_OPTIONS,
    GLOBAL_ONLY,
    SCHEDULE,
    last,
    make_step,
    random_batches,
    tiny_config,
    updates,
)

# Largest error relative to a gradient's largest element, as measured on two
# and four replicas, times two to four: rounding of sums in another order, and
# in half precision of the activations (float16 is 0.18 off float32 itself, and
# 0.048 between one and four replicas; bfloat16 up to 0.11 by the machine, where
# a factor of two would be 0.5 or 1).
TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 0.3, "mixed_float16": 0.1}


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


def _gradients(config, batches, replicas):
    """All gradients, summed as the optimizer sums them."""
    strategy, networks, step = make_step(config, replicas)
    networks.loss_scale.scale.assign(64.0)  # no overflow in float16
    shared = _share(batches, strategy)
    draw = tf.constant(5, tf.int64)

    def gradients(batches):
        batch = last(batches)
        outputs = objectives.generate_edit(networks.generator, batch)
        return (
            step.critic_gradients(batch, outputs, draw)[0],
            step.estimator_gradients(batch)[0],
            step.generator_gradients(batch, tf.constant(0.1), draw)[0],
        )

    critic, estimator, generator = strategy.run(gradients, args=(shared,))
    return [
        strategy.reduce(tf.distribute.ReduceOp.SUM, gradient, None).numpy()
        for gradient in (*critic, *estimator, *generator)
    ]


@pytest.mark.parametrize(
    ("precision", "counts", "changes"),
    [
        ("float32", (2, 4), {}),
        ("mixed_bfloat16", (4,), {}),
        ("mixed_float16", (4,), {}),
        ("float32", (2,), CRITIC_OPTIONS),
    ],
)
def test_reduced_gradients_equal_those_of_the_joined_batch(
    precision, counts, changes
):
    config = tiny_config(precision=precision, stages=1, **changes)
    batches = random_batches(config)
    wanted = _gradients(config, batches, 1)
    scale = max(np.abs(gradient).max() for gradient in wanted)
    for replicas in counts:
        found = _gradients(config, batches, replicas)
        for one, other in zip(wanted, found, strict=True):
            largest = max(np.abs(one).max(), 1e-3 * scale)
            error = np.abs(one - other).max() / largest
            assert error < TOLERANCE[precision]


def _everywhere(strategy, networks):
    """Every replica's copy of every weight: one list of arrays for each."""
    variables = [
        variable.value
        for network in (
            networks.generator, networks.average, networks.estimator,
            *networks.critics.values(),
        )
        for variable in network.variables
    ]  # fmt: skip
    copies = [
        [copy.numpy() for copy in strategy.experimental_local_results(variable)]
        for variable in variables
    ]
    return list(zip(*copies, strict=True))


def test_weights_and_metrics_after_a_step_are_equal_too():
    # Plain gradient descent: Adam's first step is the gradient's sign, which
    # rounding decides where the gradient is nearly zero.
    config = tiny_config(**GLOBAL_ONLY)
    batches = random_batches(config)
    results = {}
    for replicas in (1, 2):
        strategy, networks, step = make_step(
            config, replicas, keras.optimizers.SGD
        )
        metrics = step(_share(batches, strategy), 0, SCHEDULE)
        results[replicas] = metrics, _everywhere(strategy, networks)
    wanted_metrics, (wanted,) = results[1]
    metrics, copies = results[2]
    assert len(copies) == 2
    for copy in copies:
        for one, other in zip(wanted, copy, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    for name, value in wanted_metrics.items():
        np.testing.assert_allclose(
            metrics[name], value, rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_a_real_overflow_in_float16_is_skipped_by_the_traced_step():
    config = tiny_config(**GLOBAL_ONLY, precision="mixed_float16")
    strategy, networks, step = make_step(config, 2)
    batches = _share(random_batches(config), strategy)
    before = networks.generator.get_weights()
    networks.loss_scale.scale.assign(2.0**100)
    metrics = step(batches, 0, SCHEDULE)
    assert float(metrics["loss_scale"]) == 2.0**99
    for old, new in zip(before, networks.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    networks.loss_scale.scale.assign(64.0)
    step(batches, 1, SCHEDULE)
    for copy in _everywhere(strategy, networks):
        assert all(np.isfinite(weight).all() for weight in copy)
    after = networks.generator.get_weights()
    assert not np.array_equal(before[0], after[0])
    assert step.trace_count == 1


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
