"""TLS by the file that TensorFlow Serving's `--ssl_config_file` takes."""

import grpc

from efgan_tf.errors import UserError
from efgan_tf.serving.local.messages import new_message, read_message

_FLAG = "ssl_config_file"


def read_credentials(path: str) -> grpc.ServerCredentials:
    """The server's credentials.

    Args:
      path: of an `SSLConfig` in text form, PEM text inline: `server_key`,
        `server_cert`, and, if clients must show certificates, `custom_ca` and
        `client_verify: true`.

    Raises:
      UserError: it cannot be read or is not such a file.
    """
    config = read_message(path, new_message("SSLConfig"), _FLAG)
    wanted = ["server_key", "server_cert"]
    if config.client_verify:
        wanted.append("custom_ca")
    for name in wanted:
        if "-----BEGIN" not in getattr(config, name):
            raise UserError(
                f"--{_FLAG}={path}: {name} must hold the text of a PEM file, "
                "not its path"
            )
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
