"""TLS by the file that TensorFlow Serving's `--ssl_config_file` takes."""

from pathlib import Path

import grpc
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message,
    message_factory,
    text_format,
)

from efgan_tf.errors import UserError

_Field = descriptor_pb2.FieldDescriptorProto


def _message_class() -> type[message.Message]:
    """`SSLConfig`, which TensorFlow Serving's Python API leaves out.

    In a pool of its own: a package that has it must not clash with it.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="efgan_tf/ssl_config.proto",
        package="tensorflow.serving",
        syntax="proto3",
    )
    ssl_config = file.message_type.add(name="SSLConfig")
    for number, (name, kind) in enumerate(
        [
            ("server_key", _Field.TYPE_STRING),
            ("server_cert", _Field.TYPE_STRING),
            ("custom_ca", _Field.TYPE_STRING),
            ("client_verify", _Field.TYPE_BOOL),
        ],
        1,
    ):
        ssl_config.field.add(
            name=name,
            number=number,
            type=kind,
            label=_Field.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("tensorflow.serving.SSLConfig")
    )


def read_credentials(path: str) -> grpc.ServerCredentials:
    """The server's credentials.

    Args:
      path: of a text proto `SSLConfig`; PEM text inline: `server_key`,
        `server_cert`, and, if clients show certificates, `custom_ca` and
        `client_verify: true`.

    Raises:
      UserError: it cannot be read or is not such a file.
    """
    config = _message_class()()
    try:
        text_format.Parse(Path(path).read_text("utf-8"), config)
    except OSError as error:
        raise UserError(
            f"--ssl_config_file={path}: {error.strerror}"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(
            f"--ssl_config_file={path} is no text proto of SSLConfig: {error}"
        ) from error
    for name in ("server_key", "server_cert"):
        if "-----BEGIN" not in getattr(config, name):
            raise UserError(
                f"--ssl_config_file={path}: {name} must hold the text of a "
                "PEM file, not its path"
            )
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
