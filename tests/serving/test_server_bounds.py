"""What bounds the local server, and what it tells of itself."""

import contextlib
import io
import threading
import time
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image

from efgan_tf.errors import ConfigError
from efgan_tf.serving.local.pictures import check_pixels
from efgan_tf.serving.local.server import HEALTH_NAMES
from efgan_tf.serving.local.settings import LimitsConfig, ServeConfig
from efgan_tf.serving.local.status import Refused
from tests.editing.conftest import make_exported
from tests.serving.servers import (
    NAME,
    Code,
    calling,
    predict_request,
    serving,
    write_version,
)

FOR_EVER = np.array([1e12], np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds") / NAME
    write_version(folder, 1)
    return folder


def _x(*values):
    return {"x": np.array(values, np.float32)}


@pytest.mark.parametrize("batching", [{}, {"enable_batching": True}])
def test_a_deadline_ends_the_work(folder, batching):
    limits = {"num_batch_threads": 1}
    with serving(folder, batching=batching, limits=limits) as (_, caller):
        answer = caller.predict({"x": FOR_EVER}, "loop", timeout=0.5)
        assert answer.code is Code.DEADLINE_EXCEEDED
        # The one thread is free again, or this would wait for ever.
        assert caller.predict(_x(1), timeout=60).code is Code.OK


@contextlib.contextmanager
def _busy(caller, seconds=3):
    """While a request without an end takes up the one thread."""

    def ask():
        # Refused, if others are there first.
        while (
            caller.predict({"x": FOR_EVER}, "loop", timeout=seconds).code
            is not Code.DEADLINE_EXCEEDED
        ):
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


def _until(caller, code, **options):
    """The first answer to a small request that has this code."""
    end = time.monotonic() + 30
    while True:
        answer = caller.predict(_x(1), **options)
        if answer.code is code:
            return answer
        assert time.monotonic() < end, answer


def test_a_deadline_that_passes_before_its_turn(folder):
    limits = {"num_batch_threads": 1}
    with serving(folder, limits=limits) as (_, caller):
        with _busy(caller):
            _until(caller, Code.DEADLINE_EXCEEDED, timeout=0.3)
        assert caller.predict(_x(1)).code is Code.OK


def test_a_client_that_disconnects_disturbs_nobody(folder, caplog):
    with serving(folder) as (server, caller):
        for _ in range(5):
            with calling(server.address) as gone:
                call = gone.prediction.Predict.future(
                    predict_request(_x(100_000), "loop"), timeout=60
                )
                time.sleep(0.05)
                del call
        call = caller.prediction.Predict.future(
            predict_request(_x(100_000), "loop"), timeout=60
        )
        time.sleep(0.05)
        call.cancel()
        assert caller.predict(_x(1)).outputs["y"] == [2]
    assert not [r for r in caplog.records if r.levelname == "ERROR"]


def test_more_requests_than_threads_are_refused(folder):
    with serving(folder, limits={"grpc_max_threads": 1}) as (_, caller):
        with _busy(caller):
            answer = _until(caller, Code.RESOURCE_EXHAUSTED)
            assert answer.details == "Concurrent RPC limit exceeded!"
        _until(caller, Code.OK)


def test_a_message_over_the_limit(folder):
    with serving(folder, limits={"max_message_mb": 1}) as (_, caller):
        answer = caller.predict({"x": np.zeros(300_000, np.float32)})
        assert answer.code is Code.RESOURCE_EXHAUSTED
        assert "eceived message larger than max" in answer.details
        # The answer may be larger: the real server bounds neither.
        large = caller.predict({"x": np.zeros(250_000, np.float32)})
        assert large.outputs["twice"].shape == (250_000,)


def _encoded(size, kind="PNG", **options):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind, **options)
    return file.getvalue()


def _animated(size, frames, kind):
    images = [Image.new("RGB", size, (n * 40, 0, 0)) for n in range(frames)]
    file = io.BytesIO()
    images[0].save(
        file, kind, save_all=True, append_images=images[1:], duration=40
    )
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_pixels_are_counted_before_decoding(kind):
    content = _encoded((30, 20), kind)
    check_pixels([content, content], 1200, "image_bytes")
    for images, limit in ([content], 599), ([content] * 2, 1199):
        with pytest.raises(Refused, match="image_bytes: .*pixel") as caught:
            check_pixels(images, limit, "image_bytes")
        assert caught.value.code is Code.INVALID_ARGUMENT


def test_every_frame_of_a_gif_counts():
    content = _animated((30, 20), 5, "GIF")
    check_pixels([content], 5 * 600, "image_bytes")
    with pytest.raises(Refused, match="pixels together"):
        check_pixels([content], 5 * 600 - 1, "image_bytes")


@pytest.mark.parametrize("content", [b"", b"text", b"GIF8", b"GIF89a" + b"\1"])
def test_what_is_no_picture_is_left_to_tensorflow(content):
    check_pixels([content], 1, "image_bytes")


