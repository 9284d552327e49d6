"""A page that is served as users have it: by the command, with the preset."""

import os
import re
import signal
import subprocess
import sys

import pytest


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """The address of `python -m efgan_tf.demo`, which must end well."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    errors = tmp_path_factory.mktemp("demo") / "errors.txt"
    with open(errors, "w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "efgan_tf.demo", "--port=0",
             "--max_upload_mb=1", "--max_megapixels=4"],
            stdout=subprocess.PIPE, stderr=file, text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    try:
        lines = iter(process.stdout.readline, "")
        opened = next(filter(None, (re.match("open (.*) in", each)
                                    for each in lines)), None)  # fmt: skip
        assert opened, errors.read_text()
        yield opened[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors.read_text(), errors.read_text()
