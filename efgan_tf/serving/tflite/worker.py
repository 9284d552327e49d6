"""Converts in a process of its own: `python -m … FOLDER QUANTIZATION…`.

The converter leaks megabytes with every call and prints a lot. Reads
FOLDER/saved_model and, for int8, FOLDER/faces.npz, and writes
FOLDER/QUANTIZATION.tflite.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from efgan_tf.serving.tflite.quantization import quantized


def main(folder: Path, quantizations: list[str]) -> None:
    """Writes one file for each of the quantizations."""
    model = str(folder / "saved_model")
    signatures = {
        key: sorted(set(function.structured_input_signature[1]))
        for key, function in tf.saved_model.load(model).signatures.items()
    }

    def feeds() -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        with np.load(folder / "faces.npz", allow_pickle=False) as arrays:
            faces = {name: arrays[name] for name in arrays.files}
        for row in range(len(faces["image"])):
            for key, names in signatures.items():
                yield key, {name: faces[name][row : row + 1] for name in names}

    for name in quantizations:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            model, signature_keys=list(signatures)
        )
        content = quantized(converter, name, feeds)
        (folder / f"{name}.tflite").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
