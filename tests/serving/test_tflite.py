"""TFLite files: the promised signatures, builtin operations, the same edits."""

import atexit
import collections
import contextlib
import functools
import io
import json
import shutil
import tempfile
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from efgan_tf import action_units, commands, export, geometry
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import psnr
from efgan_tf.serving.tflite import conversion, quantization
from efgan_tf.serving.tflite.faces import read_faces, rendered_faces
from efgan_tf.serving.tflite.tflite_settings import QUANTIZATIONS
from efgan_tf.trained.info import FILE_NAME
from efgan_tf.trained.loading import load_model, load_network
from efgan_tf.trained.tflite import flatbuffer
from efgan_tf.trained.tflite.card import read_info
from efgan_tf.trained.tflite.interpreter import TfliteFile
from tests.trained.conftest import MASKED, make_exported

COUNT = 6
FACES = ("--representative=rendered", f"--representative_faces={COUNT}")

LEAST_PSNR = {"none": 95, "float16": 55, "dynamic": 30, "int8": 23}
"""In dB, of random weights, which exaggerate; measured 106.0 (which stands for
equal), 59.9, 33.1, 24.2."""

MOST_ATTENTION = {"none": 1e-5, "float16": 3e-3, "dynamic": 0.08, "int8": 0.18}
"""Largest error of attentions; measured 1.5e-6, 1.7e-3, 0.053, 0.118."""

MOST_UNITS = {"none": 5e-5, "float16": 6e-3, "dynamic": 0.09, "int8": 0.33}
"""Largest error of units, 0–5; measured 1.9e-6, 3.4e-3, 0.055, 0.22."""


def _export(*flags):
    return commands.run(
        export.main,
        export.ExportConfig,
        argv=["export", "--formats=tflite", *map(str, flags)],
    )


@functools.cache
def make_phone_files():
    """The folder with all quantizations of the tiny run of two stages."""
    out = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, out)
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = _export(
            f"--model={make_exported().run}", f"--out={out}", *FACES,
            f"--quantize={','.join(QUANTIZATIONS)}",
        )  # fmt: skip
    assert status == 0, errors.getvalue()
    assert f"calibrated with {COUNT} rendered faces" in errors.getvalue()
    assert len(list(out.iterdir())) == len(QUANTIZATIONS)
    return out


@pytest.fixture(scope="module")
def trained(exported):
    return load_network(exported.run)


@pytest.fixture(scope="module")
def folder():
    return make_phone_files()


@pytest.fixture(scope="module")
def files(folder):
    return {
        name: TfliteFile(folder / f"efgan.{name}.tflite")
        for name in QUANTIZATIONS
    }


@pytest.fixture(scope="module")
def faces():
    """Images in 0–1, source and target units in 0–5."""
    found = rendered_faces(64, COUNT, seed=5)
    return found.images, found.units, found.targets()


def _row(array, row):
    return array[row : row + 1]


def test_signatures_have_the_promised_names_and_shapes(files):
    one, image, attention = [1, 17], [1, 64, 64, 3], [1, 64, 64, 1]
    asked = {"image": image, "action_units": one}
    known = {**asked, "source_action_units": one}
    each = {"stage_1": image, "attention_1": attention,
            "attention_2": attention}  # fmt: skip
    stages, edited = {**each, "stage_2": image}, {**each, "image": image}
    expected = {
        "edit": (asked, edited),
        "edit_from": (known, edited),
        "stages": (asked, stages),
        "stages_from": (known, stages),
        "estimate": ({"image": image}, {"action_units": one}),
    }
    for file in files.values():
        found = {}
        for key in file.signatures:
            runner = file._interpreter.get_signature_runner(key)
            sides = runner.get_input_details(), runner.get_output_details()
            found[key] = tuple(
                {n: list(d["shape"]) for n, d in side.items()} for side in sides
            )
            kinds = {d["dtype"] for side in sides for d in side.values()}
            assert kinds == {np.float32}
        assert found == expected


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_every_file_edits_as_the_run_does(files, model, faces, name):
    images, source, target = faces
    file = files[name]
    edits = model.edit(2 * images - 1, source, target)
    estimated = model.estimate(2 * images - 1)
    for row in range(COUNT):
        asked = {
            "image": _row(images, row),
            "action_units": _row(target, row),
            "source_action_units": _row(source, row),
        }
        made = file("stages_from", **asked)
        for k in (1, 2):
            stage = 2 * made[f"stage_{k}"] - 1
            assert psnr(stage, edits.images[row, k - 1]) > LEAST_PSNR[name]
            off = made[f"attention_{k}"] - edits.attention[row, k - 1]
            assert np.abs(off).max() < MOST_ATTENTION[name]
        image = file("edit_from", **asked)["image"]
        np.testing.assert_array_equal(image, made["stage_2"])
        units = file("estimate", image=asked["image"])["action_units"]
        assert np.abs(units - estimated[row]).max() < MOST_UNITS[name]


