"""The local server: answers, and the status code of every fault."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from efgan_tf.serving.local.server import HEALTH_NAMES
from tests.serving.servers import NAME, Code, predict_request, serving
from tests.trained.conftest import make_exported, make_forms, random_faces


@pytest.fixture(scope="module")
def caller():
    with serving(make_exported().saved_model.parent) as (_, caller):
        yield caller


def _inputs(count=1):
    images, _, units = random_faces(count)
    return {"image": (images + 1) / 2, "action_units": units}


def test_predict_answers_as_the_run_does(caller):
    inputs = _inputs(3)
    answer = caller.predict(inputs)
    model = make_forms()["run"]
    images = inputs["image"] * 2 - 1
    edits = model.edit(images, model.estimate(images), inputs["action_units"])
    # Measured: at most 4e-6.
    np.testing.assert_allclose(
        answer.outputs["image"],
        (edits.images[:, -1] + 1) / 2,
        rtol=0,
        atol=2e-5,
    )
    # Not in `tensor_content`, which some clients do not read.
    image = answer.message.outputs["image"]
    assert len(image.float_val) == 3 * 64 * 64 * 3 and not image.tensor_content


@pytest.mark.parametrize(
    ("spec", "signature"),
    [
        ({}, "serving_default"),
        ({"signature": "serving_default"}, "serving_default"),
        ({"signature": "stages"}, "stages"),
        ({"version": 1}, "serving_default"),
    ],
)
def test_the_reply_says_what_answered(caller, spec, signature):
    assert caller.predict(_inputs(), **spec).spec == (NAME, 1, signature)


def test_output_filter(caller):
    everything = caller.predict(_inputs(), "stages")
    assert set(everything.outputs) == {"image", "stages", "attention"}
    one = caller.predict(_inputs(), "stages", output_filter=["attention"])
    assert set(one.outputs) == {"attention"}
    np.testing.assert_array_equal(
        one.outputs["attention"], everything.outputs["attention"]
    )
    for wrong in (["image", "q"], ["image", "image"]):
        answer = caller.predict(_inputs(), "stages", output_filter=wrong)
        assert answer.code is Code.INVALID_ARGUMENT


def test_both_ways_to_write_a_tensor_are_read(caller):
    inputs = _inputs(2)
    plain = caller.predict(inputs).outputs["image"]
    request = predict_request(inputs)
    for name, value in inputs.items():
        proto = request.inputs[name]
        proto.ClearField("tensor_content")
        proto.float_val.extend(value.ravel().tolist())
    np.testing.assert_array_equal(
        caller.send_predict(request).outputs["image"], plain
    )


@pytest.mark.parametrize(
    ("spec", "code", "details"),
    [
        ({"name": ""}, Code.INVALID_ARGUMENT,
         "ModelSpec has no name specified."),
        ({"name": "other"}, Code.NOT_FOUND,
         "Servable not found for request: Latest(other)"),
        ({"version": 9}, Code.NOT_FOUND,
         "Servable not found for request: Specific(efgan, 9)"),
        # A version of its own, and not the latest.
        ({"version": 0}, Code.NOT_FOUND,
         "Servable not found for request: Specific(efgan, 0)"),
        ({"version_label": "canary"}, Code.INVALID_ARGUMENT,
         "Unrecognized servable version label: canary"),
        ({"signature": "nope"}, Code.FAILED_PRECONDITION,
         'Serving signature key "nope" not found.'),
    ],
)  # fmt: skip
def test_a_wrong_model_spec(caller, spec, code, details):
    answer = caller.predict(_inputs(), **spec)
    assert (answer.code, answer.details) == (code, details)


def test_a_missing_model_spec(caller):
    for method, request in [
        (caller.prediction.Predict, predict_pb2.PredictRequest()),
        (caller.model.GetModelStatus,
         get_model_status_pb2.GetModelStatusRequest()),
        (caller.prediction.GetModelMetadata,
         get_model_metadata_pb2.GetModelMetadataRequest(
             metadata_field=["signature_def"])),
    ]:  # fmt: skip
        assert caller.send(method, request).code is Code.INVALID_ARGUMENT


_UNITS = np.zeros((1, 17), np.float32)


@pytest.mark.parametrize(
    ("change", "details"),
    [
        (lambda x: {"action_units": None}, "the inputs are image; "),
        (lambda x: {"units": _UNITS}, "action_units, image, units; "),
        (lambda x: {"image": x["image"].astype("float64")}, "got type 2"),
        (lambda x: {"action_units": np.array([b"x", b"y"])}, "not string"),
        (lambda x: {"image": x["image"][:, :32]}, "not compatible"),
        (lambda x: {"action_units": x["action_units"][:1]},
         "image and action_units differ in their batch"),
        (lambda x: {k: v[:0] for k, v in x.items()}, "the batch is empty"),
        (lambda x: {"image": x["image"] * np.float32("nan")}, "image must be"),
    ],
)  # fmt: skip
def test_inputs_that_are_refused(caller, change, details):
    inputs = _inputs(2)
    changed = {**inputs, **change(inputs)}
    answer = caller.predict({k: v for k, v in changed.items() if v is not None})
    assert answer.code is Code.INVALID_ARGUMENT
    assert details in answer.details
    assert caller.predict(inputs).code is Code.OK


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
def test_what_is_no_tensor(caller, change):
    request = predict_request(_inputs())
    change(request.inputs["image"])
    answer = caller.send_predict(request)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details.startswith("tensor parsing error: image: ")


def test_every_type_but_the_right_one_is_refused(caller):
    for number in types_pb2.DataType.values():
        request = predict_request(_inputs())
        proto = request.inputs["action_units"]
        proto.dtype = number
        size = tf.dtypes.as_dtype(number).size if number else 1
        proto.tensor_content = bytes(17 * (size or 1))
        answer = caller.send_predict(request)
        right = number == types_pb2.DT_FLOAT
        assert answer.code is (Code.OK if right else Code.INVALID_ARGUMENT)


def test_a_long_message_is_cut(caller):
    """Longer ones than gRPC sends would become another status."""
    answer = caller.predict({**_inputs(), "x" * 50_000: _UNITS})
    assert answer.code is Code.INVALID_ARGUMENT
    assert len(answer.details) == 1024


def test_a_request_that_is_no_message(caller):
    send = caller.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict"
    )
    with pytest.raises(grpc.RpcError) as caught:
        send(b"\xff\xff\xff", timeout=60)
    assert caught.value.code() is Code.INTERNAL


def test_other_methods_are_not_implemented(caller):
    request = classification_pb2.ClassificationRequest()
    answer = caller.send(caller.prediction.Classify, request)
    assert answer.code is Code.UNIMPLEMENTED


def test_metadata_has_the_signatures(caller):
    message = caller.metadata("signature_def").message
    assert message.model_spec.version.value == 1
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert message.metadata["signature_def"].Unpack(signatures)
    image = signatures.signature_def["edit_from"].inputs["image"]
    assert [dim.size for dim in image.tensor_shape.dim] == [-1, 64, 64, 3]
    assert image.dtype == tf.float32.as_datatype_enum


@pytest.mark.parametrize(
    ("fields", "spec", "code"),
    [
        ([], {}, Code.INVALID_ARGUMENT),
        (["signature_def", "x"], {}, Code.INVALID_ARGUMENT),
        (["signature_def"], {"name": "other"}, Code.NOT_FOUND),
    ],
)
def test_metadata_that_there_is_not(caller, fields, spec, code):
    assert caller.metadata(*fields, **spec).code is code


def test_status(caller):
    assert caller.states() == [(1, "AVAILABLE")]
    (status,) = caller.status(1).message.model_version_status
    assert (status.status.error_code, status.status.error_message) == (0, "")
    for spec in ({"name": "other"}, {"version": 7}):
        assert caller.status(**spec).code is Code.NOT_FOUND


def test_health(caller):
    stub = health_pb2_grpc.HealthStub(caller.channel)
    for name in HEALTH_NAMES:
        reply = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="efgan"))
    assert caught.value.code() is Code.NOT_FOUND
