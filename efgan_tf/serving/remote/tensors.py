"""Arrays to TensorFlow's tensor messages and back."""

from collections.abc import Sequence

import numpy as np

from efgan_tf.serving.remote.protos import TensorProto

# Of tensorflow/core/framework/types.proto.
FLOAT, STRING = 1, 7


def fill(proto: TensorProto, values: np.ndarray | Sequence[bytes]) -> None:
    """Writes a float32 array, or byte strings `[b]`, into an empty message."""
    if isinstance(values, np.ndarray):
        proto.dtype, shape = FLOAT, values.shape
        proto.tensor_content = values.astype("<f4").tobytes()
    else:
        proto.dtype, shape = STRING, (len(values),)
        proto.string_val.extend(values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)


def from_proto(proto: TensorProto) -> np.ndarray | list[bytes]:
    """The float32 array, or the byte strings, in a message.

    Raises:
      ValueError: it is of another type, or has another number of values than
        its shape says.
    """
    shape = [dimension.size for dimension in proto.tensor_shape.dim]
    if proto.dtype == STRING:
        values = list(proto.string_val)
        if shape != [len(values)]:
            raise ValueError(f"{len(values)} strings are not {shape}")
        return values
    if proto.dtype != FLOAT:
        raise ValueError(f"expected floats or strings, got type {proto.dtype}")
    # TensorFlow Serving writes floats one by one unless it is told otherwise.
    content = proto.tensor_content or _packed_floats(proto)
    return np.frombuffer(content, "<f4").astype(np.float32).reshape(shape)


def _packed_floats(proto: TensorProto) -> bytes:
    """The bytes of `float_val`.

    As the end of a message that has no more than these: going through the
    numbers in Python takes longer by a hundred times.
    """
    alone = TensorProto.FromString(proto.SerializeToString())
    alone.DiscardUnknownFields()
    for field, _ in alone.ListFields():
        if field.name != "float_val":
            alone.ClearField(field.name)
    content = alone.SerializeToString()
    return content[len(content) - 4 * len(proto.float_val) :]
