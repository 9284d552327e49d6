"""The connection: one gRPC channel for all requests."""

import json
from pathlib import Path

import grpc

from efgan_tf.common.errors import UserError
from efgan_tf.trained.remote.connection_settings import ConnectionConfig

MAX_MESSAGE_BYTES = 64 * 2**20
"""Of a request or a response: a request with 340 faces of 128×128 pixels, or a
response with 128 in two stages. gRPC's own limit is 4 MiB."""

# Only UNAVAILABLE is retried: the server is down or starting, or its queue is
# full. After any other status the request may have been computed, or will fail
# again. Where more than a third of the attempts fail, retries stop: they would
# only add to the load.
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
    # Larger requests are not retried; the default is one face.
    ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # With more frequent pings, a default server closes the connection.
    ("grpc.keepalive_time_ms", 300_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that comes back is found within seconds, not minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


def open_channel(config: ConnectionConfig) -> grpc.Channel:
    """A channel to the server; it connects when it is first used.

    Args:
      config: where the server is, and whether it speaks TLS.

    Raises:
      UserError: a certificate cannot be read.
    """
    # gRPC would use http_proxy for this machine, too.
    options = (*OPTIONS, ("grpc.enable_http_proxy", int(not config.is_local)))
    if not config.encrypted:
        return grpc.insecure_channel(config.server, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_read(config.root_certificate),
        private_key=_read(config.client_key),
        certificate_chain=_read(config.client_certificate),
    )
    return grpc.secure_channel(config.server, credentials, options=options)


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
