"""Clients of a served model: one that waits, and one for asyncio.

    client = Client("localhost:8500")
    client.edit("photo.jpg", expression="happy").save("happy.png")

Both take whole photos, which are searched for faces here and edited there, or
aligned faces. A client keeps one connection for all its questions; threads may
share it. (gRPC wants processes to make theirs after they have forked.)
"""

import asyncio
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
import numpy as np
from google.protobuf.message import DecodeError

from efgan_tf.editing.editor import Editor
from efgan_tf.editing.given import Photo
from efgan_tf.editing.results import Edited
from efgan_tf.faces.detection import Detector
from efgan_tf.serving.remote import calls, channels, faults
from efgan_tf.serving.remote.model import RemoteModel
from efgan_tf.serving.remote.settings import ServerConfig, parse_address


class _Questions:
    """What both clients can ask; all answers of `AsyncClient` are awaited."""

    def __init__(self, server: str | ServerConfig, **settings: Any):
        self.config = (
            dataclasses.replace(server, **settings)
            if isinstance(server, ServerConfig)
            else parse_address(server, **settings)
        )

    def edit_faces(
        self,
        images: np.ndarray,
        action_units: np.ndarray,
        source_action_units: np.ndarray | None = None,
    ) -> np.ndarray:
        """Edits aligned faces, all in one request.

        Args:
          images: `[b, size, size, 3]`: uint8, or floats in 0–1; one face may go
            without its batch axis.
          action_units: `[b, 17]`, or `[17]` for all, 0–5: the target.
          source_action_units: likewise, what the faces show; estimated by the
            server where it is not given.

        Returns:
          float32 `[b, size, size, 3]` in [0, 1].

        Raises:
          ServingError: the server refuses it or cannot be reached.
        """
        return self._ask(
            calls.edit(self.config, images, action_units, source_action_units)
        )

    def edit_bytes(
        self, images: Sequence[bytes], action_units: np.ndarray
    ) -> list[bytes]:
        """Edits aligned faces as files hold them, all in one request.

        Args:
          images: JPEG or PNG files of aligned faces, square, of any side.
          action_units: as of `edit_faces`.

        Returns:
          PNG files.

        Raises:
          ServingError: as of `edit_faces`.
        """
        return self._ask(calls.edit_bytes(self.config, images, action_units))

    def estimate(self, images: np.ndarray) -> np.ndarray:
        """Which action units aligned faces show: float32 `[b, 17]`, 0–5.

        Args:
          images: as of `edit_faces`.

        Raises:
          ServingError: as of `edit_faces`.
        """
        return self._ask(calls.estimate(self.config, images))

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, calls.Values],
        outputs: Sequence[str] = (),
    ) -> dict[str, calls.Values]:
        """Asks any signature; see `efgan_tf.serving.signatures`.

        Args:
          signature: its name.
          inputs: name → array, or byte strings.
          outputs: names of those wanted, all by default.

        Raises:
          ServingError: as of `edit_faces`.
        """
        return self._ask(calls.predict(self.config, signature, inputs, outputs))

    def served(self) -> calls.ServedModel:
        """What the server tells of its model.

        Raises:
          ServingError: as of `edit_faces`.
        """
        return self._ask(calls.metadata(self.config))

    def versions(self) -> dict[int, str]:
        """The model's versions and their states, such as `"AVAILABLE"`.

        Raises:
          ServingError: as of `edit_faces`.
        """
        return self._ask(calls.versions(self.config))

    def _ask(self, call: calls.Call) -> Any:
        raise NotImplementedError

    def _method(self, call: calls.Call):
        return self._channel.unary_unary(
            call.method,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.answer.FromString,
        )

    def _read(self, call: calls.Call, answer: Any) -> Any:
        try:
            return call.read(answer)
        except (ValueError, KeyError, DecodeError) as error:
            raise faults.unreadable(error, self.config) from error


class Client(_Questions):
    """A client that waits for its answers; a context manager that closes.

    Args:
      server: `HOST:PORT`, or `grpc://HOST:PORT/MODEL` (`grpcs://` with TLS) as
        `parse_address` reads it, or all settings at once.
      **settings: fields of `ServerConfig`: `model_name`, `timeout`,
        `root_certificate` and so on.

    Attributes:
      config: the settings.

    Raises:
      UserError: a setting is wrong. (The server is asked later.)
    """

    def __init__(self, server: str | ServerConfig, **settings: Any):
        super().__init__(server, **settings)
        self._channel = channels.open_channel(self.config)

    @functools.cached_property
    def model(self) -> RemoteModel:
        """The served model, as those see it who edit with it."""
        return RemoteModel(self._ask, self.config)

    @functools.cached_property
    def editor(self) -> Editor:
        """Edits photos with the served model."""
        return Editor(self.model)

    def edit(
        self,
        image: Photo | Sequence[Photo],
        expression: str | Mapping[str, float] | None = None,
        **wishes: Any,
    ) -> Edited | list[Edited]:
        """Edits the faces of photos; the arguments are those of `Editor.edit`.

        Faces are found, aligned and put back here; no more than the aligned
        faces goes to the server.

        Raises:
          UserError: as `Editor.edit`, or as `edit_faces`.
        """
        return self.editor.edit(image, expression, **wishes)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, call: calls.Call) -> Any:
        try:
            answer = self._method(call)(
                call.request, timeout=self.config.timeout
            )
        except grpc.RpcError as error:
            raise faults.told(error, self.config) from error
        return self._read(call, answer)


class AsyncClient(_Questions):
    """A client for asyncio: `await client.estimate(images)`.

    It belongs to the event loop that it first asks in, and is an asynchronous
    context manager that closes. Arguments and attributes are `Client`'s.
    """

    def __init__(self, server: str | ServerConfig, **settings: Any):
        super().__init__(server, **settings)
        self._editor: Editor | None = None
        self._making = asyncio.Lock()

    async def edit(
        self,
        image: Photo | Sequence[Photo],
        expression: str | Mapping[str, float] | None = None,
        **wishes: Any,
    ) -> Edited | list[Edited]:
        """As `Client.edit`; what is done on this side is done in a thread.

        If the task is cancelled, that thread still goes on to its end.
        """
        async with self._making:
            if self._editor is None:
                loop = asyncio.get_running_loop()
                self._editor = await asyncio.to_thread(self._make_editor, loop)
        return await asyncio.to_thread(
            self._editor.edit, image, expression, **wishes
        )

    def _make_editor(self, loop: asyncio.AbstractEventLoop) -> Editor:
        """An editor for other threads than the loop's."""

        def ask(call):
            return asyncio.run_coroutine_threadsafe(
                self._ask(call), loop
            ).result()

        # Here and not when it is first needed, which several threads may.
        return Editor(RemoteModel(ask, self.config), Detector())

    async def close(self) -> None:
        """Ends the connection."""
        if "_channel" in vars(self):  # it is there once something was asked
            await self._channel.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @functools.cached_property
    def _channel(self) -> grpc.aio.Channel:
        return channels.open_channel(self.config, grpc.aio)

    async def _ask(self, call: calls.Call) -> Any:
        try:
            answer = await self._method(call)(
                call.request, timeout=self.config.timeout
            )
        except grpc.RpcError as error:
            raise faults.told(error, self.config) from error
        return self._read(call, answer)
