"""The exported model: its signatures and files, server and client."""

from typing import Any


def __getattr__(name: str) -> Any:
    # The export needs neither gRPC nor the editor.
    if name == "Client":
        from efgan_tf.serving.client import Client

        return Client
    if name == "ServingError":
        from efgan_tf.trained.remote.faults import ServingError

        return ServingError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
