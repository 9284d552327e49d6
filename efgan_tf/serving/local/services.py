"""TensorFlow Serving's gRPC services, answered from the loaded versions.

Status codes, and the messages that clients act on, are TensorFlow Serving's.
"""

import contextlib
import os
import threading
from collections.abc import Iterator

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from efgan_tf.serving.exported_model import ExportedModel
from efgan_tf.serving.local.requests import (
    RequestError,
    check_images,
    invalid,
    not_found,
)
from efgan_tf.serving.local.versions import Versions
from efgan_tf.trained.remote import tensors

DEFAULT_SIGNATURE = "serving_default"

State = get_model_status_pb2.ModelVersionStatus.State


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other methods are UNIMPLEMENTED.

    As many requests are computed at once as there are cores; the others wait.

    Args:
      name: of the model.
      versions: of the model.
      max_image_pixels: of all encoded images of one request.
    """

    def __init__(self, name: str, versions: Versions, max_image_pixels: int):
        self._name = name
        self._versions = versions
        self._max_image_pixels = max_image_pixels
        self._cores = threading.Semaphore(os.cpu_count() or 1)

    def Predict(
        self,
        request: predict_pb2.PredictRequest,
        context: grpc.ServicerContext,
    ) -> predict_pb2.PredictResponse:
        """Runs a signature."""
        with _answering(context):
            number, model = _find(self._versions, self._name, request)
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            outputs = _output_names(model, name, request.output_filter)
            inputs = _inputs(request)
            if "image_bytes" in inputs:
                _check_encoded(inputs["image_bytes"], self._max_image_pixels)
            with self._free_core(context):
                results = _run(model, name, inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = self._name
        response.model_spec.version.value = number
        response.model_spec.signature_name = name
        for output in outputs:
            value = results[output]
            if value.dtype == object:
                value = value.tolist()
            # Value by value, as TensorFlow Serving does: some clients do not
            # read `tensor_content`.
            tensors.fill(response.outputs[output], value, as_bytes=False)
        return response

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a version."""
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with _answering(context):
            if list(request.metadata_field) != ["signature_def"]:
                raise invalid("the only metadata_field is signature_def")
            number, model = _find(self._versions, self._name, request)
        for name, signature in model.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.model_spec.name = self._name
        response.model_spec.version.value = number
        response.metadata["signature_def"].Pack(signatures)
        return response

    @contextlib.contextmanager
    def _free_core(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Waits for a core, as long as the client does."""
        left = context.time_remaining()
        timeout = None if left is None else max(0.0, left)
        if not self._cores.acquire(timeout=timeout):
            raise RequestError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "the deadline passed while the request waited for its turn",
            )
        try:
            yield
        finally:
            self._cores.release()


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; the other method is UNIMPLEMENTED.

    Args:
      name: of the model.
      versions: of the model.
    """

    def __init__(self, name: str, versions: Versions):
        self._name = name
        self._versions = versions

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The versions that can be asked for or failed, the highest first."""
        response = get_model_status_pb2.GetModelStatusResponse()
        with _answering(context):
            number = _asked_version(request.model_spec, self._name)
            states = self._versions.states()
            if number is not None:
                states = {n: e for n, e in states.items() if n == number}
            if not states:
                raise not_found(f"Could not find that version of {self._name}")
        for version, error in sorted(states.items(), reverse=True):
            status = response.model_version_status.add(
                version=version, state=State.END if error else State.AVAILABLE
            )
            if error:
                status.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                status.status.error_message = error
        return response


@contextlib.contextmanager
def _answering(context: grpc.ServicerContext) -> Iterator[None]:
    """Ends the call with the status of a `RequestError`."""
    try:
        yield
    except RequestError as error:
        context.abort(error.code, str(error))


def _find(versions: Versions, name: str, request) -> tuple[int, ExportedModel]:
    return versions.get(_asked_version(request.model_spec, name))


def _asked_version(spec: model_pb2.ModelSpec, name: str) -> int | None:
    """Number of the version that is asked for; None for the newest."""
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    if spec.HasField("version_label"):
        label = spec.version_label
        raise invalid(f"Unrecognized servable version label: {label}")
    if spec.name != name:
        raise not_found(f"Servable not found for request: Latest({spec.name})")
    return spec.version.value if spec.HasField("version") else None


def _output_names(model: ExportedModel, signature: str, names) -> list[str]:
    if signature not in model.signatures:
        raise RequestError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{signature}" not found.',
        )
    known = sorted(model.signatures[signature].outputs)
    if len(set(names)) != len(names) or not set(names) <= set(known):
        raise invalid(
            f"output_filter must name different ones of {', '.join(known)}"
        )
    return list(names) or known


def _inputs(request: predict_pb2.PredictRequest) -> dict[str, tensors.Values]:
    inputs = {}
    for name, proto in request.inputs.items():
        try:
            inputs[name] = tensors.from_proto(proto)
        except ValueError as error:
            raise invalid(f"tensor parsing error: {name}: {error}") from error
    return inputs


def _check_encoded(images: tensors.Values, max_pixels: int) -> None:
    if not isinstance(images, np.ndarray):  # or the signature refuses it
        check_images(images, max_pixels)


def _run(
    model: ExportedModel, signature: str, inputs: dict[str, tensors.Values]
) -> dict[str, np.ndarray]:
    try:
        return model.run(signature, inputs)
    except ValueError as error:
        raise invalid(str(error)) from error
    except tf.errors.OpError as error:
        raise RequestError(error.error_code, error.message) from error
