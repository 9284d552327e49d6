"""The local server: one model, on one port."""

import concurrent.futures
import contextlib
import os
import socket
import threading
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.serving.exported_model import MODEL_FILE
from efgan_tf.serving.local.serve_settings import ServeConfig
from efgan_tf.serving.local.services import ModelService, PredictionService
from efgan_tf.serving.local.versions import Versions, find_versions

HEALTH_NAMES = ("", "PredictionService", "ModelService")
"""What the health service knows, as TensorFlow Serving's does."""


class LocalServer:
    """Serves the versions of a model; a context manager that ends cleanly.

        with LocalServer(ServeConfig(model_dir="models/efgan")) as server:
            print(server.address)
            server.wait()

    Args:
      config: the options.

    Attributes:
      address: `HOST:PORT`, once the server is entered.

    Raises:
      UserError: on entering: there is nothing to serve, the newest version
        cannot be loaded, or the port is in use.
    """

    def __init__(self, config: ServeConfig):
        self.address = ""
        self._config = config
        self._versions = Versions(config.name, Path(config.model_dir), say)
        self._health = health.HealthServicer()
        self._server = self._make_server()
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> "LocalServer":
        _check_folder(Path(self._config.model_dir))
        with self._ending:
            self._ending.callback(self._stop)
            self._bind()
            self._load()
            self._poll()
            self._server.start()
            for name in HEALTH_NAMES:
                self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Refuses new requests, waits for those in flight, and ends."""
        self._ending.close()

    def wait(self) -> None:
        """Blocks until the server ends."""
        self._server.wait_for_termination()

    def _make_server(self) -> grpc.Server:
        config = self._config
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(config.max_requests),
            maximum_concurrent_rpcs=config.max_requests,
            options=[
                # Or a second server would share the port without a word.
                ("grpc.so_reuseport", 0),
                (
                    "grpc.max_receive_message_length",
                    config.max_message_mb * 2**20,
                ),
                ("grpc.max_send_message_length", -1),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(
                config.name, self._versions, config.max_image_pixels
            ),
            server,
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(config.name, self._versions), server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        return server

    def _bind(self) -> None:
        host, port = self._config.host, self._config.port
        try:
            # gRPC's own error does not say why.
            with socket.create_server((host, port)):
                pass
            port = self._server.add_insecure_port(f"{host}:{port}")
        except (OSError, RuntimeError) as error:
            number = getattr(error, "errno", None) or 0
            # Of a name that cannot be looked up, the number is negative.
            reason = (
                os.strerror(number)
                if number > 0
                else getattr(error, "strerror", error)
            )
            raise UserError(
                f"cannot listen on {host}:{port}: {reason}; choose another "
                "--port, or --port=0 for any that is free"
            ) from error
        self.address = f"{host}:{port}"

    def _load(self) -> None:
        self._versions.refresh()
        errors = [error for error in self._versions.states().values() if error]
        if errors:
            raise UserError(f"cannot serve: {'; '.join(errors)}")

    def _poll(self) -> None:
        """Looks for new versions from now on, in a thread."""
        stopping = threading.Event()

        def poll():
            while not stopping.wait(self._config.poll_seconds):
                self._versions.refresh()

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        self._ending.callback(thread.join)
        self._ending.callback(stopping.set)

    def _stop(self) -> None:
        self._health.enter_graceful_shutdown()
        self._server.stop(self._config.grace_seconds).wait()


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(
            f"--model_dir={folder} is no folder; make one with "
            "python -m efgan_tf.export"
        )
    if (folder / MODEL_FILE).is_file():
        raise UserError(
            f"--model_dir={folder} is one version of a model; give the folder "
            f"that holds it, --model_dir={folder.resolve().parent}"
        )
    if not find_versions(folder):
        raise UserError(
            f"--model_dir={folder} holds no version (folders 1, 2, … with "
            f"{MODEL_FILE}); make one with python -m efgan_tf.export"
        )
