"""TensorFlow Serving's gRPC services, answered from the loaded models."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf import message
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2,
    prediction_service_pb2,
)

from efgan_tf.serving.local import classification
from efgan_tf.serving.local.model_configs import parse_model_configs
from efgan_tf.serving.local.models import Models
from efgan_tf.serving.local.predicting import Predictor
from efgan_tf.serving.local.status import Refused, invalid

_PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name[
    "PredictionService"
]
_MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"]

# Of the models, a request, and the call.
Method = Callable[[Models, Any, grpc.ServicerContext], message.Message]


def handlers(
    models: Models, predictor: Predictor
) -> list[grpc.GenericRpcHandler]:
    """What a gRPC server needs to answer as TensorFlow Serving."""
    prediction = {
        "Predict": predictor.predict,
        "GetModelMetadata": get_model_metadata,
        "Classify": classification.classify,
        "Regress": classification.regress,
        "MultiInference": classification.multi_inference,
    }
    model = {
        "GetModelStatus": get_model_status,
        "HandleReloadConfigRequest": reload_config,
    }
    return [
        _service(_PREDICTION, prediction, models),
        _service(_MODEL, model, models),
    ]


def get_model_metadata(
    models: Models,
    request: get_model_metadata_pb2.GetModelMetadataRequest,
    context: grpc.ServicerContext,
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a model.

    Raises:
      Refused: no such model, or something else is asked for.
    """
    _check_spec(request)
    if not request.metadata_field:
        raise invalid(
            "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in request.metadata_field:
        if field != "signature_def":
            raise invalid(f"Metadata field {field} is not supported")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    with models.use(request.model_spec) as servable:
        for key, signature in servable.session.signatures.items():
            signatures.signature_def[key].CopyFrom(signature)
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def get_model_status(
    models: Models,
    request: get_model_status_pb2.GetModelStatusRequest,
    context: grpc.ServicerContext,
) -> get_model_status_pb2.GetModelStatusResponse:
    """How a model's versions are, the highest first; labels are ignored.

    Raises:
      Refused: there is no such model or version.
    """
    _check_spec(request)
    spec = request.model_spec
    statuses = models.statuses(spec.name)
    missing = "any versions"
    if spec.HasField("version"):
        version = spec.version.value
        statuses = {v: s for v, s in statuses.items() if v == version}
        missing = f"version {version}"
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


def reload_config(
    models: Models,
    request: model_management_pb2.ReloadConfigRequest,
    context: grpc.ServicerContext,
) -> model_management_pb2.ReloadConfigResponse:
    """Serves other models, or moves labels.

    Raises:
      Refused: the models cannot be served.
    """
    models.reload(parse_model_configs(request.config))
    response = model_management_pb2.ReloadConfigResponse()
    response.status.SetInParent()
    return response


def _check_spec(request):
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def _service(
    service: ServiceDescriptor, methods: Mapping[str, Method], models: Models
) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        service.full_name,
        {
            name: _handler(service.methods_by_name[name], method, models)
            for name, method in methods.items()
        },
    )


def _handler(
    descriptor: MethodDescriptor, method: Method, models: Models
) -> grpc.RpcMethodHandler:
    request_class = GetMessageClass(descriptor.input_type)

    def handle(content: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            request = request_class.FromString(content)
            return method(models, request, context).SerializeToString()
        except message.DecodeError:
            # As the C++ server does; gRPC for Python would log a traceback.
            context.abort(
                grpc.StatusCode.INTERNAL,
                f"the request is no {descriptor.input_type.full_name}",
            )
        except Refused as refusal:
            context.abort(refusal.code, refusal.message)

    return grpc.unary_unary_rpc_method_handler(handle)
