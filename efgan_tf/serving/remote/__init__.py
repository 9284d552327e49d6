"""The client of a served model: TensorFlow Serving's or `efgan_tf.serve`'s.

It imports grpcio, protobuf, NumPy, Pillow and absl, but not TensorFlow.
"""

from typing import Any

from efgan_tf.serving.remote.client import Client
from efgan_tf.serving.remote.faults import ServingError
from efgan_tf.serving.remote.model import RemoteModel
from efgan_tf.serving.remote.settings import ServerConfig

__all__ = [
    "Client",
    "RemoteModel",
    "ServerConfig",
    "ServingError",
    "remote_model",
]


def remote_model(server: str | ServerConfig, **settings: Any) -> RemoteModel:
    """A served model to edit with; `efgan_tf.load("grpc://…")` edits photos.

    Args:
      server: `HOST:PORT` or `grpc://HOST:PORT/MODEL`.
      **settings: fields of `ServerConfig`.

    Raises:
      UserError: the server cannot be reached or has no such model.
    """
    return Client(server, **settings).model
