"""What a request is refused with: a gRPC status, as TensorFlow Serving's."""

import grpc

_LIMIT = 1024

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Refused(Exception):
    """A request that cannot be answered.

    Args:
      code: of the gRPC status.
      message: in the words of TensorFlow Serving where it has some; cut to
        what it sends at most.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        if len(message) > _LIMIT:
            message = f"{message[:_LIMIT]}...TRUNCATED"
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    """An INVALID_ARGUMENT."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_number(number: int, message: str) -> Refused:
    """The status with TensorFlow's number of a code, which is gRPC's."""
    return Refused(_CODES[number], message)
