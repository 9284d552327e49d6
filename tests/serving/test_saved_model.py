"""The SavedModel: six signatures, checked inputs, each weight once."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from efgan_tf.serving.saved_model import next_version
from tests.trained.conftest import encoded, public_faces

# Measured: at most 4e-6, another batch and another graph.
CLOSE = {"rtol": 0, "atol": 2e-5}


class _Server:
    """Answers as TF Serving does: a session, no checks before the graph's."""

    def __init__(self, path):
        graph = tf.Graph()
        with graph.as_default():
            self._session = tf.compat.v1.Session(graph=graph)
            meta = tf.compat.v1.saved_model.load(
                self._session, ["serve"], str(path)
            )
        self.signatures = meta.signature_def
        self._callables = {}

    def __call__(self, key, **inputs):
        signature = self.signatures[key]
        names = sorted(signature.inputs), sorted(signature.outputs)
        if key not in self._callables:  # each optimizes the graph anew
            options = config_pb2.CallableOptions(
                feed=[signature.inputs[name].name for name in names[0]],
                fetch=[signature.outputs[name].name for name in names[1]],
            )
            self._callables[key] = self._session._make_callable_from_options(
                options
            )
        results = self._callables[key](*(inputs[name] for name in names[0]))
        return dict(zip(names[1], results, strict=True))


@pytest.fixture(scope="module")
def server(exported):
    return _Server(exported.saved_model)


def _edited(model, images, source, target):
    """The run's own edit in the public scale."""
    edits = model.edit(images * 2 - 1, source, target)
    return (edits.images + 1) / 2, edits.attention


def test_signatures_have_the_promised_names(server):
    found = {
        key: (set(signature.inputs), set(signature.outputs))
        for key, signature in server.signatures.items()
        if not key.startswith("__")
    }
    both = {"image", "action_units"}
    assert found == {
        "serving_default": (both, {"image"}),
        "edit_from": ({*both, "source_action_units"}, {"image"}),
        "edit_bytes": ({"image_bytes", "action_units"}, {"image_bytes"}),
        "stages": (both, {"image", "stages", "attention"}),
        "stages_from": (
            {*both, "source_action_units"},
            {"image", "stages", "attention"},
        ),
        "estimate": ({"image"}, {"action_units"}),
    }


@pytest.mark.parametrize("count", [1, 3])
def test_signatures_answer_as_the_run_does(server, model, count):
    images, source, target = public_faces(count)
    estimated = model.estimate(images * 2 - 1)
    np.testing.assert_allclose(
        server("estimate", image=images)["action_units"],
        estimated,
        rtol=0,
        atol=5e-5,
    )
    asked = {"image": images, "action_units": target}
    known = {**asked, "source_action_units": source}
    for units, inputs, edit, stages in (
        (estimated, asked, "serving_default", "stages"),
        (source, known, "edit_from", "stages_from"),
    ):
        expected, attention = _edited(model, images, units, target)
        answer = server(stages, **inputs)
        np.testing.assert_allclose(answer["stages"], expected, **CLOSE)
        np.testing.assert_allclose(answer["attention"], attention, **CLOSE)
        for image in answer["image"], server(edit, **inputs)["image"]:
            np.testing.assert_allclose(image, expected[:, -1], **CLOSE)


def test_bytes_are_decoded_edited_and_encoded(server, model):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (64, 64, 3), np.uint8)
    # Every pixel twice in both directions: the half of it is the small one.
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    target = public_faces(3)[2]
    jpeg = encoded(small, "JPEG", quality=100, subsampling=0)
    files = np.array([encoded(small), encoded(large), jpeg], object)
    answer = server("edit_bytes", image_bytes=files, action_units=target)
    answer = answer["image_bytes"]
    pictures = [Image.open(io.BytesIO(content)) for content in answer]
    assert [picture.format for picture in pictures] == ["PNG"] * 3
    shrunk = tf.image.resize(large, (64, 64), antialias=True)
    images = np.stack([small, shrunk, tf.io.decode_jpeg(jpeg)]) / 255
    images = images.astype("float32")
    estimated = model.estimate(images * 2 - 1)
    stages, _ = _edited(model, images, estimated, target)
    np.testing.assert_allclose(
        np.stack([np.asarray(picture) for picture in pictures]),
        stages[:, -1] * 255,
        atol=0.51,  # rounded once
    )


