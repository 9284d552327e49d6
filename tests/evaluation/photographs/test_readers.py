"""Readers against stored outputs, of one AI-generated face."""

import base64
import json

import numpy as np
import pytest

from efgan_tf import geometry
from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.photographs import readers, scores, sources
from efgan_tf.faces.photos import read_photo

# Eyes and nose of faker/male_69.jpg, as the project's detector finds them.
LANDMARKS = [[160.9, 161.3], [224.6, 160.1], [190.0, 204.5]]


@pytest.fixture(scope="module")
def face(photos, readers_folder):
    loaded = readers.Readers(readers_folder)
    photo = read_photo(photos / "faker/male_69.jpg")
    frame = geometry.alignment(np.array(LANDMARKS), 1)
    return loaded, photo, frame, loaded.faces.points(photo, frame)


def test_points(face):
    *_, points = face
    stored = [[192.5, 291.5], [188.5, 201.5], [149.5, 164.5], [236.5, 161.5],
              [164.5, 238.5], [227.5, 235.5]]  # fmt: skip
    assert points[[8, 30, 36, 45, 48, 54]] == pytest.approx(
        np.array(stored), abs=1.5
    )


def test_expression(face):
    """Stored: what face-api 1.7.15 itself says of the same crop, in Node."""
    loaded, photo, _, points = face
    (found,) = loaded.expressions([photo], points[None])
    stored = [0.00002, 0.98581, 0.01355, 0.0, 0.00008, 0.00001, 0.00053]
    assert found == pytest.approx(stored, abs=0.005)


def test_identity(face):
    loaded, photo, frame, _ = face
    found = loaded.faces.identity(photo, frame)
    assert found[:4] == pytest.approx(
        [-0.0755, 0.1009, 0.0323, -0.004], abs=0.01
    )
    assert np.linalg.norm(found) == pytest.approx(1.3567, abs=0.01)


def test_features(face):
    loaded, photo, frame, _ = face
    mouth = scores.mouths(sources.aligned(photo, frame)[None])
    vector = loaded.features.vectors(mouth)
    assert vector.mean() == pytest.approx(0.1946, abs=0.002)
    assert vector.std() == pytest.approx(0.2597, abs=0.002)
    assert loaded.features.distance(mouth, mouth)[0] == 0
    mirrored = loaded.features.distance(mouth, mouth[:, :, ::-1])[0]
    assert mirrored == pytest.approx(1.494, abs=0.02)


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
