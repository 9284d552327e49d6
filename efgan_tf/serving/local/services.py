"""TensorFlow Serving's gRPC services, answered from the loaded models."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import message
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2,
    predict_pb2,
    prediction_service_pb2,
)

from efgan_tf.serving.local import requests, tensors
from efgan_tf.serving.local.models import Models
from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.status import Refused, invalid

PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name[
    "PredictionService"
]
MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"]

_LARGEST_TIMEOUT = 2**31 - 1


class Predictor:
    """Answers predict requests.

    Args:
      models: what is served.
      max_bytes: of one input's values.
    """

    def __init__(self, models: Models, max_bytes: int):
        self._models = models
        self._max_bytes = max_bytes

    def predict(
        self,
        request: predict_pb2.PredictRequest,
        context: grpc.ServicerContext | None = None,
    ) -> predict_pb2.PredictResponse:
        """Runs a signature of the model that the request names."""
        _check_spec(request)
        with self._models.use(request.model_spec) as servable:
            return self.run(request, servable, _timeout_ms(context))

    def run(
        self,
        request: predict_pb2.PredictRequest,
        servable: Servable,
        timeout_ms: int,
    ) -> predict_pb2.PredictResponse:
        """Runs a signature of this model, whatever the request names."""
        call = requests.prepare(
            request, servable.session.signatures, self._max_bytes
        )
        results = servable.session.run(
            call.feeds, list(call.outputs.values()), timeout_ms
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.model_spec.signature_name = call.signature_name
        for alias, result in zip(call.outputs, results, strict=True):
            tensors.encode(result, response.outputs[alias])
        return response


def get_model_metadata(
    models: Models, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a model."""
    if not request.metadata_field:
        raise invalid(
            "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in request.metadata_field:
        if field != "signature_def":
            raise invalid(f"Metadata field {field} is not supported")
    _check_spec(request)
    with models.use(request.model_spec) as servable:
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, signature in servable.session.signatures.items():
            signatures.signature_def[key].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def get_model_status(
    models: Models, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """States of a model's versions, the highest first; labels are ignored."""
    _check_spec(request)
    spec = request.model_spec
    statuses = models.statuses(spec.name)
    if spec.HasField("version"):
        version = spec.version.value
        statuses = {v: s for v, s in statuses.items() if v == version}
        missing = f"version {version}"
    else:
        missing = "any versions"
    if not statuses:
        raise Refused(
            grpc.StatusCode.NOT_FOUND,
            f"Could not find {missing} of model {spec.name}",
        )
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, status in sorted(statuses.items(), reverse=True):
        told = response.model_version_status.add(
            version=version, state=status.state
        )
        told.status.error_code = status.code
        told.status.error_message = status.error
    return response


def _check_spec(request):
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def _timeout_ms(context):
    """What is left of the client's deadline; 0 where it has none."""
    left = context.time_remaining() if context else None
    if left is None:
        return 0
    return min(max(1, int(left * 1000)), _LARGEST_TIMEOUT)


def handler(
    service: ServiceDescriptor,
    methods: dict[str, Callable[[Any, grpc.ServicerContext], message.Message]],
) -> grpc.GenericRpcHandler:
    """A gRPC service made of functions; what has none is UNIMPLEMENTED.

    Args:
      service: its description.
      methods: name → function of a request and the call's context, which
        returns the reply or raises `Refused`.
    """
    return grpc.method_handlers_generic_handler(
        service.full_name,
        {
            method.name: _method_handler(method, methods[method.name])
            for method in service.methods
            if method.name in methods
        },
    )


def _method_handler(method: MethodDescriptor, function):
    request_class = GetMessageClass(method.input_type)

    def handle(content: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            request = request_class.FromString(content)
            return function(request, context).SerializeToString()
        except message.DecodeError as error:
            # The code that gRPC has for it in every language.
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        except Refused as refusal:
            context.abort(refusal.code, refusal.message)

    # No (de)serializers: what is no message is told by us, not logged as a bug.
    return grpc.unary_unary_rpc_method_handler(handle)
