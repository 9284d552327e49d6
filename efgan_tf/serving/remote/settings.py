"""Where a served model is, and how it is asked."""

import dataclasses
import ipaddress
import re
from pathlib import Path
from typing import Any

from efgan_tf.errors import UserError
from efgan_tf.options import check_at_least, check_finite, option, require

SCHEMES = ("grpc://", "grpcs://")
"""What the address of a served model begins with where a path might be."""

NEWEST = -1
"""In place of a version's number; 0 is a version to TensorFlow Serving."""

_ADDRESS = re.compile(
    r"(?P<scheme>grpcs?://)?(?P<server>[^/]+:\d+)"
    r"(/(?P<model>[^/]+)"
    r"(/versions/(?P<version>\d+)|/labels/(?P<label>[^/]+))?)?/?"
)


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """The server, and the model on it."""

    server: str = option(
        "", "HOST:PORT of TensorFlow Serving, or of efgan_tf.serve"
    )
    model_name: str = option("efgan", "name that the model is served by")
    model_version: int = option(NEWEST, "number of its version; -1: the newest")
    version_label: str = option("", "label of its version, instead of a number")
    timeout: float = option(30.0, "seconds that an answer may take")
    faces_per_request: int = option(
        8, "faces in one request; no more than the server's largest batch"
    )
    tls: bool = option(False, "speak TLS with the server")
    root_certificate: str = option(
        "", "PEM file of who signed the server's certificate (default: known "
        "authorities); means --tls"
    )  # fmt: skip
    client_certificate: str = option(
        "", "PEM file that shows the server who asks; means --tls"
    )
    client_key: str = option("", "PEM file of that certificate's key")

    def __post_init__(self):
        check_finite(self)
        require(bool(self.server), "give --server=HOST:PORT, as localhost:8500")
        require(
            re.fullmatch(r".+:\d+", self.server) is not None
            and "//" not in self.server,
            f"--server={self.server} is no HOST:PORT, as localhost:8500 is",
        )
        require(bool(self.model_name), "--model_name is empty")
        check_at_least(self, NEWEST, "model_version")
        check_at_least(self, 1, "faces_per_request")
        require(self.timeout > 0, "--timeout must be greater than 0")
        require(
            self.model_version == NEWEST or not self.version_label,
            "--model_version and --version_label are two choices; give one",
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
        """Whether TLS is spoken."""
        return bool(
            self.tls or self.root_certificate or self.client_certificate
        )

    @property
    def address(self) -> str:
        """As `parse_address` reads it."""
        scheme = "grpcs://" if self.encrypted else "grpc://"
        place = f"{scheme}{self.server}/{self.model_name}"
        if self.version_label:
            return f"{place}/labels/{self.version_label}"
        if self.model_version != NEWEST:
            return f"{place}/versions/{self.model_version}"
        return place


def is_address(path: object) -> bool:
    """Whether it names a served model and not a path."""
    return str(path).startswith(SCHEMES)


def parse_address(address: str, **settings: Any) -> ServerConfig:
    """The settings that an address says.

    Args:
      address: `HOST:PORT` or `grpc://HOST:PORT/MODEL`, perhaps with
        `/versions/3` or `/labels/stable` at its end; `grpcs://` speaks TLS.
      **settings: others, as the fields of `ServerConfig` are named.

    Raises:
      UserError: it is no address, or a setting is out of range.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or (found["model"] and not found["scheme"]):
        raise UserError(
            f"{address!r} is no address of a served model: write HOST:PORT or "
            "grpc://HOST:PORT/MODEL, perhaps with /versions/3 or "
            "/labels/stable at its end"
        )
    said = {
        "server": found["server"],
        "model_name": found["model"],
        "model_version": found["version"] and int(found["version"]),
        "version_label": found["label"],
        "tls": found["scheme"] == "grpcs://" or None,
    }
    said = {name: value for name, value in said.items() if value is not None}
    return ServerConfig(**{**settings, **said})