@pytest.fixture(scope="module")
def editing():
    folder = make_exported().saved_model.parent
    with serving(folder, limits={"max_image_pixels": 10_000}) as (_, caller):
        yield caller


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (_encoded((101, 100)), "over 0.01 megapixels"),
        (_animated((64, 64), 3, "GIF"), "pixels together"),
        (_animated((48, 48), 3, "WEBP"), "neither a JPEG nor a PNG"),
        (_animated((48, 48), 3, "GIF"), "neither a JPEG nor a PNG"),
        (_encoded((64, 48)), "not square"),
        (_encoded((64, 64), "JPEG")[:-5], "Invalid JPEG data"),
        (_encoded((64, 64))[:60], "Invalid PNG"),
        (_encoded((64, 64))[:20], "cut off or damaged"),
        (b"\xff\x0a\x00\x10", "JPEG XL is not taken here"),
        (b"GIF89a", "neither a JPEG nor a PNG"),
        (b"no picture", "neither a JPEG nor a PNG"),
        (b"", "neither a JPEG nor a PNG"),
    ],
    ids=["huge", "long GIF", "animated WebP", "short GIF", "oblong",
         "cut JPEG", "cut PNG", "no header", "JPEG XL", "GIF header", "text",
         "empty"],
)  # fmt: skip
def test_images_that_are_refused(editing, content, details):
    answer = _edit(editing, content)
    assert answer.code is Code.INVALID_ARGUMENT, answer
    assert any(part in answer.details for part in details.split("|")), answer


def test_images_that_are_taken(editing):
    for content in [
        _encoded((64, 64)),
        _encoded((100, 100), "JPEG"),
        _encoded((48, 48), "JPEG"),
    ]:
        answer = _edit(editing, content)
        assert answer.code is Code.OK, answer
        with Image.open(io.BytesIO(answer.outputs["image_bytes"][0])) as image:
            assert image.format == "PNG" and image.size == (64, 64)


def _edit(caller, *contents):
    inputs = {
        "image_bytes": np.array(contents, object),
        "action_units": np.zeros((len(contents), 17), np.float32),
    }
    return caller.predict(inputs, "edit_bytes")


def test_metrics(folder):
    with serving(folder, metrics_port=0) as (server, caller):
        caller.predict(_x(1))
        caller.predict(_x(1), "nope")
        caller.predict(_x(1), name='made"up\n')
        with urllib.request.urlopen(server.metrics_url) as page:
            assert page.headers["Content-Type"].startswith("text/plain")
            lines = page.read().decode().splitlines()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.metrics_url}/x")
    count = ":tensorflow:serving:request_count"
    assert f"# TYPE {count} counter" in lines
    for labels in [
        'model_name="efgan",status="OK"',
        'model_name="efgan",status="FAILED_PRECONDITION"',
        'model_name="",status="NOT_FOUND"',
    ]:
        assert f"{count}{{{labels}}} 1" in lines
    latency = ":tensorflow:serving:request_latency"
    labels = 'model_name="efgan",API="Predict",entrypoint="GRPC"'
    assert f'{latency}_bucket{{{labels},le="+Inf"}} 1' in lines
    assert f"{latency}_count{{{labels}}} 1" in lines
    limits = [
        line.rpartition('le="')[2].partition('"')[0]
        for line in lines
        if line.startswith(f"{latency}_bucket")
    ]
    assert limits[:4] == ["10", "18", "32.4", "58.32"] and len(limits) == 34


def test_health(folder):
    with serving(folder) as (server, caller):
        stub = health_pb2_grpc.HealthStub(caller.channel)
        for name in HEALTH_NAMES:
            reply = stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
        request = health_pb2.HealthCheckRequest(service="efgan")
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(request)
        assert caught.value.code() is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--model_dir=FOLDER"),
        ({"model_dir": "x", "model_config_file": "y"}, "--model_dir=FOLDER"),
        ({"model_config_file": "y", "model_name": "z"}, "--model_name would"),
        ({"model_dir": "x", "version_policy": "newest"}, "newest is none of"),
        ({"model_dir": "x", "version_policy": "latest:0"}, "latest:0"),
        ({"model_dir": "x", "version_labels": ("a=b",)}, "'a=b' is not LABEL"),
        ({"model_dir": "x", "poll_seconds": 0.0}, "poll_seconds"),
        ({"model_dir": "x", "poll_seconds": float("nan")}, "poll_seconds"),
        ({"model_dir": "x", "port": 70000}, "--port=70000"),
        ({"model_dir": "x", "metrics_port": -2}, "--metrics_port=-2"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ConfigError, match=message):
        ServeConfig(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"grpc_max_threads": 0}, {"max_message_mb": 2048},
        {"max_image_pixels": 0}, {"grace_seconds": -1.0},
        {"num_batch_threads": -1},
    ],
)  # fmt: skip
def test_wrong_limits(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        LimitsConfig(**options)
