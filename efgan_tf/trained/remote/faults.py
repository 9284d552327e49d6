"""gRPC errors as one line that says what to do."""

import os

import grpc

from efgan_tf.common.errors import UserError
from efgan_tf.trained.remote.connection_settings import NEWEST, ConnectionConfig

Code = grpc.StatusCode

# Where gRPC looks, in its order.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


class ServingError(UserError):
    """A request that failed.

    Attributes:
      code: gRPC's status, a `grpc.StatusCode`.
      details: the server's message, or gRPC's.
    """

    def __init__(self, message: str, code: grpc.StatusCode, details: str):
        super().__init__(message)
        self.code = code
        self.details = details


# Status, part of its details, and the message; the first that fits counts.
_MESSAGES = (
    (Code.UNAVAILABLE, "queue",
     "{server} is busy: {details}; try again later, or add servers"),
    (Code.UNAVAILABLE, "HTTP/2",
     "{server} does not speak gRPC; name its gRPC port, which is 8500 where "
     "REST has 8501: {details}"),
    (Code.UNAVAILABLE, "handshake",
     "no TLS connection to {server}: {details}; check --root_certificate and "
     "--client_certificate, and that it speaks TLS at all"),
    (Code.UNAVAILABLE, "CERTIFICATE",
     "no TLS connection to {server}: {details}; check --root_certificate"),
    (Code.UNAVAILABLE, "",
     "{server} cannot be reached: {details}; check --server, that the server "
     "runs, and {other}{proxy}"),
    (Code.DEADLINE_EXCEEDED, "",
     "no answer from {server} within {timeout:g} s; raise --timeout, or send "
     "fewer faces at a time{proxy}"),
    (Code.NOT_FOUND, "",
     "{server} has no {model}; check --model_name, --model_version and that "
     "it is loaded: {details}"),
    (Code.INVALID_ARGUMENT, "version label",
     "{server} has no {model}; check --version_label: {details}"),
    (Code.INVALID_ARGUMENT, "maximum input batch size",
     "{server} accepts smaller batches only: {details}; lower "
     "--faces_per_request"),
    (Code.INVALID_ARGUMENT, "", "{server} refuses what was sent: {details}"),
    (Code.FAILED_PRECONDITION, "ignature",
     "{model} on {server} was not exported by this version of efgan_tf; "
     "export it anew: {details}"),
    (Code.RESOURCE_EXHAUSTED, "larger than max",
     "the message is too large: {details}; send fewer faces at a time "
     "(--faces_per_request)"),
    (Code.RESOURCE_EXHAUSTED, "",
     "{server} is busy: {details}; try again later, raise --timeout, or add "
     "servers"),
    (Code.UNIMPLEMENTED, "",
     "{server} speaks gRPC but is no TensorFlow Serving: {details}; check "
     "--server"),
    (Code.UNAUTHENTICATED, "",
     "{server} asks for a certificate: {details}; give --client_certificate "
     "and --client_key"),
    (Code.PERMISSION_DENIED, "",
     "{server} denies access: {details}; ask its operator"),
    (Code.CANCELLED, "", "the call to {server} was cancelled: {details}"),
)  # fmt: skip


def serving_error(
    error: grpc.RpcError, config: ConnectionConfig
) -> ServingError:
    """A failed call as an error whose line says what to do."""
    code, details = error.code(), (error.details() or "no details").strip()
    template = next(
        (
            message
            for known, part, message in _MESSAGES
            if known is code and part in details
        ),
        "{server} failed with {code}: {details}; its log may say more",
    )
    message = template.format(
        server=config.server,
        timeout=config.timeout,
        model=_model(config),
        other="--root_certificate and --client_certificate"
        if config.encrypted
        else "whether it speaks TLS (--tls)",
        proxy=_proxy(config),
        code=code.name,
        details=" ".join(details.split()).rstrip("."),
    )
    return ServingError(message, code, details)


def _proxy(config: ConnectionConfig) -> str:
    """A hint about the proxy that gRPC uses, if it may be the cause.

    The proxy's address is left out: it may hold a password.
    """
    named = [name for name in _PROXIES if os.environ.get(name)]
    if not named or config.is_local:
        return ""
    return (
        f"; gRPC uses the proxy of {named[0]}; no_proxy={config.host} "
        "bypasses it"
    )


def unreadable(reason: object, config: ConnectionConfig) -> ServingError:
    """The error for a response that does not hold what was asked for."""
    return ServingError(
        f"the response of {config.server} is not that of {_model(config)}: "
        f"{reason}; is it an export of efgan_tf?",
        Code.DATA_LOSS,
        str(reason),
    )


def _model(config: ConnectionConfig) -> str:
    """`model 'efgan'`, with its version if one is named."""
    name = f"model {config.model_name!r}"
    if config.version_label:
        return f"{name} labeled {config.version_label!r}"
    if config.model_version != NEWEST:
        return f"{name} in version {config.model_version}"
    return name
