"""Arrays from `TensorProto`s and back, as TensorFlow Serving's C++ does it."""

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from efgan_tf.serving.local.status import invalid

# What a reply's values of a type are stored in; not in `tensor_content`, which
# some clients do not read.
_FIELDS = {
    np.dtype(name): field
    for field, names in {
        "double_val": ["float64"],
        "int_val": ["int32", "int16", "int8", "uint16", "uint8"],
        "int64_val": ["int64"],
        "uint32_val": ["uint32"],
        "uint64_val": ["uint64"],
        "bool_val": ["bool"],
    }.items()
    for name in names
}

# The first byte of the field `float_val` on the wire, packed.
_FLOATS_TAG = b"\x2a"


def decode(
    proto: tensor_pb2.TensorProto, alias: str, max_bytes: int
) -> np.ndarray:
    """The array of an input.

    Values that are missing at the end repeat the last one, and those beyond
    the shape are left out, as in `Tensor::FromProto`.

    Args:
      proto: what was sent.
      alias: the input's name in the signature.
      max_bytes: of the array: a few bytes can claim a shape of gigabytes.

    Raises:
      Refused: it is no tensor, or too large.
    """
    parsed = _decode(proto, max_bytes)
    if parsed is None:
        raise invalid(f"tensor parsing error: {alias}")
    return parsed


def _decode(proto, max_bytes):
    shape = proto.tensor_shape
    sizes = [dim.size for dim in shape.dim]
    if shape.unknown_rank or any(size < 0 for size in sizes):
        return None
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
        width = 8 if dtype == tf.string else dtype.size
    except (TypeError, KeyError):
        return None
    count = 1
    for size in sizes:
        count *= size
    if not width or count * width > max_bytes or len(sizes) > 254:
        return None
    if count == 0:
        return np.zeros(sizes, dtype.as_numpy_dtype)
    if proto.dtype == types_pb2.DT_FLOAT and not proto.tensor_content:
        return _repeated_last(_floats(proto), count).reshape(sizes)
    try:
        return tf.make_ndarray(_at_most(proto, count)).reshape(sizes)
    except (ValueError, TypeError):
        return None


def _floats(proto):
    """`float_val` by its bytes on the wire, which takes no Python loop."""
    alone = tensor_pb2.TensorProto()
    alone.float_val.MergeFrom(proto.float_val)
    values = len(proto.float_val)
    wire = alone.SerializeToString()
    return np.frombuffer(wire, "<f4", values, len(wire) - 4 * values)


def _repeated_last(values, count):
    if not len(values):
        return np.zeros(count, values.dtype)
    return np.pad(values[:count], (0, max(0, count - len(values))), "edge")


def _at_most(proto, count):
    """The proto without what is beyond `count` values."""
    cut = tensor_pb2.TensorProto()
    cut.CopyFrom(proto)
    for field, values in cut.ListFields():
        if field.name.endswith("_val"):
            parts = 2 if "complex" in field.name else 1
            del values[count * parts :]
    return cut


def encode(array: np.ndarray, proto: tensor_pb2.TensorProto) -> None:
    """Stores an output in an empty proto."""
    if array.dtype == np.float32:
        values = np.ascontiguousarray(array, "<f4").tobytes()
        proto.MergeFromString(_FLOATS_TAG + _varint(len(values)) + values)
        proto.dtype = types_pb2.DT_FLOAT
    elif array.dtype == object:
        proto.string_val.extend(array.ravel().tolist())
        proto.dtype = types_pb2.DT_STRING
    elif array.dtype in _FIELDS:
        getattr(proto, _FIELDS[array.dtype]).extend(array.ravel().tolist())
        proto.dtype = tf.dtypes.as_dtype(array.dtype).as_datatype_enum
    else:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)


def _varint(number):
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    content.append(number)
    return bytes(content)
