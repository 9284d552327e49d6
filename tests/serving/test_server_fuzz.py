"""Whatever is sent, the local server answers with the right kind of status."""

import io
import os
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from tests.serving.servers import NAME, Code, predict_request, serving
from tests.trained.conftest import make_exported

LONG_SECONDS = 600
"""Of the test that is marked as slow."""

CLEAN = {
    Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.FAILED_PRECONDITION,
    Code.UNIMPLEMENTED,
}  # fmt: skip

# INTERNAL is for bytes that are no message.
INTERNAL = "Exception deserializing request"

PREDICTION = "/tensorflow.serving.PredictionService/"
MODEL = "/tensorflow.serving.ModelService/"

METHODS = [f"{MODEL}GetModelStatus"] + [
    f"{PREDICTION}{name}"
    for name in (
        "Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata",
    )
]  # fmt: skip

SIGNATURES = {
    "": ("image", "action_units"),
    "edit_from": ("image", "source_action_units", "action_units"),
    "edit_bytes": ("image_bytes", "action_units"),
    "stages": ("image", "action_units"),
    "estimate": ("image",),
}
INPUTS = sorted(set().union(*SIGNATURES.values()))
OUTPUTS = ("image", "image_bytes", "stages", "attention", "action_units")


def _pictures():
    pictures = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        file = io.BytesIO()
        Image.effect_noise((64, 64), 60).convert("RGB").save(file, kind)
        pictures.append(file.getvalue())
    return pictures


@some.composite
def _damaged(draw, contents):
    """One of them, with some bytes replaced, left out or doubled."""
    content = bytearray(draw(contents))
    for _ in range(draw(some.integers(0, 3))):
        at = draw(some.integers(0, len(content)))
        length = draw(some.integers(0, 8))
        content[at : at + length] = draw(some.binary(max_size=8))
    return bytes(content)


_numbers = some.integers(-(2**63), 2**63 - 1)
_sizes = some.one_of(some.integers(-2, 70), _numbers)
_texts = some.text(max_size=20)
_bytes = some.one_of(
    some.binary(max_size=40), _damaged(some.sampled_from(_pictures()))
)


@some.composite
def _wild_tensor(draw):
    proto = tensor_pb2.TensorProto(
        dtype=draw(some.one_of(some.integers(0, 30), some.integers(-9, 200)))
    )
    for size in draw(some.lists(_sizes, max_size=5)):
        proto.tensor_shape.dim.add(size=size, name=draw(_texts))
    proto.tensor_shape.unknown_rank = draw(
        some.sampled_from([False] * 9 + [True])
    )
    if draw(some.booleans()):
        proto.tensor_content = draw(some.binary(max_size=300))
    else:
        floats = some.floats(width=32)
        proto.float_val.extend(draw(some.lists(floats, max_size=20)))
        proto.string_val.extend(draw(some.lists(_bytes, max_size=3)))
        proto.int_val.extend(draw(some.lists(some.integers(-9, 9), max_size=5)))
        proto.half_val.extend(
            draw(some.lists(some.integers(0, 2**20), max_size=5))
        )
        proto.bool_val.extend(draw(some.lists(some.booleans(), max_size=5)))
    return proto


@some.composite
def _near_tensor(draw, name, rows):
    """What fits an input, or nearly."""
    if not draw(some.integers(0, 9)):
        rows = draw(some.integers(0, 3))
    if name == "image_bytes":
        contents = draw(some.lists(_bytes, min_size=rows, max_size=rows))
        return tf.make_tensor_proto(np.array(contents, object), tf.string)
    shape = (rows, 64, 64, 3) if name == "image" else (rows, 17)
    odd = [-1.0, 255.0, np.nan, np.inf]
    value = draw(some.sampled_from([0.0, 0.25, 0.5, 1.0] * 3 + odd))
    kind = draw(some.sampled_from(["float32"] * 9 + ["float64", "int32"]))
    with np.errstate(invalid="ignore"):
        return tf.make_tensor_proto(np.full(shape, value).astype(kind))


