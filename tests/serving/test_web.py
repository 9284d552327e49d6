"""The browser page that runs a TFLite file: the interpreter's own edit."""

import functools
import http.server
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from efgan_tf.trained.tflite.interpreter import TfliteFile
from tests.browser import HERE, PHONE
from tests.serving.test_tflite import make_phone_files

WEB = Path(__file__).parents[2] / "serving" / "web"
CHANGED = 3.5
"""What a slider is moved to."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page's folder as a user sets it up, with a model; served."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("site") / "web"
    shutil.copytree(WEB, folder, ignore=shutil.ignore_patterns("node_modules"))
    got = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert "EUSAGE" not in got.stderr, got.stderr  # the lock file is wrong
    if got.returncode:
        pytest.skip(f"npm cannot get the page's packages: {got.stderr[-200:]}")
    shutil.copy(
        make_phone_files() / "efgan.dynamic.tflite", folder / "model.tflite"
    )
    handler = functools.partial(_Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer((HERE, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://{HERE}:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def face(tmp_path):
    """An aligned face as a file, and as float32 `[1, 64, 64, 3]`."""
    from efgan_tf.serving.tflite.faces import rendered_faces

    images = rendered_faces(64, 1, seed=5).images
    pixels = np.rint(images[0] * 255).astype(np.uint8)
    path = tmp_path / "face.png"
    Image.fromarray(pixels).save(path)
    return path, pixels[None] / np.float32(255)


def _status(page, text):
    page.wait_for_function(
        "text => document.getElementById('status').textContent.includes(text)",
        arg=text,
        timeout=120_000,
    )


def _pixels(page):
    """What the network made, uint8 `[64, 64, 3]`."""
    values = page.evaluate(
        """() => {
          const canvas = document.getElementById("edited");
          const context = canvas.getContext("2d");
          return Array.from(context.getImageData(
            0, 0, canvas.width, canvas.height).data);
        }"""
    )
    return np.array(values, np.uint8).reshape(64, 64, 4)[..., :3]


def _move(page, unit, value):
    page.evaluate(
        """([unit, value]) => {
          const slider = document.getElementById(unit);
          slider.value = value;
          slider.dispatchEvent(new Event("input"));
        }""",
        [unit, value],
    )


def _clear_status(page):
    """Forgets what was said, so that what is said next is new."""
    page.evaluate("document.getElementById('status').textContent = ''")


def test_the_page_edits_as_the_interpreter_does(visit, site, face):
    folder, url = site
    path, image = face
    page = visit(url)
    _status(page, "Ready: dynamic, 64 pixels")
    page.set_input_files("#photo", str(path))
    _status(page, "Edited in")
    before = _pixels(page)
    file = TfliteFile(folder / "model.tflite")
    source = file("estimate", image=image)["action_units"]
    shown = float(page.input_value("#AU12"))
    assert abs(shown - source[0, 8]) < 0.1
    wanted = source.copy()
    wanted[0, 8] = CHANGED
    _clear_status(page)
    _move(page, "AU12", CHANGED)
    _status(page, "Edited in")
    made = file(
        "edit_from", image=image, source_action_units=source,
        action_units=wanted,
    )["image"][0]  # fmt: skip
    after = _pixels(page)
    expected = np.rint(255 * made)
    # Other kernels compute it there; ranges are found anew each time.
    assert np.abs(after - expected).mean() < 1
    assert np.abs(after.astype(int) - before).mean() > 1
    _clear_status(page)
    page.click("#reset")
    _status(page, "Edited in")
    np.testing.assert_array_equal(_pixels(page), before)


def test_three_clicks_place_a_face_in_a_photo(visit, site, face, tmp_path):
    """The aligned face, enlarged and moved: clicks bring it back."""
    _, url = site
    path, image = face
    photo = Image.new("RGB", (300, 300), "gray")
    photo.paste(Image.open(path).resize((192, 192), Image.BICUBIC), (60, 80))
    photo.save(tmp_path / "photo.png")
    page = visit(url, PHONE)
    _status(page, "Ready")
    page.set_input_files("#photo", str(tmp_path / "photo.png"))
    _status(page, "Click one eye")
    box = page.locator("#view").bounding_box()
    scale = box["width"] / 300
    # The right eye first: the order of the eyes does not count.
    for x, y in [(0.64, 0.38), (0.36, 0.38), (0.5, 0.54)]:
        page.mouse.click(
            box["x"] + (60 + 192 * x) * scale, box["y"] + (80 + 192 * y) * scale
        )
    _status(page, "Edited in")
    cut = page.evaluate(
        """() => Array.from(document.getElementById("face")
             .getContext("2d").getImageData(0, 0, 64, 64).data)"""
    )
    cut = np.array(cut, np.float32).reshape(64, 64, 4)[8:-8, 8:-8, :3]
    inner = 255 * image[0, 8:-8, 8:-8]
    assert np.abs(cut - inner).mean() < 4


def test_the_camera_is_edited_until_it_is_stopped(visit, site):
    _, url = site
    page = visit(url, permissions=["camera"])
    _status(page, "Ready")
    page.click("#camera")
    _status(page, "frames skipped")
    page.click("#camera")
    assert page.inner_text("#camera") == "Camera"


def test_another_file_is_refused(visit, site, tmp_path):
    folder, url = site
    (folder / "other.tflite").write_bytes(b"none of ours at all")
    page = visit(f"{url}?model=other.tflite")
    _status(page, "The model cannot be loaded: this is no TFLite file")