def _good():
    images, source, target = public_faces(2)
    return {
        "image": images,
        "source_action_units": source,
        "action_units": target,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {"image": x["image"][:, :32, :32]}, "not compatible"),
        (lambda x: {"action_units": x["action_units"][:, :16]},
         "not compatible"),
        (lambda x: {"action_units": x["action_units"][:1]},
         "image and action_units differ in their batch"),
        (lambda x: {"source_action_units": x["action_units"][:1]},
         "image and source_action_units differ in their batch"),
        (lambda x: {k: v[:0] for k, v in x.items()}, "the batch is empty"),
        (lambda x: {"image": x["image"] * 255}, "image must be .* 0 and 1"),
        (lambda x: {"image": x["image"] * np.float32("nan")}, "image must be"),
        (lambda x: {"action_units": x["action_units"] + 5},
         "action_units must be finite and within 0 and 5"),
        (lambda x: {"source_action_units": x["action_units"] + np.inf},
         "source_action_units must"),
    ],
)  # fmt: skip
def test_bad_inputs_are_refused_in_the_graph(server, change, message):
    inputs = _good()
    inputs.update(change(inputs))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        server("edit_from", **inputs)


def test_every_signature_checks(server):
    good = _good()
    bad, units = good["image"] * 255, good["action_units"]
    for key, inputs in {
        "serving_default": {"image": bad, "action_units": units},
        "stages": {"image": bad, "action_units": units},
        "stages_from": {**good, "image": bad},
        "estimate": {"image": bad},
    }.items():
        with pytest.raises(tf.errors.InvalidArgumentError, match="image must"):
            server(key, **inputs)


def test_what_rounding_does_is_clipped(server):
    good = _good()
    near = {**good, "image": good["image"] * 1.0005 - 0.0002}
    near["action_units"] = good["action_units"] * 0 + np.float32(5.0004)
    clipped = {**near, "image": near["image"].clip(0, 1)}
    clipped["action_units"] = near["action_units"].clip(0, 5)
    assert near["image"].max() > 1 and near["image"].min() < 0
    np.testing.assert_array_equal(
        server("edit_from", **near)["image"],
        server("edit_from", **clipped)["image"],
    )


def _black(height, width, kind="PNG"):
    return encoded(np.zeros((height, width, 3), np.uint8), kind)


def _png_header(width, height):
    """A PNG that ends behind its header, which promises any size."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(
        ">IIBBBBB", width, height, 8, 2, 0, 0, 0
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", "neither a JPEG nor a PNG"),
        (_black(64, 64, "GIF"), "neither"),
        (_black(64, 48), "not square"),
        (b"\xff\xd8" + bytes(17 * 2**20), "longer than"),
        (_black(2049, 2049), "2048 pixels a side"),
        (_png_header(2**31 - 1, 2**31 - 1), "2048 pixels a side"),
        (_png_header(0, 0), "2048 pixels a side"),
        (_png_header(64, 64)[:20], None),
    ],
    ids=[
        "text", "gif", "oblong", "long", "bomb", "promised", "none", "cut",
    ],
)  # fmt: skip
def test_bytes_that_are_no_aligned_face_are_refused(server, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        server(
            "edit_bytes", image_bytes=np.array([content], object),
            action_units=np.zeros((1, 17), np.float32),
        )  # fmt: skip


def test_each_weight_is_written_once_and_nothing_else(exported):
    count = exported.cascade.count_params() + exported.estimator.count_params()
    variables = exported.saved_model / "variables"
    (data,) = variables.glob("variables.data*")
    # Beside the weights, the graph of objects: names, in some kilobytes.
    reader = tf.train.load_checkpoint(str(variables / "variables"))
    kinds = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    assert kinds.pop("_CHECKPOINTABLE_OBJECT_GRAPH") == tf.string
    assert set(kinds.values()) == {tf.float32}
    assert sum(int(np.prod(shapes[name])) for name in kinds) == count
    assert 4 * count <= data.stat().st_size < 4 * count + 100_000


def test_the_graph_is_float32_and_not_compiled(exported):
    content = (exported.saved_model / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
    functions = graph.graph_def.library.function
    attributes = [
        attribute
        for function in functions
        for node in [function, *function.node_def]
        for attribute in node.attr.items()
    ]
    half = {tf.bfloat16.as_datatype_enum, tf.float16.as_datatype_enum}
    assert functions and not half & {value.type for _, value in attributes}
    compiled = [v.b for name, v in attributes if name == "_XlaMustCompile"]
    assert not any(compiled)


def test_versions_count_up_from_the_highest(tmp_path):
    assert next_version(tmp_path / "absent") == 1
    for name in ("2", "10", "x3", ".11.host.1.tmp"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 11
