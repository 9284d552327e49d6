"""Errors say what to do; what may pass is retried."""

import concurrent.futures
import contextlib
import dataclasses
import http.server
import socket
import threading
import time

import grpc
import numpy as np
import pytest

from efgan_tf.serving import Client, ServingError
from efgan_tf.trained.remote import protos
from tests.serving.servers import serving
from tests.trained.conftest import make_exported

Code = grpc.StatusCode
FACES = np.full((1, 64, 64, 3), 0.5, np.float32)
MANY = np.repeat(FACES, 8, axis=0)  # 393 kB, more than gRPC keeps for retries
UNITS = np.ones(17, np.float32)


@dataclasses.dataclass
class _Failing:
    """A gRPC server whose first answers are a status, the next an echo."""

    code: grpc.StatusCode
    details: str
    times: int
    address: str = ""
    calls: int = 0
    peers: set[str] = dataclasses.field(default_factory=set)

    def predict(self, request, context):
        self.calls += 1
        self.peers.add(context.peer())
        if self.calls <= self.times:
            context.abort(self.code, self.details)
        answer = protos.PredictResponse()
        answer.outputs["image"].CopyFrom(request.inputs["image"])
        return answer


@contextlib.contextmanager
def _serving(predict, port=0):
    """The address of a server that answers Predict so."""
    method = grpc.unary_unary_rpc_method_handler(
        predict,
        protos.PredictRequest.FromString,
        protos.PredictResponse.SerializeToString,
    )
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(4),
        options=[("grpc.so_reuseport", 0)],
    )
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler(
            "tensorflow.serving.PredictionService", {"Predict": method}
        )
    ])  # fmt: skip
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextlib.contextmanager
def _failing(code, details="no reason", times=1000):
    failing = _Failing(code, details, times)
    with _serving(failing.predict) as failing.address:
        yield failing


def _message(address, *arguments, **settings):
    """What a client says of a question that fails."""
    with Client(address, **settings) as client:
        with pytest.raises(ServingError) as caught:
            client.edit_faces(*(arguments or (FACES, UNITS)))
    assert "\n" not in str(caught.value)
    return caught.value.code, str(caught.value)


def test_a_server_that_is_not_ready_yet_is_asked_again():
    with _failing(Code.UNAVAILABLE, times=2) as failing:
        with Client(failing.address) as client:
            np.testing.assert_array_equal(client.edit_faces(MANY, UNITS), MANY)
        assert failing.calls == 3


def test_one_connection_serves_all_until_it_breaks():
    echo = _Failing(Code.OK, "", times=0)
    with contextlib.ExitStack() as clients:
        with _serving(echo.predict) as address:
            client = clients.enter_context(Client(address))
            with concurrent.futures.ThreadPoolExecutor(4) as threads:
                asked = [
                    threads.submit(client.edit_faces, FACES, UNITS)
                    for _ in range(8)
                ]
                for each in asked:
                    np.testing.assert_array_equal(each.result(), FACES)
            assert len(echo.peers) == 1 and echo.calls == 8
        with pytest.raises(ServingError, match="cannot be reached"):
            client.edit_faces(FACES, UNITS)
        # The server is back: the same client finds it.
        with _serving(echo.predict, address.rpartition(":")[2]):
            time.sleep(1)
            np.testing.assert_array_equal(
                client.edit_faces(FACES, UNITS), FACES
            )
            assert len(echo.peers) == 2


def test_retries_end():
    with _failing(Code.UNAVAILABLE, "the queue is full") as failing:
        code, message = _message(failing.address)
    assert code is Code.UNAVAILABLE and failing.calls == 4
    assert "is busy" in message


FAULTS = {
    Code.INVALID_ARGUMENT: "no reason",
    Code.NOT_FOUND: "--model_name",
    Code.RESOURCE_EXHAUSTED: "busy",
    Code.DEADLINE_EXCEEDED: "--timeout",
    Code.UNAUTHENTICATED: "--client_certificate",
    Code.PERMISSION_DENIED: "no reason",
    Code.UNIMPLEMENTED: "no TensorFlow Serving",
    Code.INTERNAL: "INTERNAL: no reason",
}


def test_every_other_status_is_one_line_and_not_retried():
    for code, words in FAULTS.items():
        with _failing(code) as failing:
            found, message = _message(failing.address)
        assert found is code and words in message
        assert failing.calls == 1, code


def test_no_answer_within_the_time():
    done = threading.Event()

    def wait(request, context):
        done.wait(20)
        return protos.PredictResponse()

    with _serving(wait) as address:
        code, message = _message(address, timeout=0.3)
        done.set()
    assert code is Code.DEADLINE_EXCEEDED
    assert "within 0.3 s; raise --timeout" in message


def test_a_closed_port():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    code, message = _message(address)
    assert code is Code.UNAVAILABLE
    assert f"{address} cannot be reached" in message
    assert "check --server" in message
    assert "cannot be reached" in _message("no-such-host.invalid:8500")[1]


def test_a_port_that_speaks_something_else():
    with http.server.HTTPServer(
        ("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, message = _message(f"127.0.0.1:{server.server_port}")
        server.shutdown()
    assert code is Code.UNAVAILABLE and "name its gRPC port" in message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model_name": "nobody"}, "model 'nobody'; check --model_name"),
        ({"model_version": 7}, "model 'efgan' in version 7"),
        ({"version_label": "canary"}, "'canary'; check --version_label"),
    ],
)
def test_a_model_that_is_not_served(served, settings, words):
    assert words in _message(served.address, **settings)[1]
    with Client(served.address, **settings) as client:
        with pytest.raises(ServingError):
            client.model  # noqa: B018


def test_inputs_that_the_graph_refuses(served):
    code, message = _message(served.address, FACES * 255, UNITS)
    assert code is Code.INVALID_ARGUMENT
    assert "image must be finite and within 0 and 1" in message
    with Client(served.address) as client:
        with pytest.raises(ServingError, match="not exported by this version"):
            client.predict("no_such_signature", {"image": FACES})


def test_messages_that_are_too_large(served):
    folder = make_exported().out / "efgan"
    many = np.repeat(FACES, 30, axis=0)
    with serving(folder, max_message_mb=1) as (small, _):
        code, message = _message(small.address, many, UNITS)
    assert code is Code.RESOURCE_EXHAUSTED
    assert "too large" in message and "--faces_per_request" in message
    # This side's own limit is found before anything is sent.
    many = np.repeat(FACES, 1400, axis=0)
    assert "too large" in _message(served.address, many, UNITS)[1]


def test_an_answer_of_something_else(served):
    def answer(request, context):
        return protos.PredictResponse()

    with _serving(answer) as address:
        code, message = _message(address)
    assert code is Code.DATA_LOSS and "is it an export of efgan_tf?" in message


def test_servers_behind_one_name_share_the_calls():
    echoes = [_Failing(Code.OK, "", times=0) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(_serving(e.predict)) for e in echoes]
        client = stack.enter_context(Client(f"ipv4:{','.join(places)}"))
        for _ in range(8):
            client.edit_faces(FACES, UNITS)
    assert all(echo.calls for echo in echoes)
