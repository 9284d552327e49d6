"""The serve command: from its flags to the end of its process."""

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from efgan_tf import commands, serve
from efgan_tf.serving.local.serve_settings import ServeConfig
from tests.serving.servers import NAME, Code, Gate, calling, serving

X = {"x": np.ones(1, np.float32)}


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
    argv = ["serve", "--helpshort"]
    assert commands.run(serve.main, ServeConfig, argv=argv) == 0
    text = capsys.readouterr().out
    for name in ("model_dir", "max_requests", "max_image_pixels", "port"):
        assert f"--{name}" in text
    code = "import sys, efgan_tf.serve; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_servers_do_not_share_a_port(folder, refusal):
    with serving(folder) as (server, _):
        port = server.address.rpartition(":")[2]
        flags = [f"--model_dir={folder}", f"--port={port}"]
        error = refusal(serve.main, ServeConfig, flags=flags)
    assert "Address already in use" in error and "--port=0" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give --model_dir=FOLDER"),
        (["--model_dir=/absent"], "--model_dir=/absent is no folder"),
        (["--model_dir={tmp}"], "holds no version"),
        (["--model_dir={model}/1/"], "--model_dir={model}\n"),
        (["--model_dir={model}", "--host=no.such.host"], "no.such.host"),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, refusal, flags, message):
    places = {"tmp": tmp_path, "model": folder.resolve()}
    flags = [flag.format(**places) for flag in flags]
    error = refusal(serve.main, ServeConfig, flags=flags)
    assert message.format(**places) in error
