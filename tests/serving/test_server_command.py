"""The serve command: from its flags to the end of its process."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest

from efgan_tf import commands, serve
from efgan_tf.errors import UserError
from efgan_tf.serving.local.settings import ServeConfig
from efgan_tf.serving.local.tls import read_credentials
from tests.serving.servers import NAME, Code, calling, serving, write_version

X = {"x": np.ones(1, np.float32)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / NAME
    write_version(folder, 1)
    return folder


def _serve(*arguments):
    return commands.run(serve.main, ServeConfig, argv=["serve", *arguments])


@pytest.mark.parametrize("ending", ["1", "1/"])
def test_a_version_instead_of_its_folder_is_told(ending, folder, capsys):
    assert _serve(f"--model_dir={folder}/{ending}") == 2
    assert f"--model_dir={folder.resolve()}\n" in capsys.readouterr().err


def test_the_command_serves_until_it_is_asked_to_end(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "efgan_tf.serve", f"--model_dir={folder}",
         "--port=0", "--metrics_port=0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first, second, third = (process.stdout.readline() for _ in range(3))
        assert "in production run TensorFlow Serving" in first
        address = re.fullmatch(r"serving on (127\.0\.0\.1:\d+)\n", second)[1]
        assert re.search(r"http://127\.0\.0\.1:\d+/monitoring/prom", third)
        with calling(address) as caller:
            assert caller.predict(X).spec == (NAME, 1, "serving_default")
            answers = []
            thread = threading.Thread(
                target=lambda: answers.append(
                    caller.predict({"x": 5e5 * X["x"]}, "loop")
                )
            )
            thread.start()
            time.sleep(1)  # it is in flight
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
            thread.join()
        assert answers[0].code is Code.OK
        assert "finishing the requests" in process.stdout.read()
    finally:
        process.kill()
        process.stdout.close()


def test_help_is_fast_and_tells_of_every_option(capsys):
    assert _serve("--helpshort") == 0
    text = capsys.readouterr().out
    for name in ("model_dir", "enable_batching", "max_image_pixels", "port"):
        assert f"--{name}" in text
    code = "import sys, efgan_tf.serve; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("flag", ["port", "metrics_port"])
def test_a_port_in_use(folder, capsys, flag):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        flags = {"port": 0, flag: port}
        assert _serve(
            f"--model_dir={folder}", *[f"--{k}={v}" for k, v in flags.items()]
        ) == 2  # fmt: skip
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; "
        f"choose another --{flag}, or --{flag}=0 for any that is free"
    )


def test_two_servers_do_not_share_a_port(folder):
    with serving(folder) as (server, _):
        port = int(server.address.rpartition(":")[2])
        assert _serve(f"--model_dir={folder}", f"--port={port}") == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --model_dir=FOLDER"),
        (["--model_dir=/absent"], "--model_dir=/absent is no folder"),
        (["--model_dir={tmp}"], "holds no version"),
        (["--model_dir={model}", "--host=no.such.host"], "no.such.host"),
        (["--model_dir={model}", "--max_batch_size=2"], "--enable_batching"),
        (["--model_dir={model}", "--ssl_config_file=/absent"], "/absent"),
    ],
)
def test_mistakes_are_told_in_one_line(
    folder, tmp_path, capsys, flags, message
):
    flags = [flag.format(tmp=tmp_path, model=folder) for flag in flags]
    assert _serve(*flags) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and message in error[-1]
    assert "Unknown error" not in error[-1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Name → PEM text: of an authority, a server and a client."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("keys")
    _openssl(folder, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-keyout", "ca.key", "-out", "ca.crt",
             "-subj", "/CN=test authority", "-days", "1")  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("server", "client"):
        _openssl(folder, "req", "-nodes", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-keyout", f"{name}.key", "-out",
                 f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt",
                 "-CAkey", "ca.key", "-CAcreateserial", "-days", "1",
                 "-extfile", "names", "-out", f"{name}.crt")  # fmt: skip
    return {
        path.name: path.read_text()
        for path in folder.iterdir()
        if path.suffix in (".key", ".crt")
    }


def _openssl(folder, *arguments):
    subprocess.run(
        ["openssl", *arguments], cwd=folder, check=True, capture_output=True
    )


def _ssl_config(path, keys, verify):
    fields = {
        "server_key": keys["server.key"],
        "server_cert": keys["server.crt"],
        "custom_ca": keys["ca.crt"],
    }
    lines = [
        f'{name}: "{text}"'.replace("\n", "\\n")
        for name, text in fields.items()
    ]
    path.write_text("\n".join([*lines, f"client_verify: {verify}"]))
    return str(path)


def _credentials(keys, certificate):
    own = [keys["client.key"].encode(), keys["client.crt"].encode()]
    return grpc.ssl_channel_credentials(
        keys["ca.crt"].encode(), *(own if certificate else [])
    )


def test_tls(folder, keys, tmp_path):
    file = _ssl_config(tmp_path / "ssl.config", keys, "false")
    with serving(folder, ssl_config_file=file) as (server, plain):
        port = server.address.rpartition(":")[2]
        for address in (server.address, f"localhost:{port}"):
            with calling(address, _credentials(keys, False)) as caller:
                assert caller.predict(X).outputs["y"] == [2]
        answer = plain.predict(X, timeout=5)
        assert answer.code is Code.UNAVAILABLE


def test_clients_that_must_show_a_certificate(folder, keys, tmp_path):
    file = _ssl_config(tmp_path / "ssl.config", keys, "true")
    with serving(folder, ssl_config_file=file) as (server, _):
        with calling(server.address, _credentials(keys, True)) as caller:
            assert caller.predict(X).code is Code.OK
        with calling(server.address, _credentials(keys, False)) as caller:
            assert caller.predict(X, timeout=5).code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server_kye: 'x'", "no text form of SSLConfig: .*server_kye"),
        ("server_key: '/etc/key.pem'", "server_key must hold the text"),
        ("", "server_key must hold the text of a PEM file"),
    ],
)
def test_a_wrong_ssl_config(tmp_path, text, message):
    path = tmp_path / "ssl.config"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_credentials(str(path))


def test_keys_that_are_none(folder, keys, tmp_path):
    wrong = {**keys, "server.key": keys["ca.crt"]}
    file = _ssl_config(tmp_path / "ssl.config", wrong, "false")
    with pytest.raises(UserError, match="ssl.config: gRPC does not take its"):
        with serving(folder, ssl_config_file=file):
            pass
