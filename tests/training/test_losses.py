"""Losses against values worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from efgan_tf.training import losses


def patch(*values):
    return np.array(values, "float32").reshape(len(values), 1, 1, 1)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_wasserstein_critic():
    # mean(1, 3) - mean(4, 8) = 2 - 6.
    assert losses.wasserstein_critic(patch(4, 8), patch(1, 3)) == -4
    # Unequal numbers of real and fake images weigh the same.
    assert losses.wasserstein_critic(patch(4, 8), patch(1, 3, 8)) == -2


def test_wasserstein_generator():
    assert losses.wasserstein_generator(patch(1, 3)) == -2


def test_penalty():
    # Norms √(3² + 4²) = 5 and 0: ((5 - 1)² + (0 - 1)²) / 2 = 8.5.
    gradients = np.zeros((2, 1, 2, 1), "float32")
    gradients[0, 0, :, 0] = 3, 4
    assert losses.penalty(gradients, epsilon=0.0) == 8.5
    # ε = 11 under the root: √36 = 6 and √11.
    expected = ((6 - 1) ** 2 + (np.sqrt(11) - 1) ** 2) / 2
    np.testing.assert_allclose(
        losses.penalty(gradients, epsilon=11.0), expected, rtol=1e-6
    )


def test_action_unit_regression():
    predicted = np.array([[0.5, 0.0], [1.0, 0.5]], "float32")
    wanted = np.array([[0.0, 0.0], [0.0, 0.0]], "float32")
    # (0.25 + 0 + 1 + 0.25) / 4.
    assert losses.action_unit_regression(predicted, wanted) == 0.375
    # The first unit alone: (0.25 + 1) / 2, not diluted by the second.
    mask = np.array([1, 0], "float32")
    assert losses.action_unit_regression(predicted, wanted, mask) == 0.625
    none = np.zeros(2, "float32")
    assert losses.action_unit_regression(predicted, wanted, none) == 0


def test_action_unit_regression_with_a_mask_for_each_sample():
    predicted = np.array([[0.5, 0.0], [1.0, 0.5], [9.0, 9.0]], "float32")
    wanted = np.zeros((3, 2), "float32")
    # The first sample knows its first unit, the second both, the third none:
    # (0.25 + (1 + 0.25) / 2 + 0) / 3.
    mask = np.array([[1, 0], [1, 1], [0, 0]], "float32")
    error = losses.action_unit_regression(predicted, wanted, mask)
    np.testing.assert_allclose(error, 0.875 / 3, rtol=1e-6)
    # One mask for all samples is the same mask for each.
    for row in mask:
        np.testing.assert_allclose(
            losses.action_unit_regression(predicted, wanted, row),
            losses.action_unit_regression(
                predicted, wanted, np.tile(row, (3, 1))
            ),
            rtol=1e-6,
        )


def test_l1():
    a = np.array([[1, 2], [3, 5]], "float32").reshape(2, 1, 2, 1)
    b = np.array([[1, 4], [0, 4]], "float32").reshape(2, 1, 2, 1)
    # (0 + 2 + 3 + 1) / 4.
    assert losses.l1(a, b) == 1.5
    # The second sample counts 0: (0 + 2) / 4.
    assert losses.l1(a, b, np.array([1, 0], "float32")) == 0.5
    assert losses.l1(a, b, np.ones(2, "float32")) == 1.5


def test_edges_l1():
    # The difference is (0, 1, 0) and (2, 2, 0): |dx| = 1, 1, 0, 2, mean 1;
    # |dy| = 2, 1, 0, mean 1. A constant offset does not count.
    a = np.array([[0, 1, 0], [2, 2, 0]], "float32")[None, ..., None]
    pair = np.concatenate([a, a + 7]), np.zeros((2, 2, 3, 1), "float32")
    assert losses.edges_l1(*pair) == 2
    assert losses.edges_l1(*pair, np.array([0, 1], "float32")) == 1


def test_attention_mean():
    attention = np.array([0.25, 0.75, 0, 0], "float32").reshape(2, 1, 2, 1)
    assert losses.attention_mean(attention) == 0.25


def test_attention_tv():
    # Rows (0, 1, 1) and (0.5, 0, 0): |dx| = 1, 0, 0.5, 0, mean 0.375;
    # |dy| = 0.5, 1, 1, mean 2.5/3.
    attention = np.array([[0, 1, 1], [0.5, 0, 0]], "float32")
    np.testing.assert_allclose(
        losses.attention_tv(attention[None, ..., None]),
        0.375 + 2.5 / 3,
        rtol=1e-6,
    )


CASES = {
    "wasserstein_critic": (random(3, 2, 2, 1), random(3, 2, 2, 1, seed=1)),
    "wasserstein_generator": (random(3, 2, 2, 1),),
    "penalty": (random(3, 4, 4, 3),),
    "r1": (random(3, 4, 4, 3),),
    "action_unit_regression": (random(3, 17), random(3, 17, seed=1)),
    "l1": (random(3, 4, 4, 3), random(3, 4, 4, 3, seed=1)),
    "edges_l1": (random(3, 4, 4, 3), random(3, 4, 4, 3, seed=1)),
    "attention_mean": (random(3, 4, 4, 1),),
    "attention_tv": (random(3, 4, 4, 1),),
}


def test_every_loss_is_covered():
    public = {
        name
        for name, value in vars(losses).items()
        if callable(value)
        and value.__module__ == losses.__name__
        and not name.startswith("_")
    }
    assert public == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_repeating_the_batch_changes_nothing(name):
    function, tensors = getattr(losses, name), CASES[name]
    doubled = [np.concatenate([x, x]) for x in tensors]
    np.testing.assert_allclose(
        function(*doubled), function(*tensors), rtol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_losses_are_float32_scalars(name, dtype):
    tensors = [ops.cast(x, dtype) for x in CASES[name]]
    loss = getattr(losses, name)(*tensors)
    assert loss.shape == ()
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    # The sum is taken in float32 too, not rounded on the way.
    exact = getattr(losses, name)(*[ops.cast(x, "float32") for x in tensors])
    np.testing.assert_allclose(loss, exact, rtol=1e-6)
