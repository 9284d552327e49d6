"""The command that opens the page: what it refuses, and how it begins."""

import contextlib
import socket
import subprocess
import sys
import urllib.request

import pytest

from efgan_tf import demo
from efgan_tf.interface import web_server
from tests.browser import HERE

CONFIGS = demo.TrainedConfig, demo.DemoConfig


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--port=70000", "--port=70000 is not within 0-65535"),
        ("--host=", "give --host=ADDRESS"),
        ("--max_megapixels=0", "--max_megapixels must be more than 0"),
        ("--max_upload_mb=nan", "--max_upload_mb=nan is not a finite"),
        ("--root_path=faces", "--root_path=faces must begin with a slash"),
        ("--host=203.0.113.7", "--host=203.0.113.7 is no address of this"),
        ("--model=absent", "absent does not exist"),
        ("--model=preset:none", "preset:none"),
    ],
)
def test_mistakes_are_one_line(refusal, flag, message):
    pytest.importorskip("gradio", reason="gradio is not installed")
    flags = ["--port=0", flag]
    assert message in refusal(demo.main, *CONFIGS, flags=flags)


def test_a_port_in_use_is_refused_before_the_model_is_loaded(refusal):
    pytest.importorskip("gradio", reason="gradio is not installed")
    with socket.create_server((HERE, 0)) as other:
        flags = [f"--port={other.getsockname()[1]}", "--model=absent"]
        message = refusal(demo.main, *CONFIGS, flags=flags)
    assert f"{flags[0]} is in use; name another one, or 0" in message


def test_without_gradio_or_with_an_old_one(refusal, monkeypatch):
    gradio = pytest.importorskip("gradio", reason="gradio is not installed")
    monkeypatch.setattr(gradio, "__version__", "5.49.1")
    message = refusal(demo.main, *CONFIGS, flags=["--port=0"])
    assert "Gradio 5.49.1 is too old" in message
    monkeypatch.setitem(sys.modules, "gradio", None)
    message = refusal(demo.main, *CONFIGS, flags=["--port=0"])
    assert "pip install 'efgan_tf[demo]'" in message


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
def test_the_printed_address_can_be_opened(host):
    with web_server.listen(host, 0) as listener:
        address = web_server.address_of(listener)
        port = listener.getsockname()[1]
        assert address in (f"http://{HERE}:{port}", f"http://[::1]:{port}")
        with contextlib.closing(
            socket.create_connection(listener.getsockname()[:2])
        ):
            pass
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=1)
