"""Clients that others wrote edit faces on the local server."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import ovmsclient
import pytest
from ovmsclient.tfs_compat.base.errors import (
    InvalidInputError,
    ModelNotFoundError,
)
from PIL import Image

from efgan_tf import action_units
from efgan_tf.serving import Client
from tests.trained.conftest import public_faces

ROOT = Path(__file__).parents[2]
NODE = ROOT / "serving" / "node"
HAPPY = "AU06=4,AU12=4.5,AU25=3"


# It sends version 0 where none is given, which is a version like any other.
OVMS = {"model_name": "efgan", "model_version": 1}


def test_ovmsclient(served, model):
    client = ovmsclient.make_grpc_client(served.address)
    status = client.get_model_status(**OVMS)
    assert status[1]["state"] == "AVAILABLE"
    metadata = client.get_model_metadata(**OVMS)
    assert metadata["inputs"]["image"]["shape"] == [-1, 64, 64, 3]
    images, _, target = public_faces(2)
    edits = model.edit(2 * images - 1, model.estimate(2 * images - 1), target)
    inputs = {"image": images, "action_units": target}
    np.testing.assert_allclose(
        client.predict(inputs=inputs, **OVMS),
        (edits.images[:, -1] + 1) / 2,
        rtol=0,
        atol=2e-5,  # measured: at most 4e-6
    )
    with pytest.raises(InvalidInputError, match="image must be finite"):
        client.predict(inputs={**inputs, "image": images * 255}, **OVMS)
    with pytest.raises(ModelNotFoundError, match="Latest|Specific"):
        client.predict(inputs=inputs, model_name="nobody", model_version=1)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Runs serving/node/edit.js with its packages from npm."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "edit.js"):
        shutil.copy(NODE / name, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(
            install, cwd=folder, check=True, capture_output=True, timeout=300
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot install the packages: {error.stderr}")

    def run(*arguments):
        protos = ROOT / "efgan_tf/trained/remote/tensorflow_serving.binpb"
        command = ["node", "edit.js", f"--protos={protos}", *arguments]
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60
        )

    return run


def test_node(served, face, node, tmp_path):
    out = tmp_path / "out.png"
    shared = [f"--server={served.address}", f"--image={face}", f"--out={out}"]
    done = node(*shared, f"--au={HAPPY}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"wrote {out} (version 1)\n"
    units = action_units.to_vector(action_units.parse(HAPPY))
    with Client(served.address) as client:
        (expected,) = client.edit_bytes([face.read_bytes()], units)
    pixels, same = (
        np.asarray(Image.open(io.BytesIO(content))).astype(int)
        for content in (out.read_bytes(), expected)
    )
    assert np.abs(pixels - same).max() <= 1
    out.unlink()
    for arguments, words in (
        (["--model=nobody"], "NOT_FOUND: Servable not found"),
        ([f"--image={__file__}"], "neither a JPEG nor a PNG"),
        (["--au=AU03=1"], "--au: AU03=1 is not UNIT=NUMBER"),
        (["--server=127.0.0.1:1"], "UNAVAILABLE"),
        (["--image=absent.png"], "absent.png"),
    ):
        done = node(*shared, *arguments)
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert not out.exists()
