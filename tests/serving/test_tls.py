"""TLS: what `serving/make_certificates.sh` makes, and a client that uses it."""

import concurrent.futures
import contextlib
import shutil
import stat
import subprocess

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc

from efgan_tf import client as command
from efgan_tf.serving import Client, ServingError
from efgan_tf.serving.local.services import ModelService
from efgan_tf.serving.local.versions import Versions
from tests.serving.operators import SERVING, read_config
from tests.trained.conftest import make_exported

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is not installed"
)

SCRIPT = SERVING / "make_certificates.sh"


def _run(*arguments):
    return subprocess.run(
        [SCRIPT, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Files of a server that asks clients for a certificate, too."""
    out = tmp_path_factory.mktemp("strict")
    done = _run(
        f"--out={out}", "--host=edit.example.org", "--host=10.0.0.1",
        "--days=7", "--client_verify",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = done.stdout.split()
    assert len(made) == 4 and all((out / path).is_file() for path in made)
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Files of another authority, and of a server that asks for nothing."""
    out = tmp_path_factory.mktemp("plain")
    assert _run(f"--out={out}").returncode == 0
    return out


@contextlib.contextmanager
def _serving(folder):
    """Port of a server with an `ssl.config` as TensorFlow Serving uses it."""
    config = read_config(folder / "server/ssl.config", "SSLConfig")
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    versions = Versions("efgan", make_exported().out / "efgan", print)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        ModelService("efgan", versions), server
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _trusting(folder):
    return {"root_certificate": str(folder / "ca.pem")}


def _showing(folder):
    return {
        "client_certificate": str(folder / "client.pem"),
        "client_key": str(folder / "client.key"),
    }


def _refused(address, **settings):
    with Client(address, **settings) as client:
        with pytest.raises(ServingError) as caught:
            client.versions()
    return str(caught.value)


def test_the_client_checks_the_server(plain, strict):
    with _serving(plain) as port:
        for host in ("127.0.0.1", "localhost"):
            address = f"{host}:{port}"
            with Client(address, **_trusting(plain)) as client:
                assert client.versions() == {1: "AVAILABLE"}
                assert client.config.address == f"grpcs://{address}/efgan"
        # Another authority, the well-known ones, no TLS.
        address = f"127.0.0.1:{port}"
        message = _refused(address, **_trusting(strict))
        assert "no TLS connection" in message
        assert "check --root_certificate" in message
        assert "no TLS connection" in _refused(f"grpcs://{address}")
        message = _refused(address)
        assert "cannot be reached" in message and "(--tls)" in message


def test_the_server_checks_the_client(plain, strict):
    trusted = _trusting(strict)
    with _serving(strict) as port:
        address = f"127.0.0.1:{port}"
        with Client(address, **trusted, **_showing(strict)) as client:
            assert client.versions() == {1: "AVAILABLE"}
        # None, and one of another authority.
        for settings in (trusted, {**trusted, **_showing(plain)}):
            message = _refused(address, **settings)
            assert "--client_certificate" in message


def _openssl(certificate, *options):
    return subprocess.run(
        ["openssl", "x509", "-noout", *options],
        input=certificate, capture_output=True, text=True,
    )  # fmt: skip


def test_keys_are_private_and_certificates_name_hosts_and_end(strict):
    files = [path for path in strict.rglob("*") if path.is_file()]
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    # The authority's key is nowhere: it could sign for anybody.
    keys = {p.name for p in files if b"PRIVATE KEY" in p.read_bytes()}
    assert keys == {"ssl.config", "client.key"}
    config = read_config(strict / "server/ssl.config", "SSLConfig")
    own = config.server_cert
    for days, ended in ((6, 0), (8, 1)):
        seconds = str(86400 * days)
        assert _openssl(own, "-checkend", seconds).returncode == ended
    for option, name, matches in (
        ("-checkhost", "edit.example.org", True),
        ("-checkhost", "other.example.org", False),
        ("-checkip", "10.0.0.1", True),
    ):
        found = _openssl(own, option, name).stdout
        assert ("does match" in found) is matches, found


def test_it_writes_the_configuration_of_existing_certificates(strict, tmp_path):
    had = read_config(strict / "server/ssl.config", "SSLConfig")
    (tmp_path / "key.pem").write_text(had.server_key)
    # As written on Windows.
    (tmp_path / "cert.pem").write_text(had.server_cert, newline="\r\n")
    done = _run(
        f"--out={tmp_path / 'own'}", f"--server_key={tmp_path / 'key.pem'}",
        f"--server_cert={tmp_path / 'cert.pem'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [p.name for p in (tmp_path / "own").iterdir()] == ["server"]
    config = read_config(tmp_path / "own/server/ssl.config", "SSLConfig")
    assert config.server_key == had.server_key
    assert config.server_cert == had.server_cert
    assert not config.custom_ca and not config.client_verify


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--out"),
        (["--out={tmp}", "--days=soon"], "--days=soon"),
        (["--out={tmp}", "--host=a b"], "--host=a b"),
        (["--out={tmp}", "--hosts=a"], "--hosts=a"),
        (["--out={tmp}", "--server_key={tmp}/x"], "--server_cert"),
        (["--out={tmp}", "--server_key={tmp}/x", "--server_cert={tmp}/x"],
         "is no PEM file"),
    ],
)  # fmt: skip
def test_mistakes_of_the_script_are_one_line(tmp_path, arguments, message):
    (tmp_path / "x").write_text("no PEM")
    done = _run(*[argument.format(tmp=tmp_path) for argument in arguments])
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--root_certificate={tmp}/no.pem", "no.pem is no file"),
        ("--root_certificate={tmp}/text.pem", "text.pem is no PEM file"),
        ("--client_key={tmp}/text.pem", "go together"),
    ],
)
def test_mistakes_of_the_client_are_one_line(tmp_path, refusal, flag, message):
    (tmp_path / "text.pem").write_text("no certificate")
    flags = ["--server=localhost:1", "--image=x.png", flag.format(tmp=tmp_path)]
    assert message in refusal(command.main, *command.CONFIGS, flags=flags)
