"""The penalties against critics whose slope is known."""

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.training.gradient_penalty import gradient_penalty, r1_penalty

SHAPE = (2, 4, 5, 3)
PIXELS = 4 * 5 * 3


def images(seed):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=SHAPE), tf.float32)


def alpha():
    return tf.constant([0.3, 0.8], shape=(2, 1, 1, 1))


def linear(factor):
    """A critic whose one patch is `factor` times the sum of all pixels."""
    return lambda x: factor * tf.reduce_sum(x, [1, 2, 3], keepdims=True)


@pytest.mark.parametrize("factor", [0.1, -0.5, 2.0])
def test_of_a_linear_critic_is_exact(factor):
    value = gradient_penalty(linear(factor), images(0), images(1), alpha())
    expected = (abs(factor) * np.sqrt(PIXELS) - 1) ** 2
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert value.dtype == tf.float32


def test_is_of_the_mean_patch():
    def four_patches(x):
        return tf.tile(linear(0.5)(x), (1, 2, 2, 1))

    one = gradient_penalty(linear(0.5), images(0), images(1), alpha())
    four = gradient_penalty(four_patches, images(0), images(1), alpha())
    np.testing.assert_allclose(one, four, rtol=1e-6)


def test_is_taken_between_real_and_fake():
    """Of `sum(x²) / 2` the slope is x itself, so the place shows."""

    def square(x):
        return tf.reduce_sum(x * x, [1, 2, 3], keepdims=True) / 2

    real, fake = tf.ones(SHAPE), tf.fill(SHAPE, 3.0)
    for weight, place in ((0.0, 3.0), (1.0, 1.0), (0.25, 2.5)):
        value = gradient_penalty(
            square, real, fake, tf.fill((2, 1, 1, 1), weight)
        )
        expected = (place * np.sqrt(PIXELS) - 1) ** 2
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_is_per_sample():
    """Slopes of 1 and 3 are not the same as their mean, 2, twice."""

    def critic(x):
        slopes = tf.reshape([1.0, 3.0], (2, 1, 1, 1)) / np.sqrt(PIXELS)
        return slopes * tf.reduce_sum(x, [1, 2, 3], keepdims=True)

    value = gradient_penalty(critic, images(0), images(1), alpha())
    # ((1 - 1)² + (3 - 1)²) / 2.
    np.testing.assert_allclose(value, 2.0, rtol=1e-4)


def test_and_its_gradient_are_finite_where_the_critic_is_flat():
    factor = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = gradient_penalty(linear(factor), images(0), images(1), alpha())
    np.testing.assert_allclose(value, 1, atol=1e-3)
    assert np.isfinite(tape.gradient(value, factor))


@pytest.mark.parametrize("compiled", [False, True])
def test_gradient_by_the_critics_variables(compiled):
    factor = tf.Variable(0.5)

    def step():
        with tf.GradientTape() as tape:
            value = gradient_penalty(
                linear(factor), images(0), images(1), alpha()
            )
        return tape.gradient(value, factor)

    # d/dk (k·√n - 1)² = 2·√n·(k·√n - 1).
    root = np.sqrt(PIXELS)
    expected = 2 * root * (0.5 * root - 1)
    result = (tf.function(step) if compiled else step)()
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_nothing_flows_back_into_the_generator():
    made = tf.Variable(images(1))
    with tf.GradientTape() as tape:
        value = gradient_penalty(
            lambda x: tf.reduce_sum(x**3, [1, 2, 3], keepdims=True),
            images(0),
            made,
            alpha(),
        )
    assert tape.gradient(value, made) is None


def test_half_precision_critics_are_penalized_in_float32():
    def half(x):
        return tf.cast(linear(0.5)(x), tf.bfloat16)

    value = gradient_penalty(
        half,
        tf.cast(images(0), tf.bfloat16),
        tf.cast(images(1), tf.bfloat16),
        alpha(),
    )
    assert value.dtype == tf.float32
    np.testing.assert_allclose(
        value, (0.5 * np.sqrt(PIXELS) - 1) ** 2, rtol=1e-5
    )


@pytest.mark.parametrize("factor", [0.0, 0.1, -0.5, 2.0])
def test_r1_of_a_linear_critic_is_exact(factor):
    value = r1_penalty(linear(factor), images(0))
    # Half of the squared slope, which is `factor` for every pixel.
    np.testing.assert_allclose(value, factor**2 * PIXELS / 2, rtol=1e-5)
    assert value.dtype == tf.float32


def test_r1_is_taken_at_each_real_image():
    """Of `sum(x²) / 2` the slope is x itself."""
    real = tf.constant([2.0, 4.0], shape=(2, 1, 1, 1)) * tf.ones(SHAPE)
    value = r1_penalty(
        lambda x: tf.reduce_sum(x * x, [1, 2, 3], keepdims=True) / 2, real
    )
    np.testing.assert_allclose(value, PIXELS * (4 + 16) / 2 / 2, rtol=1e-5)


def test_r1s_gradient_by_the_critics_variables():
    factor = tf.Variable(0.5)
    with tf.GradientTape() as tape:
        value = r1_penalty(linear(factor), images(0))
    # d/dk (k² n / 2) = k n.
    np.testing.assert_allclose(
        tape.gradient(value, factor), 0.5 * PIXELS, rtol=1e-5
    )
