"""DiffAugment: what critics see, changed at random (Zhao et al., NeurIPS 2020).

With few pictures critics overfit. Real and edited crops are therefore changed
alike before critics see them, in the critics' step and in the generator's,
which is differentiated through the changes. Mirroring is not among them (the
data pipeline does it), and moves and holes are smaller than the paper's 1/8 and
1/2 of a side: a local critic sees a mouth of a few pixels, and its second head
must still read units from it.
"""

from collections.abc import Callable, Sequence

from keras import ops

from efgan_tf.training.losses import Tensor

NUMBERS = 7
"""Random numbers that a sample's changes are made from."""

_LARGEST_MOVE = 1 / 16  # of a side
_HOLE = 1 / 4  # of a side

Augment = Callable[[Tensor], Tensor]


def unchanged(images: Tensor) -> Tensor:
    """The images as they are."""
    return images


def augment(images: Tensor, numbers: Tensor, kinds: Sequence[str]) -> Tensor:
    """Changes each image by its own random numbers.

    Args:
      images: `[b, h, w, 3]` in [-1, 1].
      numbers: `[b, 7]` in [0, 1).
      kinds: of changes: `"color"` (brightness ±0.5, saturation ×0 to 2,
        contrast ×0.5 to 1.5), `"translation"` (a sixteenth of a side at most),
        `"cutout"` (a hole of a quarter of each side, centered anywhere).

    Returns:
      Float32, the same shape. Values may leave [-1, 1]; what a move brings in
      and a hole is 0.
    """
    images = ops.cast(images, "float32")
    if "color" in kinds:
        images = _color(images, numbers[:, :3])
    if "translation" in kinds:
        images = _translate(images, numbers[:, 3:5])
    if "cutout" in kinds:
        images = _cut_out(images, numbers[:, 5:7])
    return images


def _color(images, numbers):
    spread = ops.reshape(2 * numbers - 1, (-1, 3, 1, 1, 1))
    images = images + spread[:, 0] / 2
    gray = ops.mean(images, axis=3, keepdims=True)
    images = gray + (1 + spread[:, 1]) * (images - gray)
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    return mean + (1 + spread[:, 2] / 2) * (images - mean)


def _translate(images, numbers):
    height, width = images.shape[1:3]
    down = _moves(height, numbers[:, 0])
    across = _moves(width, numbers[:, 1])
    images = ops.einsum("bij,bjwc->biwc", down, images)
    return ops.einsum("bij,bhjc->bhic", across, images)


def _moves(side: int, number):
    """Each sample's move along a side as a matrix `[b, side, side]`.

    A product with it has a gradient of its own; rows from outside are 0.
    """
    reach = round(side * _LARGEST_MOVE)
    move = ops.floor(number * (2 * reach + 1)) - reach
    origin = ops.arange(side)[None] + ops.cast(move, "int32")[:, None]
    return ops.one_hot(origin, side, dtype="float32")


def _cut_out(images, numbers):
    height, width = images.shape[1:3]
    rows = _hole(height, numbers[:, 0])
    columns = _hole(width, numbers[:, 1])
    hole = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return ops.where(hole, 0.0, images)


def _hole(side: int, number):
    """Which pixels along a side the hole takes, bool `[b, side]`."""
    length = round(side * _HOLE)
    start = ops.floor(number * (side + 1))[:, None] - length // 2
    place = ops.arange(side, dtype="float32")[None]
    return ops.logical_and(place >= start, place < start + length)
