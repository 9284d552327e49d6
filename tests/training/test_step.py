"""The traced step: counters, schedules, average; nothing leaks."""

import numpy as np
import tensorflow as tf

from efgan_tf.training import objectives
from tests.training.conftest import (
    GLOBAL_ONLY,
    last,
    make_step,
    random_batches,
    tiny_config,
    updates,
)


def test_one_trace_and_n_critic_updates_whatever_the_schedule(traced):
    config, networks, step, take = traced
    generator = updates(networks.generator_optimizer)
    critic = updates(networks.critic_optimizer)
    take(lambda_att=0.0, learning_rate=1e-4)
    take(lambda_att=0.7, ema=0.5)
    assert step.trace_count == 1 and config.train.n_critic == 2
    assert updates(networks.generator_optimizer) == generator + 2
    assert updates(networks.critic_optimizer) == critic + 4


def test_a_scheduled_weight_changes_the_loss_by_its_share(traced):
    *_, take = traced
    for weight in (0.0, 3.0):
        metrics = take(lambda_att=weight)
        others = (
            160 * metrics["generator/au"]
            + metrics["generator/adversarial"]
            + 10 * metrics["generator/cycle"]
            + 10 * metrics["generator/zero"]
            + 4.1 * metrics["generator/tv"]
            + metrics["generator/paired"]
        )
        np.testing.assert_allclose(
            metrics["generator/total"] - others,
            weight * metrics["generator/attention"],
            rtol=1e-5,
            atol=1e-4,
        )


def test_critics_learn_while_the_generator_waits(traced):
    _, networks, _, take = traced
    adam = networks.generator_optimizer
    waiting = [
        *networks.generator.weights,
        *networks.average.weights,
        *(v for v in adam.variables if v is not adam.learning_rate),
    ]
    before = [variable.numpy() for variable in waiting]
    critic = networks.critics["face"].get_weights()
    estimator = networks.estimator.get_weights()
    metrics = take(generator_learning_rate=0.0)
    for old, new in zip(before, waiting, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    assert not np.array_equal(critic[0], networks.critics["face"].weights[0])
    assert not np.array_equal(estimator[0], networks.estimator.weights[0])
    assert {name.split("/")[0] for name in metrics} == {"critic", "estimator"}


def test_one_forward_pass_serves_critics_and_generator():
    """Its gradients are those of separate passes around the critics' update."""
    config = tiny_config(**GLOBAL_ONLY, stages=1, n_critic=1)
    batch = last(random_batches(config))
    number, weight = tf.constant(3, tf.int64), tf.constant(0.1)

    def shared(networks, step):
        return step.generator_gradients(batch, weight, number, True)[0]

    def separate(networks, step):
        outputs = objectives.generate_edit(networks.generator, batch)
        gradients, _ = step.critic_gradients(batch, outputs, number)
        networks.critic_optimizer.apply(gradients, networks.critic_variables)
        return step.generator_gradients(batch, weight, number)[0]

    found = []
    for function in (shared, separate):
        strategy, networks, step = make_step(config)
        gradients = strategy.run(function, args=(networks, step))
        critic = networks.critics["face"].get_weights()
        found.append([gradient.numpy() for gradient in gradients] + critic)
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_average_arithmetic(traced):
    _, networks, _, take = traced
    before = networks.average.get_weights()
    take(ema=0.75)
    weights = networks.generator.get_weights()
    for average, old, new in zip(
        networks.average.get_weights(), before, weights, strict=True
    ):
        np.testing.assert_allclose(
            average, 0.75 * old + 0.25 * new, rtol=1e-5, atol=1e-7
        )


def test_every_weight_is_trained(traced):
    _, networks, _, take = traced
    trained = [networks.generator, networks.estimator]
    trained += networks.critics.values()
    before = [network.get_weights() for network in trained]
    take(learning_rate=1e-2)
    for network, old in zip(trained, before, strict=True):
        for variable, value in zip(network.weights, old, strict=True):
            if variable.path != "patch/vector_u":  # of one channel: always 1
                assert not np.array_equal(variable, value), variable.path


def test_the_critics_loss_holds_no_generator_gradient():
    config = tiny_config(**GLOBAL_ONLY, stages=1)
    strategy, networks, step = make_step(config)
    batch = last(random_batches(config))

    def gradients():
        variables = [v.value for v in networks.generator.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(variables)
            outputs = objectives.generate_edit(networks.generator, batch)
            _, metrics = step.critic_gradients(
                batch, outputs, tf.constant(0, tf.int64)
            )
        return tape.gradient(metrics["critic/total"], variables)

    assert all(gradient is None for gradient in strategy.run(gradients))


def test_random_numbers_are_keyed_by_seed_and_step():
    def draw(seed, number):
        config = tiny_config(**GLOBAL_ONLY, stages=1, seed=seed)
        strategy, _, step = make_step(config)
        return strategy.run(
            lambda: step._draw(tf.constant(number, tf.int64))
        ).numpy()

    first = draw(0, 3)
    np.testing.assert_array_equal(first, draw(0, 3))
    assert not np.array_equal(first, draw(0, 4))
    assert not np.array_equal(first, draw(1, 3))
    assert first.min() >= 0 and first.max() < 1


def test_views_are_changed_alike_in_no_two_steps():
    config = tiny_config(**GLOBAL_ONLY, critic_augment=("color",))
    strategy, _, step = make_step(config)

    def numbers(number, stream):
        draw = tf.constant(number, tf.int64)
        changed = strategy.run(lambda: step._augment(draw, stream))
        return changed.keywords["numbers"].numpy()

    drawn = [numbers(n, stream) for n in (3, 4) for stream in (2, 3)]
    assert drawn[0].shape == (config.train.batch_size, 7)
    np.testing.assert_array_equal(drawn[0], numbers(3, 2))
    for index, one in enumerate(drawn):
        for other in drawn[:index]:
            assert not np.intersect1d(one, other).size
