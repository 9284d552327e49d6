"""Requests to a served model, and how their responses are read."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from efgan_tf.trained.remote import protos, tensors
from efgan_tf.trained.remote.connection_settings import NEWEST, ConnectionConfig
from efgan_tf.trained.remote.tensors import Values

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
"""gRPC's paths."""


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One request.

    Attributes:
      method: gRPC's path.
      request: the message to send.
      response: class of the message that comes back.
      read: returns what that message holds; raises ValueError or KeyError
        where it does not hold it.
    """

    method: str
    request: Any
    response: Any
    read: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """What a server says about its model.

    Attributes:
      version: number of the version that answered.
      size: side of the aligned faces in pixels.
      stages: K of the cascade.
      signatures: names of the signatures.
    """

    version: int
    size: int
    stages: int
    signatures: tuple[str, ...]


def predict(
    config: ConnectionConfig,
    signature: str,
    inputs: Mapping[str, Values],
    outputs: Sequence[str] = (),
) -> Call:
    """Calls a signature.

    Args:
      config: which model.
      signature: its name.
      inputs: name → float32 array or byte strings.
      outputs: names of those to return, all by default.

    Returns:
      A call that reads name → array or byte strings.
    """
    request = protos.PredictRequest(model_spec=_spec(config))
    request.model_spec.signature_name = signature
    request.output_filter.extend(outputs)
    for name, values in inputs.items():
        tensors.fill(request.inputs[name], values)
    return Call(PREDICT, request, protos.PredictResponse, _outputs)


def _outputs(response) -> dict[str, Values]:
    return {
        name: tensors.from_proto(proto)
        for name, proto in response.outputs.items()
    }


def edit(
    config: ConnectionConfig,
    images: np.ndarray,
    action_units: np.ndarray,
    source_action_units: np.ndarray | None = None,
) -> Call:
    """Asks for edited faces: float32 `[b, size, size, 3]` in [0, 1]."""
    images = _images(images)
    inputs: dict[str, Values] = {
        "image": images,
        "action_units": _units(action_units, len(images)),
    }
    if source_action_units is None:
        return _only("image", predict(config, "serving_default", inputs))
    inputs["source_action_units"] = _units(source_action_units, len(images))
    return _only("image", predict(config, "edit_from", inputs))


def edit_bytes(
    config: ConnectionConfig, images: Sequence[bytes], action_units: np.ndarray
) -> Call:
    """Asks for PNG files of edited faces."""
    inputs: dict[str, Values] = {
        "image_bytes": list(images),
        "action_units": _units(action_units, len(images)),
    }
    return _only("image_bytes", predict(config, "edit_bytes", inputs))


def estimate(config: ConnectionConfig, images: np.ndarray) -> Call:
    """Asks for the action units of faces: float32 `[b, 17]`, 0–5."""
    inputs = {"image": _images(images)}
    return _only("action_units", predict(config, "estimate", inputs))


def _only(output: str, call: Call) -> Call:
    """A call that reads one of its outputs."""
    return dataclasses.replace(
        call, read=lambda response: call.read(response)[output]
    )


def metadata(config: ConnectionConfig) -> Call:
    """Asks what the model is: a `ServedModel`."""
    request = protos.GetModelMetadataRequest(
        model_spec=_spec(config), metadata_field=["signature_def"]
    )
    return Call(
        METADATA,
        request,
        protos.GetModelMetadataResponse,
        _served_model,
    )


def _served_model(response) -> ServedModel:
    content = response.metadata["signature_def"].value
    signatures = protos.SignatureDefMap.FromString(content).signature_def
    found = {
        key: signature
        for key, signature in signatures.items()
        if not key.startswith("__")  # TensorFlow's own
    }
    if "stages_from" not in found:
        raise ValueError(f"it has the signatures {', '.join(sorted(found))}")
    shape = found["stages_from"].outputs["stages"].tensor_shape
    sides = [dimension.size for dimension in shape.dim]
    if len(sides) != 5 or min(sides[1:]) < 1 or sides[2] != sides[3]:
        raise ValueError(f"its stages have the shape {sides}")
    return ServedModel(
        version=response.model_spec.version.value,
        size=sides[2],
        stages=sides[1],
        signatures=tuple(sorted(found)),
    )


def versions(config: ConnectionConfig) -> Call:
    """Asks for the states of the versions: version → `"AVAILABLE"` etc."""
    request = protos.GetModelStatusRequest(model_spec=_spec(config))
    return Call(
        STATUS,
        request,
        protos.GetModelStatusResponse,
        _states,
    )


def _states(response) -> dict[int, str]:
    messages = protos.GetModelStatusResponse.DESCRIPTOR.file
    status_type = messages.message_types_by_name["ModelVersionStatus"]
    names = status_type.enum_types_by_name["State"].values_by_number
    return {
        status.version: names[status.state].name
        for status in response.model_version_status
    }


def _images(images: np.ndarray) -> np.ndarray:
    """Aligned faces in the form that signatures take.

    Args:
      images: `[b, size, size, 3]`: uint8, or floats in 0–1; the batch axis of
        a single face may be missing.

    Returns:
      float32 `[b, size, size, 3]` in [0, 1].
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[None]
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    return images.astype(np.float32)


def _units(units: np.ndarray, count: int) -> np.ndarray:
    """`[b, 17]` as float32; `[17]` is repeated for all `count` faces."""
    units = np.asarray(units, np.float32)
    if units.ndim == 1:
        return np.tile(units, (count, 1))
    return units


def _spec(config: ConnectionConfig):
    spec = protos.ModelSpec(name=config.model_name)
    if config.version_label:
        spec.version_label = config.version_label
    elif config.model_version != NEWEST:
        spec.version.value = config.model_version
    return spec
