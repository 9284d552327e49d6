"""Questions to a served model, as messages: no connection in here.

A `Call` is one question, ready to be sent, and how to read its answer. Sync and
asyncio clients send the same.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from efgan_tf.serving.remote import protos, tensors
from efgan_tf.serving.remote.settings import NEWEST, ServerConfig

Values = np.ndarray | Sequence[bytes]

_PREDICTION = "/tensorflow.serving.PredictionService"
_MODELS = "/tensorflow.serving.ModelService"


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One question.

    Attributes:
      method: gRPC's path of it.
      request: the message to send.
      answer: class of the message that comes back.
      read: makes of that message what was asked for; raises ValueError or
        KeyError where it does not hold that.
    """

    method: str
    request: Any
    answer: type
    read: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """What a server tells of its model.

    Attributes:
      version: number of the version that answers.
      size: side of the aligned faces in pixels.
      stages: K of the cascade.
      signatures: names of what it can be asked.
    """

    version: int
    size: int
    stages: int
    signatures: tuple[str, ...]


def predict(
    config: ServerConfig,
    signature: str,
    inputs: Mapping[str, Values],
    outputs: Sequence[str] = (),
) -> Call:
    """Asks a signature.

    Args:
      config: which model.
      signature: its name.
      inputs: name → float32 array or byte strings.
      outputs: names of those wanted, all by default.

    Returns:
      Its answer is name → array or byte strings.
    """
    request = protos.PredictRequest(model_spec=_spec(config))
    request.model_spec.signature_name = signature
    request.output_filter.extend(outputs)
    for name, values in inputs.items():
        tensors.fill(request.inputs[name], values)
    return Call(
        f"{_PREDICTION}/Predict", request, protos.PredictResponse, _outputs
    )


def _outputs(answer) -> dict[str, Values]:
    return {
        name: tensors.from_proto(proto)
        for name, proto in answer.outputs.items()
    }


def edit(
    config: ServerConfig,
    images: np.ndarray,
    action_units: np.ndarray,
    source_action_units: np.ndarray | None = None,
) -> Call:
    """Asks for the result alone: float32 `[b, size, size, 3]` in [0, 1]."""
    images = _images(images)
    inputs = {
        "image": images,
        "action_units": _units(action_units, len(images)),
    }
    if source_action_units is None:
        return _pick("image", predict(config, "serving_default", inputs))
    inputs["source_action_units"] = _units(source_action_units, len(images))
    return _pick("image", predict(config, "edit_from", inputs))


def edit_bytes(
    config: ServerConfig, images: Sequence[bytes], action_units: np.ndarray
) -> Call:
    """Asks for PNG files of edited faces."""
    inputs = {
        "image_bytes": list(images),
        "action_units": _units(action_units, len(images)),
    }
    return _pick("image_bytes", predict(config, "edit_bytes", inputs))


def estimate(config: ServerConfig, images: np.ndarray) -> Call:
    """Asks for the units that faces show: float32 `[b, 17]`, 0–5."""
    inputs = {"image": _images(images)}
    return _pick("action_units", predict(config, "estimate", inputs))


def _pick(output: str, call: Call) -> Call:
    """A call whose answer is one of its outputs."""
    return dataclasses.replace(
        call, read=lambda answer: call.read(answer)[output]
    )


def metadata(config: ServerConfig) -> Call:
    """Asks what the model is; its answer is a `ServedModel`."""
    request = protos.GetModelMetadataRequest(
        model_spec=_spec(config), metadata_field=["signature_def"]
    )
    return Call(
        f"{_PREDICTION}/GetModelMetadata",
        request,
        protos.GetModelMetadataResponse,
        _served_model,
    )


def _served_model(answer) -> ServedModel:
    content = answer.metadata["signature_def"].value
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
        raise ValueError(f"its stages are {sides}")
    return ServedModel(
        version=answer.model_spec.version.value,
        size=sides[2],
        stages=sides[1],
        signatures=tuple(sorted(found)),
    )


def versions(config: ServerConfig) -> Call:
    """Asks how the model's versions are; version → state, as `"AVAILABLE"`."""
    request = protos.GetModelStatusRequest(model_spec=_spec(config))
    return Call(
        f"{_MODELS}/GetModelStatus",
        request,
        protos.GetModelStatusResponse,
        _states,
    )


def _states(answer) -> dict[int, str]:
    states = protos.GetModelStatusResponse.DESCRIPTOR.file.message_types_by_name
    names = states["ModelVersionStatus"].enum_types_by_name["State"]
    return {
        status.version: names.values_by_number[status.state].name
        for status in answer.model_version_status
    }


def _images(images: np.ndarray) -> np.ndarray:
    """Aligned faces as signatures take them.

    Args:
      images: `[b, size, size, 3]`: uint8, or floats in 0–1; one face may go
        without its batch axis.

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
    """`[b, 17]` as float32; `[17]` is meant for all `count` faces."""
    units = np.asarray(units, np.float32)
    if units.ndim == 1:
        return np.tile(units, (count, 1))
    return units


def _spec(config: ServerConfig):
    spec = protos.ModelSpec(name=config.model_name)
    if config.version_label:
        spec.version_label = config.version_label
    elif config.model_version != NEWEST:
        spec.version.value = config.model_version
    return spec
