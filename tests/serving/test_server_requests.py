"""The local server answers requests and faults as TensorFlow Serving does."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.editing.conftest import make_exported, make_forms, random_faces
from tests.serving.servers import NAME, Code, predict_request, serving


@pytest.fixture(scope="module")
def caller():
    folder = make_exported().saved_model.parent
    with serving(folder, version_labels=("stable=1",)) as (_, caller):
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
    # Measured: at most 4e-6, as of the session alone.
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
        ({"version_label": "stable"}, "serving_default"),
    ],
)
def test_the_reply_says_what_answered(caller, spec, signature):
    assert caller.predict(_inputs(), **spec).spec == (NAME, 1, signature)


def test_output_filter(caller):
    everything = caller.predict(_inputs(), "stages")
    assert set(everything.outputs) == {"image", "stages", "attention"}
    one = caller.predict(_inputs(), "stages", output_filter=["attention"])
    assert set(one.outputs) == {"attention"}
    np.testing.assert_allclose(
        one.outputs["attention"], everything.outputs["attention"], atol=1e-6
    )
    two = caller.predict(_inputs(), "stages", output_filter=["stages", "image"])
    assert set(two.outputs) == {"stages", "image"}


def test_every_way_to_write_a_tensor_is_read(caller):
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
    # The last value is repeated, and what is beyond the shape left out.
    for values in ([2.0], [2.0] * 40):
        request.inputs["action_units"].ClearField("float_val")
        request.inputs["action_units"].float_val.extend(values)
        twos = {**inputs, "action_units": np.full((2, 17), 2, np.float32)}
        np.testing.assert_array_equal(
            caller.send_predict(request).outputs["image"],
            caller.predict(twos).outputs["image"],
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
        ({"version": -1}, Code.NOT_FOUND,
         "Servable not found for request: Specific(efgan, -1)"),
        ({"version_label": "canary"}, Code.INVALID_ARGUMENT,
         "Unrecognized servable version label: canary"),
        ({"name": "other", "version_label": "stable"}, Code.INVALID_ARGUMENT,
         "Unrecognized servable version label: stable"),
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
        (caller.prediction.Classify,
         classification_pb2.ClassificationRequest()),
        (caller.model.GetModelStatus,
         get_model_status_pb2.GetModelStatusRequest()),
        (caller.prediction.GetModelMetadata,
         get_model_metadata_pb2.GetModelMetadataRequest()),
    ]:  # fmt: skip
        answer = caller.send(method, request)
        assert answer.code is Code.INVALID_ARGUMENT
        assert answer.details == "Missing ModelSpec"


_ONE = np.zeros((1, 64, 64, 3), np.float32)
_UNITS = np.zeros((1, 17), np.float32)


@pytest.mark.parametrize(
    ("inputs", "details"),
    [
        ({"image": _ONE},
         "input size does not match signature: 1!=2 len({image}) != "
         "len({action_units,image}). Sent extra: {}. Missing but required: "
         "{action_units}."),
        ({"image": _ONE, "action_units": _UNITS, "b": _UNITS, "a": _UNITS},
         "input size does not match signature: 4!=2 len({a,action_units,b,"
         "image}) != len({action_units,image}). Sent extra: {a,b}. Missing "
         "but required: {}."),
        ({"image": _ONE, "aus": _UNITS},
         "Signature input alias: action_units(feed name: "
         "serving_default_action_units:0) not found in request and no default "
         "value provided. Inputs expected to be in the request {aus,image}, "
         "or default input alias set: "),
        ({"image": _ONE.astype("float64"), "action_units": _UNITS},
         "Expects arg[1] to be float but double is provided"),
        ({"image": _ONE, "action_units": np.array([b"x"])},
         "Expects arg[0] to be float but string is provided"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_the_signature(caller, inputs, details):
    answer = caller.predict(inputs)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details == details


@pytest.mark.parametrize(
    ("change", "details"),
    [
        (lambda x: {"image": x["image"][:, :32]}, "not compatible"),
        (lambda x: {"image": x["image"][0]}, "not compatible"),
        (lambda x: {"image": np.float32(0)}, "not compatible"),
        (lambda x: {"action_units": x["action_units"][:, :3]},
         "not compatible"),
        (lambda x: {"action_units": x["action_units"][:1]},
         "image and action_units differ in their batch"),
        (lambda x: {k: v[:0] for k, v in x.items()}, "the batch is empty"),
        (lambda x: {"image": x["image"] * np.float32("nan")}, "image must be"),
        (lambda x: {"image": x["image"] * 255}, "image must be"),
        (lambda x: {"action_units": x["action_units"] + np.float32("inf")},
         "action_units must be finite and within 0 and 5"),
        (lambda x: {"action_units": x["action_units"] + 5},
         "action_units must"),
        (lambda x: {"action_units": -x["action_units"]}, "action_units must"),
    ],
)  # fmt: skip
def test_values_that_the_graph_refuses(caller, change, details):
    inputs = _inputs(2)
    answer = caller.predict({**inputs, **change(inputs)})
    assert answer.code is Code.INVALID_ARGUMENT
    assert details in answer.details
    assert caller.predict(inputs).code is Code.OK


def _broken(name, change):
    request = predict_request(_inputs())
    change(request.inputs[name])
    return request


@pytest.mark.parametrize(
    "change",
    [
        lambda proto: proto.ClearField("dtype"),
        lambda proto: setattr(proto, "dtype", 4711),
        lambda proto: setattr(proto, "dtype", 20),  # a resource
        lambda proto: setattr(proto, "tensor_content", b"12345"),
        lambda proto: setattr(proto.tensor_shape, "unknown_rank", True),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", -1),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", 2),
        lambda proto: proto.tensor_shape.dim.extend(
            [proto.tensor_shape.dim[1]] * 300
        ),
    ],
)
def test_what_is_no_tensor(caller, change):
    answer = caller.send_predict(_broken("image", change))
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details == "tensor parsing error: image"


@pytest.mark.parametrize("content", [bytes(17 * 16), b""])
def test_every_type_but_the_right_one_is_refused(caller, content):
    for number in types_pb2.DataType.values():
        request = predict_request(_inputs())
        proto = request.inputs["action_units"]
        proto.dtype = number
        size = tf.dtypes.as_dtype(number).size if number else 1
        proto.tensor_content = content[: 17 * (size or 1)]
        answer = caller.send_predict(request)
        right = number == types_pb2.DT_FLOAT
        assert answer.code is (Code.OK if right else Code.INVALID_ARGUMENT)


def test_a_few_bytes_cannot_claim_gigabytes(caller):
    request = predict_request(_inputs())
    request.inputs["image"].Clear()
    request.inputs["image"].dtype = 1
    request.inputs["image"].float_val.append(0)
    for size in (2**20, 64, 64, 3):
        request.inputs["image"].tensor_shape.dim.add(size=size)
    answer = caller.send_predict(request)
    assert answer.details == "tensor parsing error: image"


@pytest.mark.parametrize(
    ("wanted", "details"),
    [
        (["image", "q"],
         "output tensor alias not found in signature: q Outputs expected to "
         "be in the set {attention,image,stages}."),
        (["image", "image"], "duplicate output tensor alias: image"),
    ],
)  # fmt: skip
def test_a_wrong_output_filter(caller, wanted, details):
    answer = caller.predict(_inputs(), "stages", output_filter=wanted)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details == details


def test_a_long_message_is_cut_as_the_server_does(caller):
    inputs = {**_inputs(), "x" * 5000: _UNITS}
    details = caller.predict(inputs).details
    assert len(details) == 1024 + len("...TRUNCATED")
    assert details.endswith("xxx...TRUNCATED")


def test_a_request_that_is_no_message(caller):
    send = caller.channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict"
    )
    with pytest.raises(grpc.RpcError) as caught:
        send(b"\xff\xff\xff", timeout=60)
    assert caught.value.code() is Code.INTERNAL
    assert "tensorflow.serving.PredictRequest" in caught.value.details()


def test_the_service_of_sessions_is_not_there(caller):
    send = caller.channel.unary_unary(
        "/tensorflow.serving.SessionService/SessionRun"
    )
    with pytest.raises(grpc.RpcError) as caught:
        send(b"", timeout=60)
    assert caught.value.code() is Code.UNIMPLEMENTED


def test_metadata_tells_the_signatures(caller):
    answer = caller.metadata("signature_def")
    message = answer.message
    assert message.model_spec.version.value == 1
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert message.metadata["signature_def"].Unpack(signatures)
    image = signatures.signature_def["edit_from"].inputs["image"]
    assert [dim.size for dim in image.tensor_shape.dim] == [-1, 64, 64, 3]
    assert image.dtype == tf.float32.as_datatype_enum


@pytest.mark.parametrize(
    ("fields", "spec", "code", "details"),
    [
        ([], {}, Code.INVALID_ARGUMENT,
         "GetModelMetadataRequest must specify at least one metadata_field"),
        (["signature_def", "x"], {}, Code.INVALID_ARGUMENT,
         "Metadata field x is not supported"),
        (["signature_def"], {"name": "other"}, Code.NOT_FOUND,
         "Servable not found for request: Latest(other)"),
    ],
)  # fmt: skip
def test_metadata_that_there_is_not(caller, fields, spec, code, details):
    answer = caller.metadata(*fields, **spec)
    assert (answer.code, answer.details) == (code, details)


def test_status(caller):
    assert caller.states() == [(1, "AVAILABLE")]
    (status,) = caller.status(1).message.model_version_status
    assert (status.status.error_code, status.status.error_message) == (0, "")
    # Labels are ignored, known or not.
    assert caller.status(version_label="nope").code is Code.OK
    for spec, details in [
        ({"name": "other"}, "Could not find any versions of model other"),
        ({"version": 7}, "Could not find version 7 of model efgan"),
    ]:
        answer = caller.status(**spec)
        assert (answer.code, answer.details) == (Code.NOT_FOUND, details)


def _example_request(kind, signature):
    request = kind()
    request.model_spec.name = NAME
    request.model_spec.signature_name = signature
    return request


@pytest.mark.parametrize(
    ("signature", "code", "details"),
    [
        ("", Code.INVALID_ARGUMENT, "Expected one input Tensor."),
        ("nope", Code.INVALID_ARGUMENT,
         "No signature was found with the name: nope"),
        ("estimate", Code.FAILED_PRECONDITION, "inputs found in SignatureDef"),
    ],
)  # fmt: skip
def test_classify_and_regress(caller, signature, code, details):
    for method, kind in [
        (caller.prediction.Classify, classification_pb2.ClassificationRequest),
        (caller.prediction.Regress, regression_pb2.RegressionRequest),
    ]:
        answer = caller.send(method, _example_request(kind, signature))
        assert answer.code is code and details in answer.details


def test_multi_inference(caller):
    request = inference_pb2.MultiInferenceRequest()
    answer = caller.send(caller.prediction.MultiInference, request)
    assert answer.details == "ModelSpec has no name specified."
    task = request.tasks.add(method_name="tensorflow/serving/predict")
    task.model_spec.name = NAME
    answer = caller.send(caller.prediction.MultiInference, request)
    assert answer.code is Code.UNIMPLEMENTED
    assert answer.details == (
        "Unsupported signature method_name: tensorflow/serving/predict"
    )
    task.method_name = "tensorflow/serving/regress"
    answer = caller.send(caller.prediction.MultiInference, request)
    assert answer.details == "Expected one input Tensor."


def test_reload_takes_lists_only(caller):
    request = model_management_pb2.ReloadConfigRequest()
    answer = caller.send(caller.model.HandleReloadConfigRequest, request)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.details == (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. "
        "Only ModelConfigList is currently supported"
    )
