"""Servers and clients that the tests of the local server share."""

import contextlib
import dataclasses
import functools
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from efgan_tf.serving.local.server import LocalServer
from efgan_tf.serving.local.settings import (
    BatchingConfig,
    LimitsConfig,
    ServeConfig,
)

NAME = "efgan"
Code = grpc.StatusCode


class _Counting(tf.Module):
    """Says which version it is; slow, strict or of odd shapes where asked."""

    def __init__(self, version):
        super().__init__()
        self._version = tf.Variable(float(version))

    @tf.function(input_signature=[tf.TensorSpec((None,), name="x")])
    def tell(self, x):
        return {"y": x + self._version, "twice": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec((None,), name="x")])
    def loop(self, x):
        """Takes as many steps as the largest `x` says."""
        steps = tf.while_loop(
            lambda step: step < tf.reduce_max(x), lambda s: (s + 1,), (0.0,)
        )[0]
        return {"y": x + self._version + 0 * steps}

    @tf.function(input_signature=[tf.TensorSpec(None, name="x")])
    def strict(self, x):
        check = tf.debugging.Assert(tf.reduce_all(x >= 0), ["x is negative"])
        with tf.control_dependencies([check]):
            return {"y": x + self._version, "sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec(None, name="x")])
    def odd(self, x):
        return {"y": tf.zeros(7) + tf.reduce_sum(x)}


@functools.cache
def _counting_functions():
    """Traced once: the variable is found when a version is saved."""
    module = _Counting(0)
    return module, {
        "serving_default": module.tell,
        "loop": module.loop,
        "strict": module.strict,
        "odd": module.odd,
    }


def write_version(folder: Path, version: int) -> Path:
    """Writes a model that adds its version to `x`."""
    module, functions = _counting_functions()
    module._version.assign(float(version))
    path = folder / str(version)
    tf.saved_model.save(module, str(path), signatures=functions)
    return path


def predict_request(inputs, signature="", version=None, **changes):
    """A request for `NAME`; `changes` are fields of the model's spec."""
    request = predict_pb2.PredictRequest()
    spec = {"name": NAME, "signature_name": signature, **changes}
    for field, value in spec.items():
        setattr(request.model_spec, field, value)
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: outputs and spec, or a status and its words."""

    code: grpc.StatusCode
    details: str = ""
    outputs: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spec: tuple = ()
    message: object = None


class Caller:
    """A client of one server that gives statuses back instead of raising."""

    def __init__(self, channel: grpc.Channel):
        self.channel = channel
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(
            channel
        )
        self.model = model_service_pb2_grpc.ModelServiceStub(channel)

    def send(self, method, request, timeout=60) -> Answer:
        try:
            return Answer(Code.OK, message=method(request, timeout=timeout))
        except grpc.RpcError as error:
            return Answer(error.code(), error.details())

    def predict(self, inputs, *arguments, timeout=60, **changes) -> Answer:
        filtered = changes.pop("output_filter", ())
        request = predict_request(inputs, *arguments, **changes)
        request.output_filter.extend(filtered)
        return self.send_predict(request, timeout)

    def send_predict(self, request, timeout=60) -> Answer:
        answer = self.send(self.prediction.Predict, request, timeout)
        if answer.code is not Code.OK:
            return answer
        spec = answer.message.model_spec
        outputs = answer.message.outputs
        return dataclasses.replace(
            answer,
            outputs={k: tf.make_ndarray(outputs[k]) for k in outputs},
            spec=(spec.name, spec.version.value, spec.signature_name),
        )

    def metadata(self, *fields, **spec) -> Answer:
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.metadata_field.extend(fields)
        for field, value in {"name": NAME, **spec}.items():
            setattr(request.model_spec, field, value)
        return self.send(self.prediction.GetModelMetadata, request)

    def status(self, version=None, **spec) -> Answer:
        request = get_model_status_pb2.GetModelStatusRequest()
        for field, value in {"name": NAME, **spec}.items():
            setattr(request.model_spec, field, value)
        if version is not None:
            request.model_spec.version.value = version
        return self.send(self.model.GetModelStatus, request)

    def states(self) -> list[tuple[int, str]]:
        """`[(2, "AVAILABLE"), …]`."""
        kind = get_model_status_pb2.ModelVersionStatus.State
        return [
            (status.version, kind.Name(status.state))
            for status in self.status().message.model_version_status
        ]

    def reload(self, *models) -> Answer:
        """Of `(name, folder, labels)`."""
        request = model_management_pb2.ReloadConfigRequest()
        for name, folder, labels in models:
            model = request.config.model_config_list.config.add(
                name=name, base_path=str(folder), model_platform="tensorflow"
            )
            model.model_version_policy.all.SetInParent()
            model.version_labels.update(labels)
        return self.send(self.model.HandleReloadConfigRequest, request)


@contextlib.contextmanager
def calling(address, credentials=None):
    """A `Caller` of a server anywhere."""
    options = [("grpc.max_receive_message_length", -1)]
    channel = (
        grpc.secure_channel(address, credentials, options)
        if credentials
        else grpc.insecure_channel(address, options)
    )
    with channel:
        yield Caller(channel)


def config(folder, batching=None, limits=None, **options) -> ServeConfig:
    """Options for a server on a free port."""
    if "model_config_file" not in options:
        options = {"model_dir": str(folder), "model_name": NAME, **options}
    return ServeConfig(
        port=0,
        batching=BatchingConfig(**batching or {}),
        limits=LimitsConfig(**limits or {}),
        **{"poll_seconds": 0.05, **options},
    )


@contextlib.contextmanager
def serving(folder, **options):
    """`(server, caller)` of a server in this process."""
    with (
        LocalServer(config(folder, **options)) as server,
        calling(server.address) as caller,
    ):
        yield server, caller
