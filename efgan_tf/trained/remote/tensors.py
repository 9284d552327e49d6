"""Arrays to TensorFlow's tensor messages and back, without TensorFlow."""

from collections.abc import Sequence

import numpy as np
from google.protobuf.message import Message

from efgan_tf.trained.remote.protos import TensorProto

FLOAT, STRING = 1, 7
"""Of tensorflow/core/framework/types.proto."""

Values = np.ndarray | Sequence[bytes]
"""What signatures take and return: a float32 array, or byte strings `[b]`."""


def fill(proto: Message, values: Values, as_bytes: bool = True) -> None:
    """Writes values into an empty message.

    Args:
      proto: a `TensorProto`.
      values: what it is to hold.
      as_bytes: an array in one piece; otherwise value by value.
    """
    if isinstance(values, np.ndarray):
        proto.dtype, shape = FLOAT, values.shape
        if as_bytes:
            proto.tensor_content = values.astype("<f4").tobytes()
        else:
            proto.float_val.extend(values.ravel().tolist())
    else:
        proto.dtype, shape = STRING, (len(values),)
        proto.string_val.extend(values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)


def from_proto(proto: Message) -> Values:
    """The values in a `TensorProto`.

    Raises:
      ValueError: it is of another type, or has another number of values than
        its shape says.
    """
    shape = [dimension.size for dimension in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError("the shape is not known")
    if proto.dtype == STRING:
        values = list(proto.string_val)
        if shape != [len(values)]:
            raise ValueError(f"{len(values)} strings are not {shape}")
        return values
    if proto.dtype != FLOAT:
        raise ValueError(f"expected floats or strings, got type {proto.dtype}")
    # TensorFlow Serving writes floats one by one by default.
    content = proto.tensor_content or _packed_floats(proto)
    return np.frombuffer(content, "<f4").astype(np.float32).reshape(shape)


def _packed_floats(proto: Message) -> bytes:
    """The bytes of `float_val`.

    They are the end of a message that has nothing else; reading the numbers
    one by one in Python takes a hundred times as long.
    """
    alone = TensorProto.FromString(proto.SerializeToString())
    alone.DiscardUnknownFields()
    for field, _ in alone.ListFields():
        if field.name != "float_val":
            alone.ClearField(field.name)
    content = alone.SerializeToString()
    return content[len(content) - 4 * len(proto.float_val) :]
