"""The serve command: from its flags to the end of its process."""

import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from efgan_tf import commands, serve
from efgan_tf.serving.local.settings import ServeConfig
from tests.serving.servers import (
    NAME,
    Code,
    Gate,
    calling,
    serving,
    write_version,
)

X = {"x": np.ones(1, np.float32)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / NAME
    write_version(folder, 1)
    return folder


def _serve(*arguments):
    return commands.run(serve.main, ServeConfig, argv=["serve", *arguments])


@pytest.mark.parametrize("ending", ["1", "1/"])
def test_a_version_instead_of_its_folder(ending, folder, capsys):
    assert _serve(f"--model_dir={folder}/{ending}") == 2
    assert f"--model_dir={folder.resolve()}\n" in capsys.readouterr().err


def test_the_command_serves_until_it_is_asked_to_end(folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "efgan_tf.serve", f"--model_dir={folder}",
         "--port=0", "--grace_seconds=600"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        first, second = (process.stdout.readline() for _ in range(2))
        assert "in production run TensorFlow Serving" in first
        address = re.fullmatch(r"serving on (127\.0\.0\.1:\d+)\n", second)[1]
        with calling(address) as caller:
            assert caller.predict(X).spec == (NAME, 1, "serving_default")
            gate = Gate(tmp_path / "gate", caller)
            process.send_signal(signal.SIGTERM)
            assert "finishing the requests" in process.stdout.readline()
            assert gate.open().code is Code.OK
            assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_help_is_fast_and_names_every_option(capsys):
    assert _serve("--helpshort") == 0
    text = capsys.readouterr().out
    for name in ("model_dir", "max_requests", "max_image_pixels", "port"):
        assert f"--{name}" in text
    code = "import sys, efgan_tf.serve; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_port_in_use(folder, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert _serve(f"--model_dir={folder}", f"--port={port}") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another --port, or --port=0 for any that is free"
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
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, capsys, flags, message):
    flags = [flag.format(tmp=tmp_path, model=folder) for flag in flags]
    assert _serve(*flags) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and message in error[-1]
    assert "Unknown error" not in error[-1]
