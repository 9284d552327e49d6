"""Pictures out of their PNG files: all beforehand, or as they are drawn."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from efgan_tf.data.samples import Faces

DECODED_LIMIT = 512 * 2**20
"""Up to this many bytes, pictures are decoded once and kept, which draws
batches four to five times as fast (`benchmarks/prepare.py`)."""


def decode(encoded: Sequence[bytes], size: int) -> np.ndarray:
    """n PNG files → uint8 `[n, size, size, 3]`, RGB."""
    images = np.empty((len(encoded), size, size, 3), np.uint8)
    for index, content in enumerate(encoded):
        images[index] = tf.io.decode_png(content, channels=3)
    return images


def picture_source(faces: Faces) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from indices `[b]` to uint8 `[b, size, size, 3]`."""
    shape = (faces.size, faces.size, 3)
    if len(faces) * np.prod(shape) <= DECODED_LIMIT:
        decoded = tf.constant(decode(faces.encoded, faces.size))
        return lambda indices: tf.gather(decoded, indices)
    encoded = tf.constant(np.array(faces.encoded, object))

    def decoded_now(indices: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda index: tf.ensure_shape(
                tf.io.decode_png(encoded[index], channels=3), shape
            ),
            indices,
            fn_output_signature=tf.TensorSpec(shape, tf.uint8),
        )

    return decoded_now
