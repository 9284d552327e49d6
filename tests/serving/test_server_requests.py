"""The local server: answers, and the status code of every fault."""

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from efgan_tf.serving.local.server import HEALTH_NAMES
from tests.serving.servers import NAME, Code, calling, predict_request
from tests.trained.conftest import encoded, public_faces


@pytest.fixture(scope="module")
def caller(served):
    with calling(served.address) as caller:
        yield caller


def _inputs(count=1):
    images, _, units = public_faces(count)
    return {"image": images, "action_units": units}


def test_output_filter(caller):
    everything = caller.predict(_inputs(), "stages", version=1)
    assert everything.spec == (NAME, 1, "stages")
    assert set(everything.outputs) == {"image", "stages", "attention"}
    # Not in `tensor_content`, which some clients do not read.
    image = everything.message.outputs["image"]
    assert len(image.float_val) == 64 * 64 * 3 and not image.tensor_content
    one = caller.predict(_inputs(), "stages", output_filter=["attention"])
    assert set(one.outputs) == {"attention"}
    np.testing.assert_array_equal(
        one.outputs["attention"], everything.outputs["attention"]
    )
    for wrong in (["image", "q"], ["image", "image"]):
        answer = caller.predict(_inputs(), "stages", output_filter=wrong)
        assert answer.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"name": ""}, Code.INVALID_ARGUMENT),
        ({"name": "other"}, Code.NOT_FOUND),
        ({"version": 9}, Code.NOT_FOUND),
        # A version of its own, and not the latest.
        ({"version": 0}, Code.NOT_FOUND),
        ({"version_label": "canary"}, Code.INVALID_ARGUMENT),
        ({"signature": "nope"}, Code.FAILED_PRECONDITION),
    ],
)
def test_a_wrong_model_spec(caller, spec, code):
    assert caller.predict(_inputs(), **spec).code is code
    if "signature" not in spec:
        assert caller.status(**spec).code is code


_UNITS = np.zeros((1, 17), np.float32)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: {"action_units": None},
        lambda x: {"units": _UNITS},
        lambda x: {"image": x["image"].astype("float64")},
        lambda x: {"action_units": np.array([b"x", b"y"])},
        lambda x: {"image": x["image"][:, :32]},
        lambda x: {"image": x["image"] * np.float32("nan")},
    ],
)
def test_bad_inputs(caller, change):
    inputs = _inputs(2)
    changed = {**inputs, **change(inputs)}
    answer = caller.predict({k: v for k, v in changed.items() if v is not None})
    assert answer.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "change",
    [
        lambda proto: proto.ClearField("dtype"),
        lambda proto: setattr(proto, "dtype", 4711),
        lambda proto: setattr(proto, "tensor_content", b"12345"),
        lambda proto: setattr(proto.tensor_shape, "unknown_rank", True),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", -1),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", 2),
        # A few bytes that claim gigabytes.
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", 2**40),
        lambda proto: proto.tensor_shape.dim.extend(
            [proto.tensor_shape.dim[1]] * 300
        ),
    ],
)
def test_malformed_tensors(caller, change):
    request = predict_request(_inputs())
    change(request.inputs["image"])
    answer = caller.send_predict(request)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details.startswith("tensor parsing error: image: ")


def test_a_long_message_is_cut(caller):
    """Longer ones than gRPC sends would become another status."""
    answer = caller.predict({**_inputs(), "x" * 50_000: _UNITS})
    assert answer.code is Code.INVALID_ARGUMENT
    assert len(answer.details) == 1024


def test_damaged_requests_get_a_clean_status(caller):
    """Bytes replaced, left out or added, anywhere in a good request."""
    face = encoded(np.full((64, 64, 3), 128, np.uint8))
    inputs = {"image_bytes": np.array([face], object), "action_units": _UNITS}
    good = predict_request(inputs, "edit_bytes").SerializeToString()
    send = caller.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict"
    )
    rng = np.random.default_rng(0)
    codes = set()
    for _ in range(150):
        at, length, put = rng.integers(0, (len(good), 9, 9))
        damaged = good[:at] + rng.bytes(put) + good[at + length :]
        try:
            send(damaged, timeout=60)
        except grpc.RpcError as error:
            code = error.code()
            if code is Code.INTERNAL:  # for bytes that are no message
                assert "deserializing request" in error.details()
            else:
                codes.add(code)
    assert codes <= {
        Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.FAILED_PRECONDITION,
    }  # fmt: skip
    assert Code.INVALID_ARGUMENT in codes
    assert caller.predict(inputs, "edit_bytes").code is Code.OK


def test_metadata_is_that_of_the_signatures(caller):
    for fields in [], ["signature_def", "x"]:
        assert caller.metadata(*fields).code is Code.INVALID_ARGUMENT
    assert caller.metadata("signature_def", name="x").code is Code.NOT_FOUND


def test_health(caller):
    stub = health_pb2_grpc.HealthStub(caller.channel)
    for name in HEALTH_NAMES:
        reply = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
