"""Addresses, settings and messages of the clients."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from efgan_tf import client
from efgan_tf.common.errors import UserError
from efgan_tf.serving import Client
from efgan_tf.trained.remote import calls, faults, protos, tensors
from efgan_tf.trained.remote.connection_settings import (
    ConnectionConfig,
    is_address,
    parse_address,
)
from tools.dump_protos import descriptor_set


@pytest.mark.parametrize(
    ("address", "settings"),
    [
        ("localhost:8500", {}),
        ("grpc://10.0.0.1:80/other", {"model_name": "other"}),
        ("grpc://[::1]:8500/efgan/versions/0", {"model_version": 0}),
        ("grpcs://a.b:443/efgan/labels/x", {"tls": True, "version_label": "x"}),
    ],
)
def test_addresses(address, settings):
    config = parse_address(address)
    spec = calls.metadata(config).request.model_spec
    assert spec.name == config.model_name
    assert spec.version_label == settings.get("version_label", "")
    assert spec.HasField("version") == ("model_version" in settings)
    server = address.removeprefix("grpcs://").removeprefix("grpc://")
    expected = ConnectionConfig(server=server.split("/")[0], **settings)
    assert config == expected
    assert is_address(config.address)
    assert parse_address(config.address) == config


@pytest.fixture
def proxied(monkeypatch):
    """A proxy is set that nobody is behind."""
    for name in ("grpc_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_asked_without_a_proxy(host, proxied):
    server = grpc.server(ThreadPoolExecutor(1))
    try:
        port = server.add_insecure_port(f"{host}:0")
    except RuntimeError:
        pytest.skip(f"{host} is not to be had here")
    server.start()
    try:
        with Client(f"{host}:{port}", timeout=20) as asking:
            with pytest.raises(faults.ServingError) as error:
                asking.versions()
        # It was reached, and has nothing to say.
        assert error.value.code is grpc.StatusCode.UNIMPLEMENTED
    finally:
        server.stop(None)


@pytest.mark.parametrize("host", ["serving.invalid", "10.1.2.3"])
def test_the_proxy_is_named_where_another_machine_is_not_reached(host, proxied):
    with Client(f"{host}:8500", timeout=5) as asking:
        with pytest.raises(faults.ServingError) as error:
            asking.versions()
    assert f"http_proxy; no_proxy={host} " in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "grpc://localhost/efgan",
        "localhost:8500/efgan",
        "grpc://localhost:8500/efgan/versions/new",
    ],
)
def test_bad_addresses(address):
    with pytest.raises(UserError, match="is no address"):
        parse_address(address)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "give --server=HOST:PORT"),
        (["--server=localhost"], "--server=localhost is not HOST:PORT"),
        (["--server=grpc://x:1"], "--server=grpc://x:1 is not HOST:PORT"),
        (["--server=x:1", "--timeout=0"], "--timeout"),
        (["--server=x:1", "--model_name="], "--model_name"),
        (["--server=x:1", "--model_version=-2"], "--model_version"),
        (["--server=x:1", "--model_version=1", "--version_label=a"],
         "--version_label"),
        (["--server=x:1"], "--image"),
        (["--server=x:1", "--image=absent.png", "--expression=happy",
          "--out=o.png"], "absent.png"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_a_server_is_called(flags, words, refusal):
    assert words in refusal(client.main, *client.CONFIGS, flags=flags)


def test_the_shipped_messages_are_the_official_ones():
    """Fields may have come since; those that are shipped must be the same."""
    shipped = protos.descriptor_set()
    services = {each.name for file in shipped.file for each in file.service}
    assert services == {"ModelService", "PredictionService"}
    fields = _fields(shipped)
    assert len(fields) > 300
    assert fields.items() <= _fields(descriptor_set()).items()


def _fields(found):
    """File, message and field → how it is on the wire."""
    return {
        (file.name, message.name, field.name): (
            field.number,
            field.type,
            field.label,
        )
        for file in found.file
        for message in file.message_type
        for field in message.field
    }


def test_tensors_are_read_as_servers_write_them():
    values = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    request = protos.PredictRequest()
    tensors.fill(request.inputs["floats"], values)
    tensors.fill(request.inputs["strings"], [b"one", b"\xff\0"])
    # Official messages on the other side.
    same = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    assert same.inputs["strings"].string_val == [b"one", b"\xff\0"]
    np.testing.assert_array_equal(
        tf.make_ndarray(same.inputs["floats"]), values
    )
    # As TensorFlow Serving writes them: value by value.
    proto = protos.TensorProto(dtype=1, float_val=values.ravel())
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    np.testing.assert_array_equal(tensors.from_proto(proto), values)
    proto.tensor_shape.dim[0].size = 0
    del proto.float_val[:]
    assert tensors.from_proto(proto).shape == (0, 2, 3)


@pytest.mark.parametrize("sizes", [[-1], [2**62, 4], [1] * 100])
def test_shapes_that_no_array_has(sizes):
    proto = protos.TensorProto(dtype=1, float_val=[0])
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(ValueError):
        tensors.from_proto(proto)
