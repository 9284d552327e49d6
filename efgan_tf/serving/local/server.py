"""The local server: models, services and ports."""

import concurrent.futures
import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from efgan_tf.errors import UserError
from efgan_tf.serving.local import services, warmup
from efgan_tf.serving.local.batching import Batching
from efgan_tf.serving.local.batching_file import read_batching_file
from efgan_tf.serving.local.metrics import Metrics
from efgan_tf.serving.local.metrics_page import PATH, MetricsPage
from efgan_tf.serving.local.model_configs import model_configs
from efgan_tf.serving.local.models import Models
from efgan_tf.serving.local.predicting import Predictor
from efgan_tf.serving.local.scheduling import Direct, Scheduler
from efgan_tf.serving.local.servable import Servable
from efgan_tf.serving.local.settings import ServeConfig
from efgan_tf.serving.local.tls import read_credentials

HEALTH_NAMES = ("", "PredictionService", "ModelService")
"""What TensorFlow Serving's health service knows."""


class LocalServer:
    """Serves models as TensorFlow Serving does.

        with LocalServer(ServeConfig(model_dir="models/efgan")) as server:
            print(server.address)
            server.wait()

    Args:
      config: the options.

    Attributes:
      address: `HOST:PORT` of gRPC, once it is entered.
      metrics: what has been measured.
      metrics_url: of Prometheus's page, once it is entered; empty without one.

    Raises:
      UserError: there is nothing to serve, or a file of the options cannot be
        read; on entering, a version cannot be loaded, or a port cannot be had.
    """

    def __init__(self, config: ServeConfig):
        self.address = self.metrics_url = ""
        self._config = config
        self._credentials = (
            read_credentials(config.ssl_config_file)
            if config.ssl_config_file
            else None
        )
        configs = model_configs(config)
        self.metrics = Metrics()
        self._scheduler = _scheduler(config, self.metrics)
        self._predictor = Predictor(
            self._scheduler, config.limits, self.metrics
        )
        self._models = Models(configs, self._warm_up, _log)
        self._health = health.HealthServicer()
        self._server = self._make_grpc()
        self._stopping = threading.Event()
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> "LocalServer":
        with self._ending:
            self._ending.callback(self._scheduler.close)
            self._ending.callback(self._models.close)
            # What takes no time comes first, so that it fails at once.
            self._ending.callback(self._stop_grpc)
            self._bind()
            self._open_page()
            self._load()
            self._server.start()
            for name in HEALTH_NAMES:
                self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *error) -> None:
        """Takes no more requests, lets those in flight finish, and ends."""
        self._ending.close()

    def wait(self) -> None:
        """Blocks until the server ends."""
        self._server.wait_for_termination()

    def _make_grpc(self):
        limits = self._config.limits
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(
                limits.grpc_max_threads, "grpc"
            ),
            handlers=services.handlers(self._models, self._predictor),
            maximum_concurrent_rpcs=limits.grpc_max_threads,
            options=[
                # Else a second server shares the port without a word.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", limits.max_bytes),
                ("grpc.max_send_message_length", -1),
            ],
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        return server

    def _bind(self):
        config = self._config
        address = f"{config.host}:{config.port}"
        with _port_told("port", address):
            # What gRPC raises does not say why.
            with socket.create_server((config.host, config.port)):
                pass
            port = self._add_port(address)
        self.address = f"{config.host}:{port}"

    def _add_port(self, address):
        if not self._credentials:
            return self._server.add_insecure_port(address)
        try:
            return self._server.add_secure_port(address, self._credentials)
        except RuntimeError as error:  # the port itself has been tried
            raise UserError(
                f"--ssl_config_file={self._config.ssl_config_file}: gRPC does "
                "not take its key and certificate"
            ) from error

    def _stop_grpc(self):
        self._health.enter_graceful_shutdown()
        self._server.stop(self._config.limits.grace_seconds).wait()

    def _open_page(self):
        config = self._config
        if config.metrics_port < 0:
            return
        with _port_told("metrics_port", f"{config.host}:{config.metrics_port}"):
            page = MetricsPage(self.metrics, config.host, config.metrics_port)
        self._ending.callback(page.close)
        self.metrics_url = f"http://{config.host}:{page.port}{PATH}"

    def _load(self):
        self._models.poll(at_once=True)
        problems = self._models.problems()
        if problems:
            raise UserError(f"cannot serve: {'; '.join(problems)}")
        thread = threading.Thread(target=self._poll, daemon=True)
        thread.start()
        self._ending.callback(thread.join)
        self._ending.callback(self._stopping.set)

    def _poll(self):
        while not self._stopping.wait(self._config.poll_seconds):
            self._models.poll()

    def _warm_up(self, servable: Servable, folder: Path) -> None:
        warmup.replay(
            folder,
            lambda request: self._predictor.warm_up(request, servable),
            self.metrics,
        )


def _scheduler(config: ServeConfig, metrics: Metrics) -> Scheduler:
    batching, threads = config.batching, config.limits.num_batch_threads
    if batching.batching_parameters_file:
        file = read_batching_file(batching.batching_parameters_file)
        batching, threads = file.config, threads or file.num_batch_threads
    threads = threads or os.cpu_count() or 1
    if not batching.enable_batching:
        return Direct(threads)
    return Batching(batching, threads, metrics)


@contextlib.contextmanager
def _port_told(flag, address):
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None) or 0
        # Of a name that cannot be looked up, the number is negative.
        reason = (
            os.strerror(number)
            if number > 0
            else getattr(error, "strerror", error)
        )
        raise UserError(
            f"cannot listen on {address}: {reason}; choose another --{flag}, "
            f"or --{flag}=0 for any that is free"
        ) from error


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
