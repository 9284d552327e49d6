"""The exported model: its signatures and files, server and client."""

from typing import Any

_CLIENTS = ("Client", "ServingError")


def __getattr__(name: str) -> Any:
    # The export needs no gRPC.
    if name in _CLIENTS:
        from efgan_tf.serving import remote

        return getattr(remote, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
