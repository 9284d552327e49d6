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

# Those that its Python package lacks, from session_bundle_config.proto and
# ssl_config.proto: message → its fields in the order of their numbers.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": ".google.protobuf.Int64Value",
        "batch_timeout_micros": ".google.protobuf.Int64Value",
        "max_enqueued_batches": ".google.protobuf.Int64Value",
        "num_batch_threads": ".google.protobuf.Int64Value",
        "thread_pool_name": ".google.protobuf.StringValue",
        "allowed_batch_sizes": _Field.TYPE_INT64,
        "pad_variable_length_inputs": _Field.TYPE_BOOL,
    },
    "SSLConfig": {
        "server_key": _Field.TYPE_STRING,
        "server_cert": _Field.TYPE_STRING,
        "custom_ca": _Field.TYPE_STRING,
        "client_verify": _Field.TYPE_BOOL,
    },
}


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
            added = message.field.add(name=field, number=number)
            added.label = (
                _Field.LABEL_REPEATED
                if field == "allowed_batch_sizes"
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