def test_edit_reads_the_source_itself(files, faces):
    images, _, target = faces
    asked = {"image": _row(images, 0), "action_units": _row(target, 0)}
    file = files["none"]
    source = file("estimate", image=asked["image"])["action_units"]
    made = file("stages_from", source_action_units=source, **asked)
    for key, value in file("stages", **asked).items():
        np.testing.assert_allclose(value, made[key], rtol=0, atol=1e-6)
    image = file("edit", **asked)["image"]
    np.testing.assert_allclose(image, made["stage_2"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_a_mobile_gpu_could_run_all_of_it(folder, name):
    bare = TfliteFile(folder / f"efgan.{name}.tflite", delegates=False)
    interpreter = bare._interpreter  # its first graph is that of `stages`
    seen = {d["op_name"] for d in interpreter._get_ops_details()}
    assert {"CONV_2D", "TRANSPOSE_CONV", "TANH"} <= seen <= quantization.ALLOWED
    found = flatbuffer.operations(
        flatbuffer.read((folder / f"efgan.{name}.tflite").read_bytes(), "")
    )
    assert seen == set(found.counts)
    ranks = [len(d["shape"]) for d in interpreter.get_tensor_details()]
    assert max(ranks) <= quantization.LARGEST_RANK
    quantization.check_operations(found)


def test_int8_convolves_in_integers_and_normalizes_in_float(folder):
    bare = TfliteFile(folder / "efgan.int8.tflite", delegates=False)
    tensors = bare._interpreter.get_tensor_details()
    kinds = {tensor["index"]: tensor["dtype"] for tensor in tensors}
    by_operation = collections.defaultdict(set)
    for detail in bare._interpreter._get_ops_details():
        outputs = {kinds[index] for index in detail["outputs"]}
        by_operation[detail["op_name"]] |= outputs
    for name in ("CONV_2D", "TRANSPOSE_CONV"):
        assert by_operation[name] == {np.int8}, name
    for name in ("LOGISTIC", "MEAN", "RSQRT", "SQUARED_DIFFERENCE", "TANH"):
        assert by_operation[name] == {np.float32}, name


def test_the_weights_are_there_once(folder, trained):
    """Five signatures, and no kernel of a convolution twice."""
    model = flatbuffer.read((folder / "efgan.none.tflite").read_bytes(), "")
    kernels = sorted(
        weight.numpy().size * 4
        for weight in trained.keras_model.weights
        if len(weight.shape) == 4
    )
    largest = kernels[-1]
    sizes = [len(b.data) for b in model.buffers if b.data is not None]
    assert sizes.count(largest) <= kernels.count(largest)
    assert sum(sizes) < 1.3 * 4 * trained.keras_model.count_params()


def test_its_metadata(folder, trained):
    for name in QUANTIZATIONS:
        info = read_info(folder / f"efgan.{name}.tflite")
        assert info.quantization == name
        assert bool(info.calibrated_on) == (name == "int8")
        assert info.model == trained.info
        assert MASKED not in info.model.learned
    model = flatbuffer.read((folder / "efgan.int8.tflite").read_bytes(), "")
    facts = json.loads(flatbuffer.get_metadata(model, FILE_NAME))
    assert facts["action_units"] == list(action_units.NAMES)
    assert facts["scales"]["action_units"] == [0, 5] == [
        0, facts["max_intensity"],
    ]  # fmt: skip
    assert (facts["size"], facts["stages"]) == (64, 2)
    assert list(facts["template"].values()) == geometry.TEMPLATE.tolist()


def test_photos_are_edited_with_it(folder, model, faces):
    images, source, target = faces
    phone = load_model(folder / "efgan.none.tflite")
    images = 2 * images[:2] - 1
    for stages in (None, 1):
        faces = images, source[:2], target[:2], stages
        expected, found = model.edit(*faces), phone.edit(*faces)
        np.testing.assert_allclose(found.images, expected.images, atol=1e-4)
        np.testing.assert_allclose(
            found.attention, expected.attention, atol=1e-4
        )
    np.testing.assert_allclose(
        phone.estimate(images), model.estimate(images), rtol=0, atol=5e-5
    )


def test_fewer_stages_are_another_file(exported, folder, tmp_path, capsys):
    status = _export(
        f"--model={exported.run}", f"--out={tmp_path}", "--stages=1",
        "--quantize=none",
    )  # fmt: skip
    assert status == 0
    path = tmp_path / "efgan.none.tflite"
    assert f"--model={path} " in capsys.readouterr().out
    assert read_info(path).model.model.stages == 1
    runner = TfliteFile(path)._interpreter.get_signature_runner("stages")
    assert set(runner.get_output_details()) == {"stage_1", "attention_1"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--quantize=int4"], "'int4' is none of none, float16, dynamic, int8"),
        (["--quantize=int8"], "pass --representative=rendered"),
        (["--quantize=int8", "--representative_faces=0"], "at least 1"),
        (["--out={folder}"], "exists; name another file or pass --overwrite"),
    ],
)
def test_wrong_exports(exported, folder, tmp_path, refusal, flags, message):
    flags = [
        f"--model={exported.run}", "--formats=tflite", f"--out={tmp_path}",
        *(flag.format(folder=folder) for flag in flags),
    ]  # fmt: skip
    assert message in refusal(export.main, export.ExportConfig, flags=flags)
    assert not list(tmp_path.iterdir())


def test_faces_to_calibrate_with(trained, faces, tmp_path):
    images, units, _ = faces
    np.savez(tmp_path / "faces.npz", image=images, action_units=units)
    found = read_faces(str(tmp_path / "faces.npz"), trained, 4, split="train")
    np.testing.assert_array_equal(found.images, images[:4])
    np.testing.assert_array_equal(found.units, units[:4])
    levels = np.rint(images[0] * 255).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "face.png")
    found = read_faces(str(tmp_path), trained, 4, split="train")
    np.testing.assert_allclose(found.images[0], levels / 255, atol=1e-6)
    assert found.units.shape == (1, 17)


