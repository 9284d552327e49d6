"""Errors that are the user's to mend, each in one clear line."""

import contextlib
from collections.abc import Iterator


class UserError(Exception):
    """A user's mistake: one clear line that names the way out.

    Commands print it on standard error and end with exit status 2, without a
    traceback (`efgan_tf.commands.run`). Library callers may catch it.
    """


class ConfigError(UserError, ValueError):
    """A configuration value that is out of range or at odds with another."""


@contextlib.contextmanager
def as_user_error(what: str) -> Iterator[None]:
    """Turns a failed write inside into `UserError("WHAT: REASON")`.

    TensorFlow's file system raises errors of its own, which are no `OSError`.
    """
    import tensorflow as tf  # takes seconds, and few need it

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{what}: {reason}") from error
