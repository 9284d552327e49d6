"""What a server refuses or cannot do, told with the way out."""

import os

import grpc

from efgan_tf.errors import UserError
from efgan_tf.serving.remote.settings import NEWEST, ServerConfig

Code = grpc.StatusCode

# Where gRPC looks, in its order.
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


class ServingError(UserError):
    """An answer that did not come.

    Attributes:
      code: gRPC's status, a `grpc.StatusCode`.
      details: the server's own words, or gRPC's.
    """

    def __init__(self, message: str, code: grpc.StatusCode, details: str):
        super().__init__(message)
        self.code = code
        self.details = details


# By the status, and by what its details hold where it has several meanings;
# the first that fits counts. `{…}` are fields of the settings.
_WAYS_OUT = (
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
     "{server} takes smaller batches: {details}; lower --faces_per_request"),
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
     "{server} does not know who asks: {details}; give --client_certificate "
     "and --client_key"),
    (Code.PERMISSION_DENIED, "",
     "{server} does not let this client in: {details}; ask its operator"),
    (Code.CANCELLED, "", "the call to {server} was cancelled: {details}"),
)  # fmt: skip


def told(error: grpc.RpcError, config: ServerConfig) -> ServingError:
    """A failed call as one line that says what to do."""
    code, details = error.code(), (error.details() or "no details").strip()
    words = next(
        (
            words
            for known, part, words in _WAYS_OUT
            if known is code and part in details
        ),
        "{server} failed with {code}: {details}; its log may say more",
    )
    message = words.format(
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


def _proxy(config: ServerConfig) -> str:
    """What to say of the proxy that gRPC goes through, if it may be to blame.

    Its address may hold a password, so it is not said.
    """
    named = [name for name in _PROXIES if os.environ.get(name)]
    if not named or config.is_local:
        return ""
    return (
        f"; it is asked through the proxy of {named[0]}, which "
        f"no_proxy={config.host} goes around"
    )


def unreadable(what: object, config: ServerConfig) -> ServingError:
    """An answer that came but is not what was asked for."""
    return ServingError(
        f"{config.server} gave an answer that is none of "
        f"{_model(config)}: {what}; is it an export of efgan_tf?",
        Code.DATA_LOSS,
        str(what),
    )


def _model(config: ServerConfig) -> str:
    """`model 'efgan'`, with its version if one is meant."""
    name = f"model {config.model_name!r}"
    if config.version_label:
        return f"{name} labelled {config.version_label!r}"
    if config.model_version != NEWEST:
        return f"{name} in version {config.model_version}"
    return name
