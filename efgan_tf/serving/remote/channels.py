"""The connection: one channel, which all questions share."""

import json
from pathlib import Path

import grpc

from efgan_tf.errors import UserError
from efgan_tf.serving.remote.settings import ServerConfig

MAX_MESSAGE_BYTES = 64 * 2**20
"""Of a request or an answer: 340 faces of 128×128 pixels one way, 128 in
two stages the other. gRPC's own limit, 4 MiB, is eight of these."""

# Retried is what the server says it did not do: it is down or starting, or its
# queue is full. Any other fault may mean that it worked, or will fail again.
# Where more than a third of the tries fail, retries stop: they would only add
# to the load.
SERVICE_CONFIG = {
    # A name may mean several servers; those that are ready take turns.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": "tensorflow.serving.PredictionService"},
                {"service": "tensorflow.serving.ModelService"},
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.5},
}

OPTIONS = (
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    # Larger requests are not retried; its own limit is one face.
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A server that knows no better closes the connection on more pings.
    ("grpc.keepalive_time_ms", 300_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that comes back is found within seconds, not minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


def open_channel(config: ServerConfig, library=grpc):
    """A channel to the server; it connects when it is first used.

    Args:
      config: where the server is, and whether it speaks TLS.
      library: `grpc`, or `grpc.aio` within an event loop.

    Raises:
      UserError: a certificate cannot be read.
    """
    # gRPC would ask a proxy for this machine, too: http_proxy is for others.
    options = (*OPTIONS, ("grpc.enable_http_proxy", int(not config.is_local)))
    if not config.encrypted:
        return library.insecure_channel(config.server, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(config.root_certificate),
        private_key=_read(config.client_key),
        certificate_chain=_read(config.client_certificate),
    )
    return library.secure_channel(config.server, credentials, options=options)


def _read(path: str) -> bytes | None:
    """The content of a PEM file; None without one."""
    if not path:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if b"-----BEGIN " not in content:
        raise UserError(f"{path} is no PEM file: it has no -----BEGIN line")
    return content
