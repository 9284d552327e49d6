"""Servers and clients that the tests of the local server share."""

import contextlib
import dataclasses
import functools
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from efgan_tf.serving.local.serve_settings import ServeConfig
from efgan_tf.serving.local.server import LocalServer

NAME = "efgan"
Code = grpc.StatusCode


class _Adder(tf.Module):
    """Adds its version to `x`, or waits for a file."""

    def __init__(self, version):
        super().__init__()
        self._version = tf.Variable(float(version))

    @tf.function(input_signature=[tf.TensorSpec((None,), name="x")])
    def add(self, x):
        return {"y": x + self._version, "twice": 2 * x}

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.string, name="path")]
    )
    def gate(self, path):
        """Writes `path`.started, and returns once the file has content."""
        started = tf.io.write_file(path[0] + ".started", "")
        with tf.control_dependencies([started]):
            steps = tf.while_loop(
                lambda step: tf.strings.length(tf.io.read_file(path[0])) == 0,
                lambda step: (step + 1,),
                (0,),
            )[0]
        return {"y": self._version[None] + 0 * tf.cast(steps, tf.float32)}


@functools.cache
def _adder():
    """Traced once: the variable is read when a version is saved."""
    module = _Adder(0)
    return module, {
        "serving_default": module.add,
        "gate": module.gate,
    }


def write_version(folder: Path, version: int) -> Path:
    """Writes a model that adds its version to `x`."""
    module, functions = _adder()
    module._version.assign(float(version))
    path = folder / str(version)
    tf.saved_model.save(module, str(path), signatures=functions)
    return path


def _spec(version=None, **fields):
    """The model's spec in a request for `NAME`."""
    if version is not None:
        fields["version"] = {"value": version}
    return {"name": NAME, **fields}


def predict_request(inputs, signature="", version=None, **changes):
    """A request for `NAME`; `changes` are fields of the model's spec."""
    spec = _spec(version, signature_name=signature, **changes)
    request = predict_pb2.PredictRequest(model_spec=spec)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: outputs and spec, or a status and its details."""

    code: grpc.StatusCode
    details: str = ""
    outputs: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spec: tuple = ()
    message: object = None


class Caller:
    """A client of one server that returns statuses instead of raising."""

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
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=_spec(**spec), metadata_field=fields
        )
        return self.send(self.prediction.GetModelMetadata, request)

    def status(self, version=None, **spec) -> Answer:
        request = get_model_status_pb2.GetModelStatusRequest(
            model_spec=_spec(version, **spec)
        )
        return self.send(self.model.GetModelStatus, request)

    def states(self) -> list[tuple[int, str]]:
        """`[(2, "AVAILABLE"), …]`."""
        kind = get_model_status_pb2.ModelVersionStatus.State
        return [
            (status.version, kind.Name(status.state))
            for status in self.status().message.model_version_status
        ]


class Gate:
    """A request that is in flight until `open` is called.

    Args:
      path: of a file that is not there yet.
      caller: sends the request.

    Attributes:
      answer: what came back, after `open`.
    """

    def __init__(self, path: Path, caller: Caller):
        self._path = path
        path.write_text("")
        self.inputs = {"path": np.array([str(path).encode()], object)}
        self._thread = threading.Thread(target=self._ask, args=(caller,))
        self._thread.start()
        while not path.with_name(f"{path.name}.started").exists():
            assert self._thread.is_alive(), self.answer
            time.sleep(0.01)

    def _ask(self, caller):
        self.answer = caller.predict(self.inputs, "gate", timeout=600)

    def open(self) -> Answer:
        self._path.write_text("open")
        self._thread.join()
        return self.answer


@contextlib.contextmanager
def calling(address):
    """A `Caller` of a server anywhere."""
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options) as channel:
        yield Caller(channel)


def config(folder, **options) -> ServeConfig:
    """Options for a server on a free port."""
    return ServeConfig(
        model_dir=str(folder),
        model_name=NAME,
        port=0,
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
