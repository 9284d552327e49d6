"""`serving/make_certificates.sh`: certificates that a handshake accepts."""

import concurrent.futures
import contextlib
import shutil
import stat
import subprocess

import grpc
import pytest

from tests.serving.operators import SERVING, read_config

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is not installed"
)

SCRIPT = SERVING / "make_certificates.sh"
METHOD = "/efgan.Test/Echo"


def _run(*arguments):
    return subprocess.run(
        [SCRIPT, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files that clients must bring a certificate to."""
    out = tmp_path_factory.mktemp("tls")
    done = _run(
        f"--out={out}", "--host=edit.example.org", "--host=10.0.0.1",
        "--days=7", "--client_verify",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(out / name)
        for name in (
            "server/ssl.config", "ca.pem", "client.pem", "client.key",
        )
    ]  # fmt: skip
    return out


@contextlib.contextmanager
def _serving(path):
    """A gRPC server with an `ssl.config` as TensorFlow Serving uses it."""
    config = read_config(path, "SSLConfig")
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    echo = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("efgan.Test", {"Echo": echo})]
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _echo(address, *pems, name=None):
    """Sends a message; `pems`: the authority, the client's key and its own."""
    credentials = grpc.ssl_channel_credentials(*[p.read_bytes() for p in pems])
    options = [("grpc.ssl_target_name_override", name)] if name else None
    with grpc.secure_channel(address, credentials, options) as channel:
        return channel.unary_unary(METHOD)(b"face", timeout=5)


def test_a_client_with_its_certificate_is_answered(made):
    client = made / "ca.pem", made / "client.key", made / "client.pem"
    with _serving(made / "server/ssl.config") as port:
        for host in ("localhost", "127.0.0.1"):
            assert _echo(f"{host}:{port}", *client) == b"face"
        for name in ("edit.example.org", "10.0.0.1"):
            assert _echo(f"localhost:{port}", *client, name=name) == b"face"
        with pytest.raises(grpc.RpcError):
            _echo(f"localhost:{port}", *client, name="other.example.org")


def test_a_client_without_one_is_not(made, tmp_path):
    assert _run(f"--out={tmp_path}").returncode == 0
    with _serving(made / "server/ssl.config") as port:
        with pytest.raises(grpc.RpcError):
            _echo(f"localhost:{port}", made / "ca.pem")
        with pytest.raises(grpc.RpcError):  # of another authority
            _echo(
                f"localhost:{port}", made / "ca.pem", tmp_path / "client.key",
                tmp_path / "client.pem",
            )  # fmt: skip
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            with pytest.raises(grpc.RpcError):
                channel.unary_unary(METHOD)(b"face", timeout=5)


def test_without_client_verify_trust_in_the_authority_is_enough(tmp_path, made):
    assert _run(f"--out={tmp_path}").returncode == 0
    with _serving(tmp_path / "server/ssl.config") as port:
        assert _echo(f"localhost:{port}", tmp_path / "ca.pem") == b"face"
        with pytest.raises(grpc.RpcError):
            _echo(f"localhost:{port}", made / "ca.pem")


def test_keys_are_private_and_certificates_end(made):
    for path in made.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    # The authority's key is nowhere: it could sign for anybody.
    keys = [p for p in made.rglob("*") if b"PRIVATE KEY" in _content(p)]
    assert {path.name for path in keys} == {"ssl.config", "client.key"}
    config = read_config(made / "server/ssl.config", "SSLConfig")
    days = [d for d in (6, 8) if _is_good_for(d, config.server_cert)]
    assert days == [6]


def _is_good_for(days, certificate):
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-checkend", str(86400 * days)],
        input=certificate, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode == 0


def _content(path):
    return path.read_bytes() if path.is_file() else b""


def test_it_writes_the_configuration_of_certificates_that_one_has(
    made, tmp_path
):
    had = read_config(made / "server/ssl.config", "SSLConfig")
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
def test_mistakes_are_told_in_one_line(tmp_path, arguments, message):
    (tmp_path / "x").write_text("no PEM")
    done = _run(*[argument.format(tmp=tmp_path) for argument in arguments])
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
