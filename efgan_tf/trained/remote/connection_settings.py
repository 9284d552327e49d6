"""Address and options of a served model."""

import dataclasses
import ipaddress
import re
from pathlib import Path
from typing import Any

from efgan_tf.common.errors import UserError
from efgan_tf.common.options import (
    check_at_least,
    check_finite,
    option,
    require,
)

SCHEMES = ("grpc://", "grpcs://")
"""An address of a served model begins with one of these; a path does not."""

NEWEST = -1
"""In place of a version's number; 0 is a version of its own."""

_ADDRESS = re.compile(
    r"(?P<scheme>grpcs?://)?(?P<server>[^/]+:\d+)"
    r"(/(?P<model>[^/]+)"
    r"(/versions/(?P<version>\d+)|/labels/(?P<label>[^/]+))?)?/?"
)


@dataclasses.dataclass(frozen=True)
class ConnectionConfig:
    """The server and the name of its model."""

    server: str = option(
        "", "HOST:PORT of TensorFlow Serving, or of efgan_tf.serve"
    )
    model_name: str = option("efgan", "name that the model is served by")
    model_version: int = option(NEWEST, "number of its version; -1: the newest")
    version_label: str = option("", "label of its version, instead of a number")
    timeout: float = option(30.0, "seconds that a response may take")
    faces_per_request: int = option(
        8, "faces in one request; no more than the server's largest batch"
    )
    tls: bool = option(False, "use TLS")
    root_certificate: str = option(
        "", "PEM file of the authority that signed the server's certificate "
        "(default: known authorities); implies --tls"
    )  # fmt: skip
    client_certificate: str = option(
        "", "PEM file of this client's own certificate; implies --tls"
    )
    client_key: str = option("", "PEM file of that certificate's key")

    def __post_init__(self):
        check_finite(self)
        require(bool(self.server), "give --server=HOST:PORT, as localhost:8500")
        require(
            re.fullmatch(r".+:\d+", self.server) is not None
            and "//" not in self.server,
            f"--server={self.server} is not HOST:PORT, as localhost:8500 is",
        )
        require(bool(self.model_name), "--model_name is empty")
        check_at_least(self, NEWEST, "model_version")
        check_at_least(self, 1, "faces_per_request")
        require(self.timeout > 0, "--timeout must be greater than 0")
        require(
            self.model_version == NEWEST or not self.version_label,
            "--model_version and --version_label exclude each other; give one",
        )
        require(
            bool(self.client_certificate) == bool(self.client_key),
            "--client_certificate and --client_key go together",
        )
        for name in ("root_certificate", "client_certificate", "client_key"):
            path = getattr(self, name)
            require(
                not path or Path(path).is_file(), f"--{name}={path} is no file"
            )

    @property
    def host(self) -> str:
        """The server without its port."""
        return self.server.rpartition(":")[0].strip("[]")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, which needs no proxy."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def encrypted(self) -> bool:
        """Whether TLS is used."""
        return bool(
            self.tls or self.root_certificate or self.client_certificate
        )

    @property
    def address(self) -> str:
        """In the form that `parse_address` reads."""
        scheme = "grpcs://" if self.encrypted else "grpc://"
        place = f"{scheme}{self.server}/{self.model_name}"
        if self.version_label:
            return f"{place}/labels/{self.version_label}"
        if self.model_version != NEWEST:
            return f"{place}/versions/{self.model_version}"
        return place


def is_address(path: object) -> bool:
    """Whether this is the address of a served model and not a path."""
    return str(path).startswith(SCHEMES)


def parse_address(address: str, **settings: Any) -> ConnectionConfig:
    """The settings in an address.

    Args:
      address: `HOST:PORT` or `grpc://HOST:PORT/MODEL`, optionally
        followed by `/versions/3` or `/labels/stable`; `grpcs://` uses TLS.
      **settings: further fields of `ConnectionConfig`.

    Raises:
      UserError: this is no address, or a setting is out of range.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or (found["model"] and not found["scheme"]):
        raise UserError(
            f"{address!r} is no address of a served model: write HOST:PORT or "
            "grpc://HOST:PORT/MODEL, optionally followed by /versions/3 or "
            "/labels/stable"
        )
    values = {
        "server": found["server"],
        "model_name": found["model"],
        "model_version": found["version"] and int(found["version"]),
        "version_label": found["label"],
        "tls": found["scheme"] == "grpcs://" or None,
    }
    values = {key: value for key, value in values.items() if value is not None}
    return ConnectionConfig(**{**settings, **values})
