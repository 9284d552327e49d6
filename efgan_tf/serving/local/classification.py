"""Classify, Regress and MultiInference, which no signature of ours answers.

They take `tf.Example`s and want signatures of their own; for those that only
`Predict` can run, TensorFlow Serving's refusals are repeated here. What it
would answer is UNIMPLEMENTED.
"""

from typing import NoReturn

import grpc
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    model_pb2,
    regression_pb2,
)

from efgan_tf.serving.local.models import Models
from efgan_tf.serving.local.requests import DEFAULT_SIGNATURE
from efgan_tf.serving.local.status import Refused, invalid

_CLASSIFY = "tensorflow/serving/classify"
_REGRESS = "tensorflow/serving/regress"


def classify(
    models: Models,
    request: classification_pb2.ClassificationRequest,
    context: grpc.ServicerContext,
) -> NoReturn:
    """Refuses.

    Raises:
      Refused: always.
    """
    signature = _signature(models, request)
    _check(signature, "classification", most_outputs=2)
    raise _unimplemented("Classify")


def regress(
    models: Models,
    request: regression_pb2.RegressionRequest,
    context: grpc.ServicerContext,
) -> NoReturn:
    """Refuses.

    Raises:
      Refused: always.
    """
    signature = _signature(models, request)
    _check(signature, "regression", most_outputs=1)
    raise _unimplemented("Regress")


def multi_inference(
    models: Models,
    request: inference_pb2.MultiInferenceRequest,
    context: grpc.ServicerContext,
) -> NoReturn:
    """Refuses.

    Raises:
      Refused: always.
    """
    spec = request.tasks[0].model_spec if request.tasks else None
    with models.use(spec or model_pb2.ModelSpec()) as servable:
        signatures = servable.session.signatures
    for task in request.tasks:
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in signatures:
            raise invalid(
                f"Requested signature not found in model graph: {name}"
            )
        if task.method_name == _CLASSIFY:
            _check(signatures[name], "classification", most_outputs=2)
        elif task.method_name == _REGRESS:
            _check(signatures[name], "regression", most_outputs=1)
        else:
            raise Refused(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )
    raise _unimplemented("MultiInference")


def _signature(models, request):
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    with models.use(request.model_spec) as servable:
        if name not in servable.session.signatures:
            raise invalid(f"No signature was found with the name: {name}")
        return servable.session.signatures[name]


def _check(
    signature: meta_graph_pb2.SignatureDef, kind: str, most_outputs: int
) -> None:
    """The checks of `PreProcessClassification` and `PreProcessRegression`."""
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    outputs = len(signature.outputs)
    if not 1 <= outputs <= most_outputs:
        raise invalid(
            "Expected one output Tensor."
            if most_outputs == 1
            else f"Expected one or two output Tensors, found {outputs}"
        )
    if "inputs" not in signature.inputs:
        raise Refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"No {kind} inputs found in SignatureDef: {signature}",
        )


def _unimplemented(method):
    return Refused(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{method} is not implemented by this server; use Predict",
    )
