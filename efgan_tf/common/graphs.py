"""Networks that start at once: TFLite files and graphs, under LiteRT.

TensorFlow takes seconds to import and seconds more to trace a network. What
this package brings, its presets and the face detector, therefore has its graph
beside it, converted once and stripped of its weights (`tools/make_graphs.py`).
"""

import json
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from efgan_tf.common import runtime
from efgan_tf.common.quiet import start_up_notes_dropped

_MOST_THREADS = 8


class Functions:
    """The functions of a TFLite file; calls may come from several threads.

    Args:
      content: of the file.
      threads: that XNNPACK computes with; by default all cores, up to 8.
      delegates: False computes without XNNPACK, operation by operation.

    Raises:
      ValueError, RuntimeError: LiteRT cannot run it.
      UserError: this process was forked after networks were loaded; calls
        raise it, too.
    """

    def __init__(
        self, content: bytes, threads: int | None = None, delegates: bool = True
    ):
        runtime.mark_process()
        # Imported late: only those who run networks need it.
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter = Interpreter(
            model_content=content,
            num_threads=threads or min(_MOST_THREADS, os.cpu_count() or 1),
            experimental_op_resolver_type=OpResolverType.AUTO
            if delegates
            else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._keys = tuple(self._interpreter.get_signature_list())
        self._lock = threading.Lock()
        self._runners: dict[str, Any] = {}

    @property
    def signatures(self) -> tuple[str, ...]:
        """The keys that can be called."""
        return self._keys

    def __call__(self, key: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The named outputs of one function: `file("edit", image=…)`."""
        runtime.check_process()
        with self._lock:
            if key in self._runners:
                return self._runners[key](**inputs)
            runner = self._interpreter.get_signature_runner(key)
            self._runners[key] = runner
            with start_up_notes_dropped():
                return runner(**inputs)


def read_graph(
    file: str | os.PathLike, weights: Sequence[np.ndarray]
) -> Functions:
    """A network of this package.

    Args:
      file: of `tools/make_graphs.py`: `graph`, a TFLite file whose weights are
        0, and `places`, which says for each tensor of weights where in the
        file it starts, and which of all weights it holds: the first one's
        number, its shape, and the steps from one to the next along each axis.
      weights: all weights of the network, in the order of its making.

    Raises:
      ValueError: the weights are fewer or more than the graph's.
    """
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
    return Functions(bytes(content))
