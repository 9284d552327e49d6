"""Decodes pictures: all of them beforehand, or each when it is drawn.

The files are in memory, or stay on disk (`efgan_tf.data.pictures_on_disk`).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from efgan_tf.data.pictures_on_disk import OnDisk

DECODED_LIMIT = 2 * 2**30
"""Up to this many bytes, pictures are decoded once and kept, which draws
batches four to six times as fast (`benchmarks/data.py`)."""


def decode(encoded: Sequence[bytes], size: int) -> np.ndarray:
    """n PNG files → uint8 `[n, size, size, 3]`, RGB."""
    images = np.empty((len(encoded), size, size, 3), np.uint8)

    def fill(index: int) -> None:
        images[index] = tf.io.decode_png(encoded[index], channels=3)

    with ThreadPoolExecutor() as pool:
        # `list` waits for all of them and raises what went wrong in one.
        list(pool.map(fill, range(len(encoded))))
    return images


def picture_source(
    encoded: Sequence[bytes], size: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from indices `[b]` to uint8 `[b, size, size, 3]`.

    The number of indices must be known when a graph is traced.

    Args:
      encoded: PNG files, RGB.
      size: their side.
    """
    shape = (size, size, 3)
    if isinstance(encoded, OnDisk):

        def read(indices: np.ndarray) -> np.ndarray:
            return np.array([encoded[index] for index in indices], object)

        return lambda indices: _decoded_now(
            tf.ensure_shape(
                tf.numpy_function(read, [indices], tf.string, stateful=False),
                indices.shape,
            ),
            shape,
        )
    if len(encoded) * np.prod(shape) <= DECODED_LIMIT:
        decoded = tf.constant(decode(encoded, size))
        return lambda indices: tf.gather(decoded, indices)
    kept = tf.constant(np.array(encoded, object))
    return lambda indices: _decoded_now(tf.gather(kept, indices), shape)


def _decoded_now(encoded: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    # One op a picture costs less than a loop over them; what remains is
    # nearly all zlib's.
    files = tf.unstack(encoded)
    images = [tf.io.decode_png(file, channels=3) for file in files]
    return tf.ensure_shape(tf.stack(images), (len(files), *shape))
