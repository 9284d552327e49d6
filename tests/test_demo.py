"""The command that opens the page: what it refuses, and how it begins."""

import contextlib
import socket
import subprocess
import sys
import urllib.request

import pytest

from efgan_tf import commands, demo
from efgan_tf.interface import server
from tests.browser import HERE


def _run(*arguments):
    return commands.run(
        demo.main, demo.TrainedConfig, demo.DemoConfig,
        argv=["demo", *arguments],
    )  # fmt: skip


def _refused(capsys, *arguments):
    """The one line of a command that does not begin."""
    assert _run(*arguments) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: ") and error.count("\n") == 1
    assert "open http" not in out
    return error


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--port=70000"], "--port=70000 is not within 0-65535"),
        (["--host="], "give --host=ADDRESS"),
        (["--max_megapixels=0"], "--max_megapixels must be more than 0"),
        (["--max_upload_mb=nan"], "--max_upload_mb=nan is not a finite"),
        (["--root_path=faces"], "--root_path=faces must begin with a slash"),
    ],
)
def test_a_users_mistake_is_one_line(capsys, arguments, message):
    assert message in _refused(capsys, *arguments)


def test_an_address_that_cannot_be_had_is_told_before_the_model(capsys):
    pytest.importorskip("gradio", reason="gradio is not installed")
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
        message = _refused(capsys, f"--port={port}")
    assert f"--port={port} is in use; name another one, or 0" in message
    message = _refused(capsys, "--host=203.0.113.7", "--port=0")
    assert "--host=203.0.113.7 is no address of this machine" in message


def test_a_model_that_is_not_there_is_told_of(capsys, tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    path = tmp_path / "absent"
    message = _refused(capsys, f"--model={path}", "--port=0")
    assert f"{path} does not exist" in message
    assert "preset:none" in _refused(capsys, "--model=preset:none", "--port=0")


def test_without_gradio_the_way_to_it_is_told(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    message = _refused(capsys, "--port=0")
    assert "pip install 'efgan_tf[demo]'" in message


def test_an_old_gradio_is_told_of(capsys, monkeypatch):
    gradio = pytest.importorskip("gradio", reason="gradio is not installed")
    monkeypatch.setattr(gradio, "__version__", "5.49.1")
    message = _refused(capsys, "--port=0")
    assert "Gradio 5.49.1 is too old" in message


def test_help_is_there_at_once():
    code = (
        "import sys; from efgan_tf import commands, demo; "
        "commands.run(demo.main, demo.TrainedConfig, demo.DemoConfig, "
        "argv=['demo', '--help']); "
        "sys.exit('gradio' in sys.modules or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert "--host: address to serve at" in done.stdout
    assert "(default '127.0.0.1')" in done.stdout


@pytest.mark.parametrize("host", [HERE, "localhost", "0.0.0.0"])
def test_the_address_that_is_told_is_one_to_open(host):
    with server.listen(host, 0) as listener:
        address = server.address_of(listener)
        port = listener.getsockname()[1]
        assert address in (f"http://{HERE}:{port}", f"http://[::1]:{port}")
        with contextlib.closing(
            socket.create_connection(listener.getsockname()[:2])
        ):
            pass
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=1)