def test_bad_faces_to_calibrate_with(trained, tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = np.zeros((2, 32, 32, 3))
    np.savez(tmp_path / "wrong.npz", image=wrong, action_units=np.zeros(3))
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    for name in ("empty", "absent", "absent.npz", "wrong.npz", "cut.npz"):
        with pytest.raises(UserError, match=name):
            read_faces(str(tmp_path / name), trained, 4, split="train")


class _Foreign(tf.Module):
    """A function of pictures that is none of ours."""

    def __init__(self, function):
        super().__init__()
        self.function = tf.function(
            lambda image: {"image": function(image)},
            input_signature=[tf.TensorSpec((1, 8, 8, 3), name="image")],
        )

    def functions(self):
        return {"edit": self.function}


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        # TFLite lacks the first, GPUs the others.
        ("ResizeBicubic", lambda x: tf.image.resize(x, (4, 4), "bicubic")),
        ("REVERSE_V2", lambda x: tf.reverse(x, [2])),
        ("5 axes", lambda x: tf.tanh(tf.reshape(x, (1, 1, 8, 8, 3)))),
    ],
)
def test_an_operation_that_is_lacking_is_refused(operation, function):
    module = _Foreign(function)
    with pytest.raises(UserError, match=operation):
        with conversion._converted(module, ["none"], None) as folder:
            content = (folder / "none.tflite").read_bytes()
            conversion.finished(content, types.SimpleNamespace())


def test_files_that_are_not_ours_are_refused(folder, tmp_path):
    path = folder / "efgan.none.tflite"
    content = path.read_bytes()
    cases = {
        b"nothing of the kind": "is no TFLite file",
        content[:2000]: "is damaged",
    }
    for text, message in cases.items():
        broken = tmp_path / "broken.tflite"
        broken.write_bytes(text)
        with pytest.raises(UserError, match=message):
            load_model(broken)
    model = flatbuffer.read(content, path)
    model.metadata = None
    broken.write_bytes(flatbuffer.write(model))
    with pytest.raises(UserError, match=f"holds no {FILE_NAME}"):
        read_info(broken)


def test_the_newer_runtime_runs_it_too(folder, faces):
    """LiteRT's CompiledModel, which is stricter than its interpreter."""
    compiled = pytest.importorskip(
        "ai_edge_litert.compiled_model", reason="needs ai-edge-litert"
    )
    images, source, target = (part[:1] for part in faces)
    path = folder / "efgan.dynamic.tflite"
    model = compiled.CompiledModel.from_file(str(path))
    inputs = {
        "image": images, "source_action_units": source, "action_units": target,
    }  # fmt: skip
    expected = TfliteFile(path)("edit_from", **inputs)
    given = {
        name: model.create_input_buffer_by_name("edit_from", name)
        for name in inputs
    }
    for name, buffer in given.items():
        buffer.write(np.ascontiguousarray(inputs[name], np.float32))
    made = {
        name: model.create_output_buffer_by_name("edit_from", name)
        for name in expected
    }
    model.run_by_name("edit_from", given, made)
    image = made["image"].read(expected["image"].size, np.float32)
    np.testing.assert_allclose(
        image, expected["image"].ravel(), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize(
    ("field", "value"), [("version", 99), ("builtinCode", 500)]
)
def test_an_interpreter_that_is_too_old(folder, tmp_path, field, value):
    """A file from the future: its operations are of a time to come."""
    model = flatbuffer.read((folder / "efgan.none.tflite").read_bytes(), "")
    for code in model.operatorCodes:
        setattr(code, field, value)
    path = tmp_path / "future.tflite"
    path.write_bytes(flatbuffer.write(model))
    with pytest.raises(UserError, match="pip"):
        TfliteFile(path)
