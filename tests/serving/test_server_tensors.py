"""Tensors of messages: what TensorFlow's own functions make of them."""

import weakref

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from efgan_tf.serving.local import session as session_lib
from efgan_tf.serving.local import tensors
from efgan_tf.serving.local.session import Session
from efgan_tf.serving.local.status import Refused
from tests.serving.servers import Code, write_version

ARRAYS = [
    np.arange(6, dtype=kind).reshape(2, 3)
    for kind in (
        "float32", "float64", "float16", "int8", "int16", "int32", "int64",
        "uint8", "uint16", "uint32", "uint64", "complex64", "complex128",
    )
] + [
    np.array([[True], [False]]),
    np.array([b"one", b"", b"\0\xff"], object),
    np.array(3.5, np.float32),
    np.zeros((0, 4), np.float32),
    np.full((2, 3), 1.5, tf.bfloat16.as_numpy_dtype),
    np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
]  # fmt: skip


def _ids(array):
    return f"{array.dtype}{list(array.shape)}"


@pytest.mark.parametrize("array", ARRAYS, ids=_ids)
def test_arrays_come_back(array):
    proto = tensor_pb2.TensorProto()
    tensors.encode(array, proto)
    again = tensor_pb2.TensorProto.FromString(proto.SerializeToString())
    for found in (
        tf.make_ndarray(again),
        tensors.decode(again, "x", 1000),
        tensors.decode(tf.make_tensor_proto(array), "x", 1000),
    ):
        assert found.dtype == array.dtype and found.shape == array.shape
        np.testing.assert_array_equal(found, array)
    assert proto.dtype == tf.dtypes.as_dtype(
        tf.string if array.dtype == object else array.dtype
    )


@pytest.mark.parametrize("given", [[], [7.0], [1.0, 2.0], [1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("kind", ["float32", "int64", "float64", "complex64"])
def test_too_few_values_repeat_the_last_and_more_are_cut(given, kind):
    proto = tensor_pb2.TensorProto(
        dtype=tf.dtypes.as_dtype(kind).as_datatype_enum
    )
    proto.tensor_shape.dim.add(size=4)
    field = {
        "float32": "float_val",
        "int64": "int64_val",
        "float64": "double_val",
        "complex64": "scomplex_val",
    }[kind]
    for value in given:
        getattr(proto, field).extend(
            [value, 0] if kind == "complex64" else [int(value)]
        )
    filled = (given + given[-1:] * 4)[:4] if given else [0] * 4
    found = tensors.decode(proto, "x", 100)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, np.array(filled, kind))


def test_an_array_over_the_limit_is_refused():
    proto = tf.make_tensor_proto(np.zeros(250, np.float32))
    tensors.decode(proto, "x", 1000)
    with pytest.raises(Refused, match="tensor parsing error: x"):
        tensors.decode(proto, "x", 999)


def test_a_string_is_not_repeated_beyond_the_limit():
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum)
    proto.string_val.extend([b"a", b"x" * 100])
    proto.tensor_shape.dim.add(size=10)
    assert tensors.decode(proto, "x", 1000)[-1] == b"x" * 100
    with pytest.raises(Refused, match="tensor parsing error: x"):
        tensors.decode(proto, "x", 900)


@pytest.mark.parametrize("sizes", [[0, 2**62, 2**62], [0] * 200, [2**63 - 1]])
def test_shapes_that_nothing_can_have(sizes):
    proto = tensor_pb2.TensorProto(dtype=1, float_val=[0])
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(Refused, match="tensor parsing error: x"):
        tensors.decode(proto, "x", 2**30)


@pytest.mark.parametrize("kind", ["uint16", "int8", "float16"])
def test_values_that_the_type_cannot_hold(kind):
    proto = tensor_pb2.TensorProto(
        dtype=tf.dtypes.as_dtype(kind).as_datatype_enum,
        int_val=[-1000],
        half_val=[2**17],
    )
    with pytest.raises(Refused, match="tensor parsing error: x"):
        tensors.decode(proto, "x", 100)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    session = Session(write_version(tmp_path_factory.mktemp("session"), 1))
    yield session
    session.close()


@pytest.fixture(params=["the C++ call", "the callable"])
def way(request, monkeypatch):
    """Both ways into the session; the second is for a later TensorFlow."""
    assert session_lib.c_api is not None
    if request.param == "the callable":
        monkeypatch.setattr(session_lib, "c_api", None)


def _names(session, signature="serving_default"):
    found = session.signatures[signature]
    return found.inputs["x"].name, found.outputs["y"].name


def test_the_session_runs_both_ways(session, way):
    x, y = _names(session)
    feeds = {x: np.array([1, 2], np.float32)}
    np.testing.assert_array_equal(session.run(feeds, [y, y])[1], [2, 3])


@pytest.mark.parametrize("value", [np.zeros(1), np.array([b"x"], object)])
def test_the_session_checks_types_both_ways(session, way, value):
    x, y = _names(session)
    with pytest.raises(Refused, match="float") as caught:
        session.run({x: value}, [y])
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_the_session_refuses_names_both_ways(session, way):
    x, y = _names(session)
    with pytest.raises(Refused, match="nope") as caught:
        session.run({x: np.zeros(1, np.float32)}, ["nope:0"])
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_the_session_keeps_to_a_deadline(session):
    x, y = _names(session, "loop")
    with pytest.raises(Refused) as caught:
        session.run({x: np.array([1e12], np.float32)}, [y], timeout_ms=300)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert caught.value.message == "Timed out waiting for notification"


def test_a_closed_session_leaves_nothing(tmp_path):
    session = Session(write_version(tmp_path, 1))
    x, y = _names(session)
    session.run({x: np.zeros(1, np.float32)}, [y])
    graph = weakref.ref(session._graph)
    session.close()
    assert graph() is None
