"""A connection to a served model, which edits aligned faces.

It is kept for all requests; threads may share it. (With gRPC, processes must
create theirs after they have forked.)
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from efgan_tf.trained.remote import calls, channels, faults
from efgan_tf.trained.remote.connection_settings import (
    ConnectionConfig,
    parse_address,
)
from efgan_tf.trained.remote.remote_model import RemoteModel
from efgan_tf.trained.remote.tensors import Values

_Self = TypeVar("_Self", bound="Connection")


class Connection:
    """A connection to a served model; a context manager that closes it.

    Args:
      server: `HOST:PORT`, or `grpc://HOST:PORT/MODEL` (`grpcs://` with TLS) as
        `parse_address` reads it, or all settings at once.
      **settings: fields of `ConnectionConfig`: `model_name`, `timeout`,
        `root_certificate` and so on.

    Attributes:
      config: the settings.

    Raises:
      UserError: a setting is wrong. (The server is not asked yet.)
    """

    def __init__(self, server: str | ConnectionConfig, **settings: Any):
        self.config = (
            dataclasses.replace(server, **settings)
            if isinstance(server, ConnectionConfig)
            else parse_address(server, **settings)
        )
        self._channel = channels.open_channel(self.config)

    @functools.cached_property
    def model(self) -> RemoteModel:
        """The served model, for what edits with a model."""
        return RemoteModel(self._send, self.config)

    def edit_faces(
        self,
        images: np.ndarray,
        action_units: np.ndarray,
        source_action_units: np.ndarray | None = None,
    ) -> np.ndarray:
        """Edits aligned faces, all in one request.

        Args:
          images: `[b, size, size, 3]`: uint8, or floats in 0–1; the batch axis
            of a single face may be missing.
          action_units: `[b, 17]`, or `[17]` for all faces, 0–5: the target.
          source_action_units: likewise, what the faces show; by default the
            server estimates it.

        Returns:
          float32 `[b, size, size, 3]` in [0, 1].

        Raises:
          ServingError: the server refuses it or cannot be reached.
        """
        return self._send(
            calls.edit(self.config, images, action_units, source_action_units)
        )

    def edit_bytes(
        self, images: Sequence[bytes], action_units: np.ndarray
    ) -> list[bytes]:
        """Edits encoded aligned faces, all in one request.

        Args:
          images: JPEG or PNG files of aligned faces, square, of up to 2048
            pixels a side.
          action_units: as in `edit_faces`.

        Returns:
          PNG files.

        Raises:
          ServingError: as in `edit_faces`.
        """
        return self._send(calls.edit_bytes(self.config, images, action_units))

    def estimate(self, images: np.ndarray) -> np.ndarray:
        """The action units of aligned faces: float32 `[b, 17]`, 0–5.

        Args:
          images: as in `edit_faces`.

        Raises:
          ServingError: as in `edit_faces`.
        """
        return self._send(calls.estimate(self.config, images))

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, Values],
        outputs: Sequence[str] = (),
    ) -> dict[str, Values]:
        """Calls any signature; see `efgan_tf.serving.signatures`.

        Args:
          signature: its name.
          inputs: name → array, or byte strings.
          outputs: names of those to return, all by default.

        Raises:
          ServingError: as in `edit_faces`.
        """
        return self._send(
            calls.predict(self.config, signature, inputs, outputs)
        )

    def served(self) -> calls.ServedModel:
        """What the server says about its model.

        Raises:
          ServingError: as in `edit_faces`.
        """
        return self._send(calls.metadata(self.config))

    def versions(self) -> dict[int, str]:
        """The model's versions and their states, such as `"AVAILABLE"`.

        Raises:
          ServingError: as in `edit_faces`.
        """
        return self._send(calls.versions(self.config))

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _send(self, call: calls.Call) -> Any:
        method = self._channel.unary_unary(
            call.method,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )
        try:
            response = method(call.request, timeout=self.config.timeout)
        except grpc.RpcError as error:
            raise faults.serving_error(error, self.config) from error
        try:
            return call.read(response)
        except (ValueError, KeyError, DecodeError) as error:
            raise faults.unreadable(error, self.config) from error
