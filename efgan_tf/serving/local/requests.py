"""A predict request made ready to run, checked as TensorFlow Serving does.

Order, codes and words of the checks are those of its `RunPredict`.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import grpc
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from efgan_tf.serving.local import tensors
from efgan_tf.serving.local.status import Refused, invalid

DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Call:
    """What is to be computed.

    Attributes:
      signature_name: that was asked for, or the default one.
      inputs: alias in the signature → value.
      feeds: name in the graph → value.
      outputs: alias in the signature → name in the graph.
    """

    signature_name: str
    inputs: dict[str, np.ndarray]
    feeds: dict[str, np.ndarray]
    outputs: dict[str, str]


def prepare(
    request: predict_pb2.PredictRequest,
    signatures: Mapping[str, meta_graph_pb2.SignatureDef],
    max_bytes: int,
) -> Call:
    """Makes a request ready.

    Args:
      request: what was asked.
      signatures: of the model by their keys.
      max_bytes: of one input's values.

    Raises:
      Refused: it does not fit the signature.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise Refused(
            grpc.StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{name}" not found.',
        )
    signature = signatures[name]
    _check_count(request, signature)
    inputs = {
        alias: _input(request, signature, alias, max_bytes)
        for alias in sorted(signature.inputs)
    }
    return Call(
        signature_name=name,
        inputs=inputs,
        feeds={
            signature.inputs[alias].name: value
            for alias, value in inputs.items()
        },
        outputs=_outputs(request.output_filter, signature),
    )


def _check_count(request, signature):
    sent, wanted = len(request.inputs), len(signature.inputs)
    if sent > wanted or (sent < wanted and not signature.defaults):
        given, required = set(request.inputs), set(signature.inputs)
        raise invalid(
            f"input size does not match signature: {sent}!={wanted} "
            f"len({_set(given)}) != len({_set(required)}). "
            f"Sent extra: {_set(given - required)}. "
            f"Missing but required: {_set(required - given)}."
        )


def _input(request, signature, alias, max_bytes):
    if alias in request.inputs:
        proto = request.inputs[alias]
    elif alias in signature.defaults:
        proto = signature.defaults[alias]
    else:
        raise invalid(
            f"Signature input alias: {alias}(feed name: "
            f"{signature.inputs[alias].name}) not found in request and no "
            "default value provided. Inputs expected to be in the request "
            f"{_set(request.inputs)}, or default input alias set: "
            f"{','.join(sorted(signature.defaults))}"
        )
    return tensors.decode(proto, alias, max_bytes)


def _outputs(wanted, signature):
    outputs = {}
    for alias in wanted:
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} "
                "Outputs expected to be in the set "
                f"{_set(signature.outputs)}."
            )
        if alias in outputs:
            raise invalid(f"duplicate output tensor alias: {alias}")
        outputs[alias] = signature.outputs[alias].name
    return outputs or {
        alias: signature.outputs[alias].name
        for alias in sorted(signature.outputs)
    }


def _set(names: Iterable[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"
