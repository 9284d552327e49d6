"""Edits over REST: `edit_rest.sh`, and what `serving/README.md` shows.

The real server cannot run here. One of a few lines stands for it that does with
the JSON what `tensorflow_serving/util/json_tensor.cc` does, and asks the
exported signatures.
"""

import base64
import contextlib
import http.server
import io
import json
import re
import shutil
import subprocess
import threading

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

import efgan_tf
from efgan_tf import action_units, geometry
from tests.serving.operators import SERVING

pytestmark = pytest.mark.skipif(
    not shutil.which("curl"), reason="curl is not installed"
)

SCRIPT = SERVING / "edit_rest.sh"
AU = "AU06=4,AU12=4.5"


def _run(*arguments):
    return subprocess.run(
        [SCRIPT, *arguments], capture_output=True, text=True, timeout=60
    )


def _decoded(value):
    """A JSON value as the server reads it: `{"b64": …}` are bytes."""
    if isinstance(value, dict):
        assert set(value) == {"b64"}
        return base64.b64decode(value["b64"], validate=True)
    return value


def _answer(signatures, body):
    """The answer to a request in row format, as JSON."""
    request = json.loads(body)
    assert set(request) <= {"signature_name", "instances"}
    inputs = {
        name: tf.constant([_decoded(row[name]) for row in request["instances"]])
        for name in request["instances"][0]
    }
    key = request.get("signature_name", "serving_default")
    # The name of an only output is left out.
    ((name, output),) = signatures[key](**inputs).items()
    rows = output.numpy().tolist()
    if output.dtype == tf.string:
        assert name.endswith("_bytes")  # or the server would not write base64
        rows = [{"b64": base64.b64encode(row).decode()} for row in rows]
    return json.dumps({"predictions": rows}, indent=4)


@contextlib.contextmanager
def _serving(answer):
    """A server that answers every request; yields its address and paths."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            paths.append(self.path)
            length = int(self.headers["Content-Length"])
            status, content = answer(self.rfile.read(length))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *arguments):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        server.server_close()


def test_the_request_has_every_unit_in_its_place(face):
    # From 0.25 to 4.25.
    vector = np.arange(1, 18, dtype=np.float32) / 4
    units = ",".join(
        f"{name}={value}"
        for name, value in zip(action_units.NAMES, vector, strict=True)
    )
    done = _run(f"--image={face}", f"--au={units}", "--dry_run")
    assert (done.returncode, done.stderr) == (0, "")
    request = json.loads(done.stdout)
    assert request["signature_name"] == "edit_bytes"
    (row,) = request["instances"]
    assert _decoded(row["image_bytes"]) == face.read_bytes()
    np.testing.assert_array_equal(row["action_units"], vector)


def test_a_picture_goes_there_and_back(face, signatures, tmp_path):
    out = tmp_path / "out.png"
    with _serving(lambda body: (200, _answer(signatures, body))) as (
        server, paths,
    ):  # fmt: skip
        done = _run(
            f"--image={face}", f"--au={AU}", f"--out={out}",
            f"--server={server}", "--model=efgan/labels/stable",
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{out}\n"), done.stderr
    assert paths == ["/v1/models/efgan/labels/stable:predict"]
    (expected,) = signatures["edit_bytes"](
        image_bytes=tf.constant([face.read_bytes()]),
        action_units=action_units.to_vector(action_units.parse(AU))[None],
    )["image_bytes"].numpy()
    assert out.read_bytes() == expected
    assert Image.open(io.BytesIO(expected)).size == (64, 64)


def _shown(word):
    """The Python code of the guide that holds a word."""
    guide = (SERVING / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", guide, re.M | re.S)
    (found,) = [block for block in blocks if word in block]
    return found


def test_the_guide_aligns_a_face(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(skimage.data.astronaut()).save("photo.jpg")
    exec(_shown("align"), {})
    aligned = Image.open("face.png")
    # The eyes and the nose are where the template has them.
    (found,) = efgan_tf.load().faces(aligned)
    places = found.landmarks[:3] / aligned.width
    np.testing.assert_allclose(places, geometry.TEMPLATE, atol=0.04)


def test_the_guide_edits_with_plain_numbers(
    face, signatures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(face, "face.png")
    code = _shown("urllib").replace("(128, 128)", "(64, 64)")
    with _serving(lambda body: (200, _answer(signatures, body))) as (
        server, paths,
    ):  # fmt: skip
        exec(code.replace("http://localhost:8501", server), {})
    assert paths == ["/v1/models/efgan:predict"]
    image = Image.open("face.png").resize((64, 64))
    units = action_units.to_vector({"AU06": 4.0, "AU12": 4.5})
    (expected,) = signatures["serving_default"](
        image=np.asarray(image, np.float32)[None] / 255,
        action_units=units[None],
    )["image"].numpy()
    # Sent with four digits, and rounded.
    np.testing.assert_allclose(
        np.asarray(Image.open("out.png")) / 255, expected, atol=0.004
    )


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (404, '{"error": "Servable not found for request: Latest(efgan)"}',
         "answers 404: {\"error\": \"Servable not found"),
        (200, '{"predictions": []}', "sends no picture"),
    ],
)  # fmt: skip
def test_a_refusal_of_the_server_writes_nothing(
    face, tmp_path, status, content, message
):
    with _serving(lambda body: (status, content)) as (server, _):
        done = _run(
            f"--image={face}", f"--out={tmp_path / 'o.png'}",
            f"--server={server}",
        )  # fmt: skip
    assert done.returncode == 2 and message in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image=absent.png", "--out=o.png"], "--image=absent.png"),
        (["--image={face}"], "--out"),
        (["--image={face}", "--out=o.png", "--au=AU03=1"], "AU03 is none"),
        (["--image={face}", "--out=o.png", "--au=AU12=6"], "AU12=6"),
        (["--image={face}", "--out=o.png", "--au=AU12=x\""], "is no number"),
        (["--image={face}", "--out=o.png", "--expression=happy"],
         "--expression=happy"),
        (["--image={face}", "--out=o.png", "--server=http://127.0.0.1:9"],
         "http://127.0.0.1:9 does not answer"),
    ],
)  # fmt: skip
def test_mistakes(face, tmp_path, arguments, message):
    done = subprocess.run(
        [SCRIPT, *[argument.format(face=face) for argument in arguments]],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())
