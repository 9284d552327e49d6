"""Makes the graphs of `efgan_tf.common.graphs`, which start without TensorFlow.

    python -m tools.make_graphs

Writes efgan_tf/presets/NAME.graph.npz for each preset, and
efgan_tf/faces/pnet.npz, rnet.npz and onet.npz for the face detector. They hold
no weights: a preset whose weights change keeps its graph.

To learn which weight lands where in the converter's file, every weight is
replaced by its own number before it is converted.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import mtcnn
import numpy as np
import tensorflow as tf

from efgan_tf.common.outputs import atomic_file
from efgan_tf.faces.detection import NETWORKS, SIDES
from efgan_tf.trained import presets
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.tflite import flatbuffer

PACKAGE = Path(presets.__file__).parents[1]

FIRST = 1000
"""The first weight's number: no constant of a network is such a number."""

_OUTPUTS = {"pnet": ("boxes", "scores"), "rnet": ("boxes", "scores")}
_OUTPUTS["onet"] = ("boxes", "points", "scores")


def main() -> None:
    """Writes all graphs, and prints their sizes."""
    for name in presets.manifest():
        trained = presets.read_preset(name)
        path = PACKAGE / "presets" / f"{name}.graph.npz"
        networks = [trained.cascade, trained.estimator]
        _write(path, _preset_functions(trained), networks)
    for stage, name in zip(mtcnn.MTCNN().stages, NETWORKS, strict=True):
        functions = _detector_functions(
            stage.model, SIDES.get(name), _OUTPUTS[name]
        )
        _write(PACKAGE / "faces" / f"{name}.npz", functions, [stage.model])


def _preset_functions(trained: TrainedNetwork) -> dict[str, Callable]:
    def cascade(image, source, target):
        inputs = {
            "image": image,
            "source_action_units": source,
            "target_action_units": target,
        }
        outputs = trained.keras_model(inputs, training=False)
        return {
            "stages": outputs["stages"],
            "attention": outputs["attention"],
            **outputs["branches"],
        }

    def estimate(image):
        return {"action_units": trained.estimator(image, training=False)}

    size = trained.info.model.image_size
    image = tf.TensorSpec((1, size, size, 3), name="image")
    units = [tf.TensorSpec((1, 17), name=name) for name in ("source", "target")]
    return {
        "cascade": tf.function(cascade, input_signature=[image, *units]),
        "estimate": tf.function(estimate, input_signature=[image]),
    }


def _detector_functions(
    network: keras.Model, side: int | None, outputs: Sequence[str]
) -> dict[str, Callable]:
    def net(image):
        return dict(zip(outputs, network(image), strict=True))

    image = tf.TensorSpec((None, side, side, 3), name="image")
    return {"net": tf.function(net, input_signature=[image])}


def _write(
    path: Path, functions: dict[str, Callable], networks: list[keras.Model]
) -> None:
    end = _number_weights(networks)
    variables = [v.value for network in networks for v in network.variables]
    content, places = _emptied(_converted(functions, variables), end)
    texts = {"graph": content, "places": json.dumps(places).encode()}
    with atomic_file(path, overwrite=True) as temporary:
        np.savez_compressed(
            temporary,
            **{name: np.frombuffer(text, "u1") for name, text in texts.items()},
        )
    print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")


def _number_weights(networks: list[keras.Model]) -> int:
    """Makes every weight its number; returns the one after the last."""
    end = FIRST
    for network in networks:
        numbered = []
        for array in network.get_weights():
            numbers = np.arange(end, end + array.size, dtype=np.float32)
            numbered.append(numbers.reshape(array.shape))
            end += array.size
        network.set_weights(numbered)
    if end > 2**24:
        raise ValueError("float32 cannot count the weights of such a network")
    return end


def _converted(functions: dict[str, Callable], variables: list) -> bytes:
    module = tf.Module()
    module.functions, module.variables_of_networks = functions, variables
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(functions)
        )
        model = flatbuffer.read(converter.convert(), "the converted model")
    flatbuffer.drop_names(model)
    return flatbuffer.write(model)


def _emptied(content: bytes, end: int) -> tuple[bytes, list]:
    """The file without weights, and the `places` of `efgan_tf.common.graphs`.

    Raises:
      ValueError: the converter did more to the weights than to move them.
    """
    model, emptied = flatbuffer.read(content, "the file"), bytearray(content)
    places = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is None or tensor.type != 0 or tensor.buffer in places:
                continue  # no constant, not float32, or seen before
            numbers = np.frombuffer(bytes(data), "<f4").astype(int)
            if numbers.max() < FIRST:
                continue  # another constant
            place = _place(numbers.reshape(tensor.shape))
            start = content.index(bytes(data))
            emptied[start : start + len(data)] = bytes(len(data))
            places[tensor.buffer] = [start, *place]
    held = sum(np.prod(shape) for _, _, shape, _ in places.values())
    if held != end - FIRST:
        raise ValueError(f"{held} of {end - FIRST} weights were found")
    return bytes(emptied), list(places.values())


def _place(numbers: np.ndarray) -> tuple[int, list[int], list[int]]:
    """First weight, shape, and steps along each axis."""
    first = int(numbers.flat[0])
    steps = [
        int(numbers.take(1, axis).flat[0]) - first if length > 1 else 0
        for axis, length in enumerate(numbers.shape)
    ]
    expected = first + np.tensordot(steps, np.indices(numbers.shape), 1)
    if not np.array_equal(numbers, expected):
        raise ValueError("the converter reordered or changed weights")
    return first - FIRST, list(numbers.shape), steps


if __name__ == "__main__":
    sys.exit(main())
