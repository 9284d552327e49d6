"""The operator's files in `serving/`, read as TensorFlow Serving reads them.

Of the messages that its configuration files hold, its Python package has one.
The others are declared here from its sources, in a pool of their own:
`tensorflow_serving/servables/tensorflow/session_bundle_config.proto`,
`tensorflow_serving/config/monitoring_config.proto` and `…/ssl_config.proto`.
"""

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
_INT64 = ".google.protobuf.Int64Value"
_STRING = ".google.protobuf.StringValue"
_PACKAGE = "tensorflow.serving"

# Message → its fields by number: name, type, whether repeated.
_MESSAGES = {
    "BatchingParameters": {
        1: ("max_batch_size", _INT64),
        2: ("batch_timeout_micros", _INT64),
        3: ("max_enqueued_batches", _INT64),
        4: ("num_batch_threads", _INT64),
        5: ("thread_pool_name", _STRING),
        6: ("allowed_batch_sizes", _Field.TYPE_INT64),
        7: ("pad_variable_length_inputs", _Field.TYPE_BOOL),
    },
    "PrometheusConfig": {
        1: ("enable", _Field.TYPE_BOOL),
        2: ("path", _Field.TYPE_STRING),
    },
    "MonitoringConfig": {
        1: ("prometheus_config", f".{_PACKAGE}.PrometheusConfig"),
    },
    "SSLConfig": {
        1: ("server_key", _Field.TYPE_STRING),
        2: ("server_cert", _Field.TYPE_STRING),
        3: ("custom_ca", _Field.TYPE_STRING),
        4: ("client_verify", _Field.TYPE_BOOL),
    },
}
_REPEATED = {"allowed_batch_sizes"}


def _make_pool():
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    pool.Add(wrappers)
    file = descriptor_pb2.FileDescriptorProto(
        name="operators.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[wrappers.name],
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in fields.items():
            added = message.field.add(name=field, number=number)
            added.label = (
                _Field.LABEL_REPEATED
                if field in _REPEATED
                else _Field.LABEL_OPTIONAL
            )
            if isinstance(kind, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, kind
            else:
                added.type = kind
    pool.Add(file)
    return pool


_POOL = _make_pool()


def read_config(path, message):
    """The message in a configuration file.

    Args:
      path: of the file.
      message: "ModelServerConfig", "BatchingParameters", "MonitoringConfig" or
        "SSLConfig".

    Raises:
      text_format.ParseError: the server would not read it either.
    """
    if message == "ModelServerConfig":
        config = model_server_config_pb2.ModelServerConfig()
    else:
        found = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{message}")
        config = message_factory.GetMessageClass(found)()
    return text_format.Parse(Path(path).read_text("utf-8"), config)
