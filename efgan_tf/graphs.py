"""Networks that start at once: TFLite graphs without weights, under LiteRT.

TensorFlow takes seconds to import and seconds more to trace a network. What
this package brings, its presets and the face detector, therefore has its graph
beside it, converted once and stripped of its weights (`tools/make_graphs.py`).
"""

import json
import os
import threading
from collections.abc import Sequence

import numpy as np

from efgan_tf.quiet import start_up_notes_dropped

_MOST_THREADS = 8


class Graph:
    """A network of this package; calls may come from several threads.

    Args:
      file: of `tools/make_graphs.py`: `graph`, a TFLite file whose weights are
        0, and `places`, which says for each tensor of weights where in the
        file it starts, and which of all weights it holds: the first one's
        number, its shape, and the steps from one to the next along each axis.
      weights: all weights of the network, in the order of its making.

    Raises:
      ValueError: the weights are fewer or more than the graph's.
    """

    def __init__(self, file: str | os.PathLike, weights: Sequence[np.ndarray]):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(
            model_content=_filled(file, weights),
            num_threads=min(_MOST_THREADS, os.cpu_count() or 1),
        )
        self._lock = threading.Lock()
        self._runners = {}

    def __call__(self, key: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The named outputs of one of its functions."""
        with self._lock:
            if key in self._runners:
                return self._runners[key](**inputs)
            runner = self._interpreter.get_signature_runner(key)
            self._runners[key] = runner
            with start_up_notes_dropped():
                return runner(**inputs)


def _filled(file, weights: Sequence[np.ndarray]) -> bytes:
    flat = np.concatenate([array.ravel() for array in weights])
    flat = flat.astype("<f4")
    with np.load(file, allow_pickle=False) as arrays:
        content = bytearray(arrays["graph"].tobytes())
        places = json.loads(arrays["places"].tobytes())
    if sum(np.prod(shape, dtype=int) for _, _, shape, _ in places) != len(flat):
        raise ValueError(f"{file} is the graph of another network")
    for start, first, shape, steps in places:
        strides = [flat.itemsize * step for step in steps]
        part = np.lib.stride_tricks.as_strided(flat[first:], shape, strides)
        content[start : start + part.nbytes] = part.tobytes()
    return bytes(content)
