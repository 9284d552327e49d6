"""The operator's files in `serving/`, read as TensorFlow Serving reads them."""

from pathlib import Path

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

SERVING = Path(__file__).parents[2] / "serving"

_Field = descriptor_pb2.FieldDescriptorProto
_INT = {
    "type": _Field.TYPE_MESSAGE, "type_name": ".google.protobuf.Int64Value",
}  # fmt: skip
_TEXT = {"type": _Field.TYPE_STRING}
_FLAG = {"type": _Field.TYPE_BOOL}

# Those that its Python package lacks, from session_bundle_config.proto and
# ssl_config.proto: message → its fields in the order of their numbers.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": _INT,
        "batch_timeout_micros": _INT,
        "max_enqueued_batches": _INT,
        "num_batch_threads": _INT,
        "thread_pool_name": {
            **_INT, "type_name": ".google.protobuf.StringValue",
        },
        "allowed_batch_sizes": {
            "type": _Field.TYPE_INT64, "label": _Field.LABEL_REPEATED,
        },
        "pad_variable_length_inputs": _FLAG,
    },
    "SSLConfig": {
        "server_key": _TEXT,
        "server_cert": _TEXT,
        "custom_ca": _TEXT,
        "client_verify": _FLAG,
    },
}  # fmt: skip


def _make_pool():
    """Declares the messages in a pool of their own."""
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    file = descriptor_pb2.FileDescriptorProto(
        name="operators.proto", syntax="proto3", dependency=[wrappers.name]
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            kind = {"label": _Field.LABEL_OPTIONAL, **kind}
            message.field.add(name=field, number=number, **kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(wrappers)
    pool.Add(file)
    return pool


_POOL = _make_pool()


def read_config(path, message):
    """The message in a configuration file.

    Args:
      path: of the file.
      message: "ModelServerConfig", "BatchingParameters" or "SSLConfig".

    Raises:
      text_format.ParseError: the server would not read it either.
    """
    empty = (
        model_server_config_pb2.ModelServerConfig()
        if message == "ModelServerConfig"
        else message_factory.GetMessageClass(
            _POOL.FindMessageTypeByName(message)
        )()
    )
    return text_format.Parse(Path(path).read_text("utf-8"), empty)
