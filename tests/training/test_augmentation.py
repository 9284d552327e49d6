"""What critics see, changed: against what a change is worked out to be."""

import numpy as np
import tensorflow as tf

from efgan_tf.config import AUGMENTATIONS
from efgan_tf.training.augmentation import NUMBERS, augment

COUNT, HEIGHT, WIDTH = 64, 32, 48
# A sixteenth and a quarter of the sides.
MOVES, HOLE = (2, 3), (8, 12)


def images(seed=0):
    shape = (COUNT, HEIGHT, WIDTH, 3)
    values = np.random.default_rng(seed).uniform(-1, 1, shape)
    return values.astype("float32")


def numbers(seed=1, **columns):
    values = np.random.default_rng(seed).random((COUNT, NUMBERS), "float32")
    names = ["brightness", "saturation", "contrast", "down", "across"]
    for name, value in columns.items():
        values[:, names.index(name)] = value
    return values


def by_numpy(image, down, across):
    """The image moved, 0 where nothing comes from."""
    moved = np.zeros_like(image)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            if 0 <= row + down < HEIGHT and 0 <= column + across < WIDTH:
                moved[row, column] = image[row + down, column + across]
    return moved


def test_color_by_hand():
    # Two pixels of channels (0, 0.3, 0.6), gray 0.3, and (−0.3, −0.3, −0.3).
    image = np.zeros((COUNT, 1, 2, 3), "float32")
    image[:, 0, 0], image[:, 0, 1] = [0, 0.3, 0.6], -0.3
    unchanged = {"brightness": 0.5, "saturation": 0.5, "contrast": 0.5}
    for columns, expected in (
        ({"brightness": 1.0}, image[0, 0] + 0.5),
        ({"brightness": 0.0}, image[0, 0] - 0.5),
        ({"saturation": 0.0}, [[0.3] * 3, [-0.3] * 3]),
        ({"saturation": 1.0}, [[-0.3, 0.3, 0.9], [-0.3] * 3]),
        # About the mean, 0, of all values.
        ({"contrast": 1.0}, [[0, 0.45, 0.9], [-0.45] * 3]),
    ):
        drawn = numbers(**{**unchanged, **columns})
        changed = augment(image, drawn, ["color"])
        np.testing.assert_allclose(changed[0, 0], expected, atol=1e-6)


def test_moves_are_whole_pixels_and_all_as_likely():
    before, drawn = images(), numbers()
    after = np.array(augment(before, drawn, ["translation"]))
    found = []
    for image, moved, row in zip(before, after, drawn, strict=True):
        move = [
            int(number * (2 * reach + 1)) - reach
            for number, reach in zip(row[3:5], MOVES, strict=True)
        ]
        np.testing.assert_array_equal(moved, by_numpy(image, *move))
        found.append(move)
    for moves, reach in zip(np.transpose(found), MOVES, strict=True):
        assert set(moves) == set(range(-reach, reach + 1))


def test_a_hole_is_cut_and_the_rest_kept():
    before, drawn = np.ones_like(images()), numbers()
    after = np.array(augment(before, drawn, ["cutout"]))
    holes = 1 - after[..., 0]
    assert set(np.unique(holes)) == {0, 1}
    np.testing.assert_array_equal(after, np.repeat(1 - holes[..., None], 3, 3))
    rows, columns = holes.max(2).sum(1), holes.max(1).sum(1)
    # A rectangle, cut off where it leaves the image: half of it at least.
    np.testing.assert_array_equal(holes.sum((1, 2)), rows * columns)
    for lengths, full in ((rows, HOLE[0]), (columns, HOLE[1])):
        assert lengths.max() == full and lengths.min() >= full / 2
    assert len(np.unique(holes.argmax(1).max(1))) > 10


def test_the_gradient_is_that_of_what_is_seen():
    before = tf.constant(images())
    kinds = ["translation", "cutout"]
    with tf.GradientTape() as tape:
        tape.watch(before)
        after = augment(before, numbers(), kinds)
        total = tf.reduce_sum(after)
    gradient = tape.gradient(total, before).numpy()
    assert set(np.unique(gradient)) == {0, 1}
    seen = np.any(after.numpy() != 0, axis=3).sum()
    assert gradient[..., 0].sum() == seen < COUNT * HEIGHT * WIDTH


def test_each_sample_is_changed_by_its_own_numbers():
    together = augment(images(), numbers(), AUGMENTATIONS).numpy()
    alone = augment(images()[5:6], numbers()[5:6], AUGMENTATIONS)
    np.testing.assert_allclose(alone[0], together[5], atol=1e-6)
    assert np.isfinite(together).all()
    compiled = tf.function(augment)(images(), numbers(), AUGMENTATIONS)
    np.testing.assert_allclose(compiled, together, atol=1e-6)
