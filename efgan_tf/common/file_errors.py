"""A refused write as one clear line.

TensorFlow's file system raises errors of its own, which are no `OSError`.
"""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from efgan_tf.common.errors import UserError


@contextlib.contextmanager
def as_user_error(what: str) -> Iterator[None]:
    """Turns a refused write inside into `UserError("WHAT: REASON")`."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{what}: {reason}") from error