@some.composite
def _near_requests(draw):
    """What can be answered, with a mistake or two in most of them."""
    request = predict_pb2.PredictRequest()
    signature = draw(some.sampled_from(sorted(SIGNATURES)))
    request.model_spec.name = NAME
    request.model_spec.signature_name = signature
    rows = draw(some.integers(1, 3))
    for name in SIGNATURES[signature]:
        request.inputs[name].CopyFrom(draw(_near_tensor(name, rows)))
    mistake = draw(some.integers(0, 9))
    name = draw(some.sampled_from(INPUTS))
    if mistake == 0:
        _fill_spec(draw, request.model_spec)
    elif mistake == 1:
        request.inputs[name].CopyFrom(draw(_wild_tensor()))
    elif mistake == 2:
        request.inputs.pop(name, None)
    elif mistake == 3:
        wanted = some.one_of(some.sampled_from(OUTPUTS), _texts)
        request.output_filter.extend(draw(some.lists(wanted, max_size=3)))
    elif mistake == 4:
        dims = request.inputs[name].tensor_shape.dim
        dims.add(size=draw(_sizes))
    return request


@some.composite
def _wild_requests(draw):
    request = predict_pb2.PredictRequest()
    _fill_spec(draw, request.model_spec)
    names = some.one_of(some.sampled_from(INPUTS), _texts)
    for name in draw(some.lists(names, max_size=4, unique=True)):
        request.inputs[name].CopyFrom(draw(_wild_tensor()))
    request.output_filter.extend(draw(some.lists(_texts, max_size=2)))
    return request


def _fill_spec(draw, spec):
    spec.Clear()
    if not draw(some.integers(0, 19)):
        return  # none at all
    spec.name = draw(some.sampled_from([NAME] * 15 + ["", "é", "x" * 2000]))
    spec.signature_name = draw(
        some.one_of(some.sampled_from(sorted(SIGNATURES)), _texts)
    )
    choice = draw(some.integers(0, 11))
    if choice == 0:
        spec.version.value = draw(_numbers)
    elif choice == 1:
        spec.version_label = draw(_texts)


@some.composite
def _calls(draw):
    """`(method, bytes)`: messages, broken ones, and what is none."""
    kind = draw(some.integers(0, 19))
    if kind < 16:
        requests = _wild_requests() if kind < 3 else _near_requests()
        content = draw(requests).SerializeToString()
        if kind >= 13:
            content = draw(_damaged(some.just(content)))
        return f"{PREDICTION}Predict", content
    method = draw(some.sampled_from(METHODS))
    if kind == 16:
        return method, draw(some.binary(max_size=100))
    message = draw(
        some.sampled_from([
            get_model_metadata_pb2.GetModelMetadataRequest,
            get_model_status_pb2.GetModelStatusRequest,
        ])
    )()  # fmt: skip
    _fill_spec(draw, message.model_spec)
    return method, draw(_damaged(some.just(message.SerializeToString())))


@pytest.fixture(scope="module")
def caller():
    folder = make_exported().saved_model.parent
    limits = {"max_message_mb": 8, "max_image_pixels": 100_000}
    with serving(folder, **limits) as (_, caller):
        yield caller


def _check(caller, method, content):
    call = caller.channel.unary_unary(method)
    try:
        call(content, timeout=60)
    except grpc.RpcError as error:
        code, details = error.code(), error.details()
        if code is Code.INTERNAL:
            assert details.startswith(INTERNAL), details
        else:
            assert code in CLEAN, (code, details)


def _check_alive(caller):
    images = np.full((1, 64, 64, 3), 0.5, np.float32)
    units = np.zeros((1, 17), np.float32)
    request = predict_request({"image": images, "action_units": units})
    assert caller.send_predict(request).code is Code.OK


RELAXED = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def _fuzz(caller, examples, derandomize):
    @settings(max_examples=examples, derandomize=derandomize, **RELAXED)
    @given(_calls())
    def send(call):
        _check(caller, *call)

    send()
    _check_alive(caller)


def test_only_clean_statuses(caller):
    _fuzz(caller, 100, derandomize=True)


@pytest.mark.slow
def test_only_clean_statuses_for_minutes(caller):
    """Also that memory does not grow; `EFGAN_FUZZ_SECONDS` for another time."""
    seconds = float(os.environ.get("EFGAN_FUZZ_SECONDS", LONG_SECONDS))
    _fuzz(caller, 200, derandomize=False)  # what is allocated once
    before, end = _memory(), time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < end:
        _fuzz(caller, 200, derandomize=False)
        rounds += 1
    grown = (_memory() - before) / 2**20
    print(f"{200 * rounds} requests, memory grew by {grown:.0f} MiB")
    assert grown < 300


def _memory():
    """Resident bytes of this process, which is client and server."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
