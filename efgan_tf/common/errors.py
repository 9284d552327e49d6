"""Errors that are the user's to mend, each in one clear line."""


class UserError(Exception):
    """A user's mistake: one clear line that names the way out.

    Commands print it on standard error and end with exit status 2, without a
    traceback (`efgan_tf.commands.run`). Library callers may catch it.
    """


class ConfigError(UserError, ValueError):
    """A configuration value that is out of range or at odds with another."""
