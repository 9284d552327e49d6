"""A client that checks the server's certificate, and shows its own."""

import concurrent.futures
import contextlib
import dataclasses
import datetime
import ipaddress
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tensorflow_serving.apis import model_service_pb2_grpc

from efgan_tf import client as command
from efgan_tf import commands
from efgan_tf.common.errors import UserError
from efgan_tf.serving import Client, ServingError
from efgan_tf.serving.local.services import ModelService
from efgan_tf.serving.local.versions import Versions
from tests.trained.conftest import make_exported


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


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {
        name: _make_pair(folder, name) for name in ("server", "client", "other")
    }


@contextlib.contextmanager
def _serving(own, client=None):
    """Port of a server with a certificate; of clients it may ask for one."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    versions = Versions("efgan", make_exported().out / "efgan", print)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        ModelService("efgan", versions), server
    )
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.certificate.read_bytes())],
        client and client.certificate.read_bytes(),
        client is not None,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


def _refused(address, **settings):
    with Client(address, **settings) as client:
        with pytest.raises(ServingError) as caught:
            client.versions()
    return str(caught.value)


def test_the_server_shows_a_certificate(pairs):
    trusted = str(pairs["server"].certificate)
    with _serving(pairs["server"]) as port:
        for host in ("127.0.0.1", "localhost"):
            address = f"{host}:{port}"
            with Client(address, root_certificate=trusted) as client:
                assert client.versions() == {1: "AVAILABLE"}
                assert client.config.address == f"grpcs://{address}/efgan"
        # Another authority, the known ones, no TLS.
        address = f"127.0.0.1:{port}"
        other = str(pairs["other"].certificate)
        message = _refused(address, root_certificate=other)
        assert "no TLS connection" in message
        assert "check --root_certificate" in message
        assert "no TLS connection" in _refused(f"grpcs://{address}")
        message = _refused(address)
        assert "cannot be reached" in message and "(--tls)" in message


def test_the_client_shows_a_certificate(pairs):
    trusted = {"root_certificate": str(pairs["server"].certificate)}
    known, other = (
        {
            "client_certificate": str(pairs[name].certificate),
            "client_key": str(pairs[name].key),
        }
        for name in ("client", "other")
    )
    with _serving(pairs["server"], pairs["client"]) as port:
        address = f"127.0.0.1:{port}"
        with Client(address, **trusted, **known) as client:
            assert client.versions() == {1: "AVAILABLE"}
        for settings in (trusted, {**trusted, **other}):
            message = _refused(address, **settings)
            assert "--client_certificate" in message


def test_certificates_that_are_none(pairs, tmp_path, capsys):
    (tmp_path / "text.pem").write_text("no certificate")
    text, key = str(tmp_path / "text.pem"), str(pairs["server"].key)
    with pytest.raises(UserError, match="text.pem is no PEM file"):
        Client("localhost:1", root_certificate=text)
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
