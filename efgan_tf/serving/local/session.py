"""A SavedModel in the C++ session that TensorFlow Serving runs it in.

What is private to TensorFlow is used here and nowhere else: the call under
`Session.run`, since that one checks shapes in Python, casts float64 to float32
without a word and takes no deadline. Where a future TensorFlow lacks it, a
callable of the session answers with the same codes, but without deadlines and
with another text for a wrong dtype.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

from efgan_tf.serving.local.status import from_number, invalid

try:
    from tensorflow.python.client import pywrap_tf_session as c_api
except ImportError:  # it is not part of TensorFlow's public interface
    c_api = None


class Session:
    """A loaded SavedModel.

    Args:
      folder: of the version.

    Attributes:
      signatures: the `SignatureDef`s by their keys.

    Raises:
      OSError, tf.errors.OpError, ValueError, RuntimeError: it cannot be loaded.
    """

    def __init__(self, folder: Path):
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=self._graph)
        self._outputs = {}
        self._callables = {}
        self._lock = threading.Lock()
        try:
            meta, _ = _load(self._session, folder)
        except BaseException:
            self._session.close()
            raise
        self.signatures: dict[str, meta_graph_pb2.SignatureDef] = dict(
            meta.signature_def
        )

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_ms: int = 0,
    ) -> list[np.ndarray]:
        """Computes tensors.

        Args:
          feeds: tensor name → value, taken as they are.
          fetches: names of tensors.
          timeout_ms: how long it may take; 0 is for ever.

        Raises:
          Refused: with the status that the runtime gives.
        """
        run = self._run_c if c_api else self._run_callable
        try:
            return run(feeds, fetches, timeout_ms)
        except tf.errors.OpError as error:
            raise from_number(error.error_code, error.message) from error

    def close(self) -> None:
        """Frees the model; nothing may run any more."""
        self._session.close()

    def _run_c(self, feeds, fetches, timeout_ms):
        options = config_pb2.RunOptions(timeout_in_ms=timeout_ms)
        buffer = c_api.TF_NewBufferFromString(options.SerializeToString())
        try:
            return c_api.TF_SessionRun_wrapper(
                self._session._session,
                buffer,
                {self._output(name): value for name, value in feeds.items()},
                [self._output(name) for name in fetches],
                [],
                None,
            )
        finally:
            c_api.TF_DeleteBuffer(buffer)

    def _output(self, name):
        output = self._outputs.get(name)
        if output is None:
            output = self._outputs[name] = self._tensor(name)._as_tf_output()
        return output

    def _tensor(self, name):
        try:
            return self._graph.get_tensor_by_name(name)
        except (KeyError, ValueError) as error:
            raise invalid(f"{name} is no tensor of the graph") from error

    def _run_callable(self, feeds, fetches, timeout_ms):
        del timeout_ms  # there is no way to pass it
        key = tuple(feeds), tuple(fetches)
        with self._lock:  # making one optimizes the graph anew
            if key not in self._callables:
                for name in (*feeds, *fetches):
                    self._tensor(name)
                self._callables[key] = (
                    self._session._make_callable_from_options(
                        config_pb2.CallableOptions(feed=feeds, fetch=fetches)
                    )
                )
        return self._callables[key](*feeds.values())


def _load(session, folder):
    with session.graph.as_default():
        loader = SavedModelLoader(str(folder))
        return loader.load(session, [tf.saved_model.SERVING]), loader
