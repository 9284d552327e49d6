"""Batching by the file that `--batching_parameters_file` names."""

import dataclasses

from efgan_tf.errors import ConfigError, UserError
from efgan_tf.serving.local.messages import new_message, read_message
from efgan_tf.serving.local.settings import BatchingConfig

_FLAG = "batching_parameters_file"

# What TensorFlow Serving takes where the file says nothing.
_DEFAULTS = {
    "max_batch_size": 1000,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 10,
}


@dataclasses.dataclass(frozen=True)
class BatchingFile:
    """What a file says.

    Attributes:
      config: the bounds.
      num_batch_threads: batches that run at once; 0: one for each core.
    """

    config: BatchingConfig
    num_batch_threads: int


def read_batching_file(path: str) -> BatchingFile:
    """Reads a `BatchingParameters` in text form.

    Raises:
      UserError: it cannot be read, is not such a file, or wants what there is
        not here.
    """
    message = read_message(path, new_message("BatchingParameters"), _FLAG)
    if message.pad_variable_length_inputs:
        raise UserError(
            f"--{_FLAG}={path}: pad_variable_length_inputs is not implemented "
            "by this server; no signature of ours needs it"
        )
    given = {
        name: getattr(message, name).value
        if message.HasField(name)
        else default
        for name, default in _DEFAULTS.items()
    }
    try:
        config = BatchingConfig(
            enable_batching=True,
            allowed_batch_sizes=tuple(message.allowed_batch_sizes),
            **given,
        )
    except ConfigError as error:
        raise UserError(f"--{_FLAG}={path}: {error}") from error
    return BatchingFile(config, max(0, message.num_batch_threads.value))
