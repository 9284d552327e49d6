"""The gRPC status that a request is refused with."""

import grpc

_MAX_LENGTH = 1024

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
      code: gRPC status, or its number.
      message: for the client; cut where it is too long for gRPC.
    """

    def __init__(self, code: grpc.StatusCode | int, message: str):
        super().__init__(message[:_MAX_LENGTH])
        self.code = _CODES[code] if isinstance(code, int) else code


def invalid(message: str) -> RequestError:
    """An INVALID_ARGUMENT."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> RequestError:
    """A NOT_FOUND."""
    return RequestError(grpc.StatusCode.NOT_FOUND, message)
