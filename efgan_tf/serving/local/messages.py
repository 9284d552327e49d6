"""Configuration files of TensorFlow Serving: messages in text form.

Its Python package has `ModelServerConfig` only. The other messages that its
files hold are declared here, from `session_bundle_config.proto`,
`monitoring_config.proto` and `ssl_config.proto`, in a pool of their own: a
package that has them must not clash with it.
"""

from pathlib import Path
from typing import TypeVar

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message,
    message_factory,
    text_format,
    wrappers_pb2,
)

from efgan_tf.errors import UserError

M = TypeVar("M", bound=message.Message)

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "tensorflow.serving"
_INT64 = ".google.protobuf.Int64Value"
_STRING = ".google.protobuf.StringValue"

# Message → its fields in the order of their numbers, from 1 on.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": _INT64,
        "batch_timeout_micros": _INT64,
        "max_enqueued_batches": _INT64,
        "num_batch_threads": _INT64,
        "thread_pool_name": _STRING,
        "allowed_batch_sizes": _Field.TYPE_INT64,
        "pad_variable_length_inputs": _Field.TYPE_BOOL,
    },
    "PrometheusConfig": {
        "enable": _Field.TYPE_BOOL,
        "path": _Field.TYPE_STRING,
    },
    "MonitoringConfig": {
        "prometheus_config": f".{_PACKAGE}.PrometheusConfig",
    },
    "SSLConfig": {
        "server_key": _Field.TYPE_STRING,
        "server_cert": _Field.TYPE_STRING,
        "custom_ca": _Field.TYPE_STRING,
        "client_verify": _Field.TYPE_BOOL,
    },
}
_REPEATED = ("allowed_batch_sizes",)


def _make_pool() -> descriptor_pool.DescriptorPool:
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    file = descriptor_pb2.FileDescriptorProto(
        name="efgan_tf/serving/local/messages.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers.name],
    )
    for name, fields in _MESSAGES.items():
        declared = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            added = declared.field.add(name=field, number=number)
            added.label = (
                _Field.LABEL_REPEATED
                if field in _REPEATED
                else _Field.LABEL_OPTIONAL
            )
            if isinstance(kind, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, kind
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(wrappers)
    pool.Add(file)
    return pool


_POOL = _make_pool()


def new_message(name: str) -> message.Message:
    """An empty message of one of the kinds that are declared here."""
    found = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)()


def read_message(path: str, empty: M, flag: str) -> M:
    """Reads a configuration file.

    Args:
      path: of the file.
      empty: a message of the kind that it holds; filled.
      flag: that names the file.

    Returns:
      `empty`.

    Raises:
      UserError: it cannot be read, or holds something else.
    """
    try:
        return text_format.Parse(Path(path).read_text("utf-8"), empty)
    except OSError as error:
        raise UserError(f"--{flag}={path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(
            f"--{flag}={path} is no text form of {empty.DESCRIPTOR.name}: "
            f"{error}"
        ) from error
