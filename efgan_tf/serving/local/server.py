"""The local server: models, services and a port."""

import concurrent.futures
import functools
import os
import socket
import sys
import threading
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from efgan_tf.errors import UserError
from efgan_tf.serving.local import services
from efgan_tf.serving.local.models import ModelConfig, Models
from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.settings import ServeConfig
from efgan_tf.serving.local.versions import find_versions

HEALTH_NAMES = ("", "PredictionService", "ModelService")
"""What TensorFlow Serving's health service answers for."""


class LocalServer:
    """Serves models as TensorFlow Serving does, until it is stopped.

    A context manager that starts and stops it.

    Args:
      config: the options.

    Raises:
      UserError: there is nothing to serve.
    """

    def __init__(self, config: ServeConfig):
        self._config = config
        self._models = Models([self._model_config()], self._check, _log)
        self._predictor = services.Predictor(self._models, config.max_bytes)
        self._health = health.HealthServicer()
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._server = self._make_server()
        self.port = 0

    def __enter__(self) -> "LocalServer":
        self.start()
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """`HOST:PORT` of gRPC."""
        return f"{self._config.host}:{self.port}"

    def start(self) -> None:
        """Loads the models and opens the port.

        Raises:
          UserError: a version cannot be loaded, or the port cannot be had.
        """
        self.port = self._bind()
        self._models.poll(first=True)
        self._check_loaded()
        self._server.start()
        for name in HEALTH_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._poller.start()

    def wait(self) -> None:
        """Blocks until the server is stopped."""
        self._server.wait_for_termination()

    def stop(self) -> None:
        """Takes no more requests, lets those in flight finish, and ends."""
        self._health.enter_graceful_shutdown()
        self._stopping.set()
        self._server.stop(self._config.grace_seconds).wait()
        if self._poller.is_alive():
            self._poller.join()
        self._models.close()

    def _model_config(self):
        config = self._config
        folder = Path(config.model_dir)
        if not folder.is_dir():
            raise UserError(
                f"--model_dir={folder} is no folder; write one with "
                "python -m efgan_tf.export"
            )
        if not config.policy().choose(find_versions(folder)):
            raise UserError(
                f"--model_dir={folder} holds no version that --version_policy="
                f"{config.version_policy} loads (folders 1, 2, … with "
                "saved_model.pb); write one with python -m efgan_tf.export"
            )
        return ModelConfig(
            config.name, folder, config.policy(), config.labels()
        )

    def _check(self, servable: Servable, folder: Path) -> None:
        pass

    def _check_loaded(self):
        name = self._config.name
        for version, status in self._models.statuses(name).items():
            if status.error:
                raise UserError(
                    f"cannot load version {version} of "
                    f"--model_dir={self._config.model_dir}: {status.error}"
                )

    def _make_server(self):
        config = self._config
        threads = config.grpc_max_threads
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(threads, "grpc"),
            maximum_concurrent_rpcs=threads,
            options=[
                # Else a second server shares the port without a word.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", config.max_bytes),
                ("grpc.max_send_message_length", -1),
            ],
        )  # fmt: skip
        models = self._models
        server.add_generic_rpc_handlers([
            services.handler(
                services.PREDICTION,
                {
                    "Predict": self._predictor.predict,
                    "GetModelMetadata": _without_context(
                        services.get_model_metadata, models
                    ),
                },
            ),
            services.handler(
                services.MODEL,
                {
                    "GetModelStatus": _without_context(
                        services.get_model_status, models
                    ),
                },
            ),
        ])  # fmt: skip
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        return server

    def _bind(self):
        config = self._config
        address = f"{config.host}:{config.port}"
        try:
            # gRPC's own error does not say why.
            with socket.create_server((config.host, config.port)):
                pass
            return self._server.add_insecure_port(address)
        except (OSError, RuntimeError) as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise UserError(
                f"cannot listen on {address}: {reason}; choose another --port, "
                "or --port=0 for any that is free"
            ) from error

    def _poll(self):
        while not self._stopping.wait(self._config.poll_seconds):
            self._models.poll()


def _without_context(function, models):
    @functools.wraps(function)
    def answer(request, context):
        return function(models, request)

    return answer


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
