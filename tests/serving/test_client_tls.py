"""TLS, as serving/ssl.config has it on the server's side."""

import dataclasses
import datetime
import ipaddress
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from efgan_tf import client as command
from efgan_tf import commands
from efgan_tf.errors import UserError
from efgan_tf.serving import Client, ServingError
from efgan_tf.serving.local.server import LocalServer
from efgan_tf.serving.local.settings import ServeConfig
from tests.editing.conftest import make_exported


@dataclasses.dataclass(frozen=True)
class _Pair:
    """PEM files of a certificate for localhost that signs itself."""

    certificate: Path
    key: Path


def _make_pair(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pair = _Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pem = serialization.Encoding.PEM
    pair.certificate.write_bytes(certificate.public_bytes(pem))
    pair.key.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pair


def _ssl_config(path, server, client=None):
    """Writes the file that TensorFlow Serving takes."""
    values = {
        "server_key": server.key.read_text(),
        "server_cert": server.certificate.read_text(),
    }
    if client:
        values["custom_ca"] = client.certificate.read_text()
    lines = [f"{name}: {json.dumps(text)}" for name, text in values.items()]
    lines.append(f"client_verify: {str(client is not None).lower()}")
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {
        name: _make_pair(folder, name) for name in ("server", "client", "other")
    }


def _serve(ssl_config):
    return LocalServer(
        ServeConfig(
            model_dir=str(make_exported().out / "efgan"),
            port=0,
            ssl_config_file=ssl_config,
        )
    )


def _refused(address, **settings):
    with Client(address, **settings) as client:
        with pytest.raises(ServingError) as caught:
            client.versions()
    return str(caught.value)


def test_the_server_shows_who_it_is(pairs, tmp_path, monkeypatch):
    config = _ssl_config(tmp_path / "ssl.config", pairs["server"])
    trusted = str(pairs["server"].certificate)
    with _serve(config) as server:
        for host in ("127.0.0.1", "localhost"):
            address = f"{host}:{server.port}"
            with Client(address, root_certificate=trusted) as client:
                assert client.versions() == {1: "AVAILABLE"}
                assert client.config.address == f"grpcs://{address}/efgan"
        # Somebody else's signature, known authorities, none of it.
        other = str(pairs["other"].certificate)
        message = _refused(address, root_certificate=other)
        assert "no TLS connection" in message
        assert "check --root_certificate" in message
        assert "--root_certificate" in _refused(f"grpcs://{address}")
        message = _refused(address)
        assert "cannot be reached" in message and "(--tls)" in message


def test_the_client_shows_who_it_is(pairs, tmp_path):
    config = _ssl_config(
        tmp_path / "ssl.config", pairs["server"], pairs["client"]
    )
    trusted = {"root_certificate": str(pairs["server"].certificate)}
    known, other = (
        {
            "client_certificate": str(pairs[name].certificate),
            "client_key": str(pairs[name].key),
        }
        for name in ("client", "other")
    )
    with _serve(config) as server:
        with Client(server.address, **trusted, **known) as client:
            assert client.versions() == {1: "AVAILABLE"}
        for settings in (trusted, {**trusted, **other}):
            assert "cannot be reached" in _refused(server.address, **settings)


def test_certificates_that_are_none(pairs, tmp_path, capsys):
    (tmp_path / "text.pem").write_text("no certificate")
    text, key = str(tmp_path / "text.pem"), str(pairs["server"].key)
    with pytest.raises(UserError, match="text.pem is no PEM file"):
        Client("localhost:1", root_certificate=text).versions()
    for flags, words in (
        ([f"--root_certificate={tmp_path}/no.pem"], "no.pem is no file"),
        ([f"--client_key={key}"], "go together"),
        ([f"--root_certificate={text}"], "text.pem is no PEM file"),
    ):
        status = commands.run(
            command.main, *command.CONFIGS,
            argv=["client", "--server=localhost:1", "--image=x.png", *flags],
        )  # fmt: skip
        error = capsys.readouterr().err
        assert status == 2 and words in error and error.count("\n") == 1
