"""What bounds the local server: requests in flight, messages, pixels, time."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from tests.serving.servers import Code, Gate, calling, predict_request, serving
from tests.trained.conftest import encoded, make_exported


def _x(*values):
    return {"x": np.array(values, np.float32)}


def test_more_requests_than_the_limit_are_refused(folder, tmp_path):
    with serving(folder, max_requests=1) as (_, caller):
        gate = Gate(tmp_path / "gate", caller)
        assert caller.predict(_x(1)).code is Code.RESOURCE_EXHAUSTED
        assert gate.open().code is Code.OK
        _until_free(caller)


def _until_free(caller):
    """gRPC counts a request until shortly after it is answered."""
    end = time.monotonic() + 60
    while caller.predict(_x(1)).code is not Code.OK:
        assert time.monotonic() < end


def test_a_deadline_that_passes_before_its_turn(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with serving(folder) as (_, caller):
        gate = Gate(tmp_path / "gate", caller)
        answer = caller.predict(_x(1), timeout=0.3)
        assert answer.code is Code.DEADLINE_EXCEEDED
        # What needs no core is answered meanwhile.
        assert caller.states() == [(1, "AVAILABLE")]
        assert gate.open().code is Code.OK
        assert caller.predict(_x(1)).code is Code.OK


def test_a_client_that_disconnects_disturbs_no_other(folder, tmp_path, caplog):
    with serving(folder) as (server, caller):
        gate = Gate(tmp_path / "gate", caller)
        request = predict_request(gate.inputs, "gate")
        for _ in range(3):
            with calling(server.address) as gone:
                gone.prediction.Predict.future(request, timeout=600)
                time.sleep(0.05)
        call = caller.prediction.Predict.future(request, timeout=600)
        time.sleep(0.05)
        call.cancel()
        assert gate.open().code is Code.OK
        assert caller.predict(_x(1)).outputs["y"] == [2]
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


def test_a_message_over_the_limit(folder):
    with serving(folder, max_message_mb=1) as (_, caller):
        answer = caller.predict({"x": np.zeros(300_000, np.float32)})
        assert answer.code is Code.RESOURCE_EXHAUSTED
        assert "eceived message larger than max" in answer.details
        # The response may be larger, as with TensorFlow Serving.
        large = caller.predict({"x": np.zeros(250_000, np.float32)})
        assert large.outputs["twice"].shape == (250_000,)


@pytest.fixture(scope="module")
def editing():
    folder = make_exported().saved_model.parent
    with serving(folder, max_image_pixels=10_000) as (_, caller):
        yield caller


def _black(width, height, kind="PNG"):
    return encoded(np.zeros((height, width, 3), np.uint8), kind)


def test_images_are_checked_before_they_are_edited(editing):
    for content in _black(64, 64), _black(100, 100, "JPEG"):
        answer = _edit(editing, content)
        assert answer.code is Code.OK, answer
        with Image.open(io.BytesIO(answer.outputs["image_bytes"][0])) as image:
            assert image.format == "PNG" and image.size == (64, 64)
    # Too large, cut in its header and behind it, no image at all.
    cut = (_black(64, 64)[:length] for length in (20, 40))
    for content in _black(101, 100), *cut, b"text":
        assert _edit(editing, content).code is Code.INVALID_ARGUMENT
    # Too large together, which the graph would not mind.
    assert "together" in _edit(editing, *[_black(71, 71)] * 2).details


def _edit(caller, *contents):
    inputs = {
        "image_bytes": np.array(contents, object),
        "action_units": np.zeros((len(contents), 17), np.float32),
    }
    return caller.predict(inputs, "edit_bytes")
