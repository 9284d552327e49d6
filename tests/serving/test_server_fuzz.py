"""Whatever is sent, the local server answers with the right kind of status."""

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tensorflow.core.framework import tensor_pb2

from tests.serving.servers import NAME, Code, predict_request, serving
from tests.trained.conftest import make_exported

CLEAN = {
    Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.FAILED_PRECONDITION,
}  # fmt: skip

# INTERNAL is for bytes that are no message.
INTERNAL = "Exception deserializing request"

PREDICT = "/tensorflow.serving.PredictionService/Predict"

ROWS = {
    "image": np.full((1, 64, 64, 3), 0.5, np.float32),
    "image_bytes": np.array([b"\x89PNG\r\n\x1a\n" + bytes(40)], object),
    "action_units": np.zeros((1, 17), np.float32),
    "source_action_units": np.zeros((1, 17), np.float32),
}
SIGNATURES = {
    "": ("image", "action_units"),
    "edit_from": ("image", "source_action_units", "action_units"),
    "edit_bytes": ("image_bytes", "action_units"),
    "estimate": ("image",),
}


def _good(signature):
    inputs = {name: ROWS[name] for name in SIGNATURES[signature]}
    return predict_request(inputs, signature)


@some.composite
def _damaged(draw, content):
    """The content with some bytes replaced, left out or doubled."""
    content = bytearray(content)
    for _ in range(draw(some.integers(0, 3))):
        at = draw(some.integers(0, len(content)))
        length = draw(some.integers(0, 8))
        content[at : at + length] = draw(some.binary(max_size=8))
    return bytes(content)


_sizes = some.one_of(some.integers(-2, 70), some.integers(-(2**63), 2**63 - 1))
_texts = some.text(max_size=20)


@some.composite
def _wild_tensor(draw):
    proto = tensor_pb2.TensorProto(
        dtype=draw(some.one_of(some.integers(0, 30), some.integers(-9, 200)))
    )
    for size in draw(some.lists(_sizes, max_size=5)):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = not draw(some.integers(0, 9))
    if draw(some.booleans()):
        proto.tensor_content = draw(some.binary(max_size=300))
    else:
        floats = some.floats(width=32)
        proto.float_val.extend(draw(some.lists(floats, max_size=20)))
        strings = some.binary(max_size=40)
        proto.string_val.extend(draw(some.lists(strings, max_size=3)))
        proto.int_val.extend(draw(some.lists(some.integers(-9, 9), max_size=5)))
        proto.bool_val.extend(draw(some.lists(some.booleans(), max_size=5)))
    return proto


@some.composite
def _wild_requests(draw):
    """What can be answered, but for one input, the model or the outputs."""
    request = _good(draw(some.sampled_from(sorted(SIGNATURES))))
    mistake = draw(some.integers(0, 4))
    if mistake == 0:
        _fill_spec(draw, request.model_spec)
    elif mistake == 1:
        request.output_filter.extend(draw(some.lists(_texts, max_size=3)))
    else:
        name = draw(some.one_of(some.sampled_from(sorted(ROWS)), _texts))
        request.inputs[name].CopyFrom(draw(_wild_tensor()))
    return request


def _fill_spec(draw, spec):
    spec.Clear()
    spec.name = draw(some.sampled_from([NAME] * 5 + ["", "é", "x" * 2000]))
    spec.signature_name = draw(
        some.one_of(some.sampled_from(sorted(SIGNATURES)), _texts)
    )
    if draw(some.booleans()):
        spec.version.value = draw(some.integers(-(2**63), 2**63 - 1))
    else:
        spec.version_label = draw(_texts)


@pytest.fixture(scope="module")
def caller():
    folder = make_exported().saved_model.parent
    limits = {"max_message_mb": 8, "max_image_pixels": 100_000}
    with serving(folder, **limits) as (_, caller):
        yield caller


@settings(
    max_examples=80, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(request=_wild_requests(), data=some.data())
def test_only_clean_statuses(caller, request, data):
    content = request.SerializeToString()
    if data.draw(some.integers(0, 3)) == 0:
        content = data.draw(_damaged(content))
    try:
        caller.channel.unary_unary(PREDICT)(content, timeout=60)
    except grpc.RpcError as error:
        code, details = error.code(), error.details()
        if code is Code.INTERNAL:
            assert details.startswith(INTERNAL), details
        else:
            assert code in CLEAN, (code, details)


def test_it_still_answers(caller):
    assert caller.send_predict(_good("")).code is Code.OK
