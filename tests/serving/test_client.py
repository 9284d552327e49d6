"""The client of a served model edits as the model itself does."""

import io

import numpy as np
import pytest
from PIL import Image

import efgan_tf
from efgan_tf import client, commands, edit
from efgan_tf.common.errors import UserError
from efgan_tf.editing.editor import Editor
from efgan_tf.faces.photos import read_photo
from efgan_tf.serving import Client
from efgan_tf.trained.loading import load_model, load_network
from efgan_tf.trained.remote.connection import Connection
from tests.editing.scenes import group_photo, inside, portraits
from tests.trained.conftest import (
    MASKED,
    encoded,
    public_faces,
    random_faces,
)

# Measured: at most 1.1e-5, another batch and another graph.
CLOSE = {"rtol": 0, "atol": 5e-5}


@pytest.fixture(scope="module")
def local(model, detector):
    """Edits photos with it here."""
    return Editor(model, detector)


@pytest.fixture(scope="module")
def remote(served, detector):
    """A client whose editor has the detector that is loaded already."""
    with Client(served.address) as made:
        made.editor.detector = detector
        yield made


TARGETS = [
    {"expression": "happy", "intensity": 0.7},
    {"expression": {"AU12": 1}, "relative": True, "face": "all"},
    {"expression": "angry", "source_action_units": np.full(17, 2.0)},
    {"from_photo": "other", "units": {"AU25": 2}},
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: "-".join(target))
def test_photos_are_edited_as_without_a_server(rendered, local, remote, target):
    photo, target = group_photo(rendered), dict(target)
    if "from_photo" in target:
        target["from_photo"] = portraits(rendered)[2]
    here = local.edit(photo, **target)
    there = remote.edit(photo, **target)
    assert len(here.faces) == len(there.faces) >= 1
    for one, other in zip(here.faces, there.faces, strict=True):
        learned = local.model.au_mask > 0  # which the client cannot know
        for name in ("source_action_units", "target_action_units"):
            there_units, here_units = getattr(other, name), getattr(one, name)
            np.testing.assert_allclose(
                there_units[learned], here_units[learned], **CLOSE
            )
        np.testing.assert_array_equal(one.aligned, other.aligned)
        np.testing.assert_allclose(
            other.edits.images, one.edits.images, **CLOSE
        )
        np.testing.assert_allclose(
            other.edits.attention, one.edits.attention, **CLOSE
        )
    assert np.abs(there.image.astype(int) - here.image).max() <= 1
    outside = ~inside(photo.shape, there.faces)
    assert outside.any()
    np.testing.assert_array_equal(there.image[outside], photo[outside])
    assert (there.image != photo).any()


def test_aligned_faces_are_edited(remote, model):
    images, source, target = public_faces(3)
    edited = remote.edit_faces(images, target, source)
    expected = model.edit(2 * images - 1, source, target).images[:, -1]
    np.testing.assert_allclose(edited, (expected + 1) / 2, **CLOSE)
    # Without a source, it is estimated.
    units = remote.estimate(images)
    np.testing.assert_allclose(
        remote.edit_faces(images, target),
        remote.edit_faces(images, target, units),
        **CLOSE,
    )
    # Whole levels; one face; one target for all.
    levels = (images * 255).round().astype(np.uint8)
    edited = remote.edit_faces(levels, target[0], source[0])
    assert edited.shape == images.shape and edited.dtype == np.float32
    np.testing.assert_allclose(
        remote.edit_faces(levels[1], target[0], source[0]), edited[1:2], **CLOSE
    )
    np.testing.assert_allclose(
        remote.edit_faces(levels / 255, target[0], source[0]), edited, **CLOSE
    )


def test_files_of_aligned_faces_are_edited(remote):
    images, _, target = public_faces(2)
    levels = (images * 255).round().astype(np.uint8)
    files = [encoded(face) for face in levels]
    pictures = [
        np.asarray(Image.open(io.BytesIO(content)))
        for content in remote.edit_bytes(files, target)
    ]
    expected = remote.edit_faces(levels, target) * 255
    np.testing.assert_allclose(pictures, expected, rtol=0, atol=0.51)


def test_the_server_describes_its_model(served, remote, model):
    info = remote.served()
    assert (info.version, info.size, info.stages) == (1, 64, model.stages)
    assert "edit_bytes" in info.signatures and remote.versions() == {
        1: "AVAILABLE"
    }
    address = f"grpc://{served.address}/efgan/versions/1"
    with Client(address) as same:
        assert same.served() == info and same.config.address == address


def test_many_faces_go_in_several_requests(served, model):
    remote = Connection(served.address, faces_per_request=2).model
    images, source, target = random_faces(5)
    here, there = (m.edit(images, source, target) for m in (model, remote))
    np.testing.assert_allclose(there.images, here.images, **CLOSE)
    np.testing.assert_allclose(there.attention, here.attention, **CLOSE)
    assert there.branches == {}
    np.testing.assert_allclose(
        remote.estimate(images), model.estimate(images), **CLOSE
    )


def test_a_served_model_says_what_it_cannot(served, rendered, remote):
    address = f"grpc://{served.address}/efgan"
    with pytest.raises(UserError, match="--stages=1"):
        remote.edit(portraits(rendered)[0], "happy", stages=1)
    with pytest.raises(UserError, match="on the server"):
        load_network(address)
    # Which units were learned is not on the wire; the graph knows.
    edited, same = (
        remote.edit(portraits(rendered)[0], units).faces[0].edits.images
        for units in ({MASKED: 5}, {})
    )
    np.testing.assert_allclose(edited, same, **CLOSE)


def test_an_address_is_a_model_for_everything_that_edits(
    served, rendered, detector, monkeypatch, tmp_path, capsys
):
    address = f"grpc://{served.address}/efgan"
    assert load_model(address).size == 64
    assert efgan_tf.load(address).model.name == address
    monkeypatch.setattr("efgan_tf.editing.editor.Detector", lambda: detector)
    photo = tmp_path / "photo.png"
    photo.write_bytes(encoded(portraits(rendered)[0]))
    target = [f"--image={photo}", "--au=AU12=3"]
    assert commands.run(
        edit.main, *edit.CONFIGS,
        argv=["edit", f"--model={address}", f"--out={tmp_path}/1.png", *target],
    ) == 0  # fmt: skip
    assert commands.run(
        client.main, *client.CONFIGS,
        argv=["client", f"--server={served.address}", *target,
              f"--out={tmp_path}/2.png", f"--sheet={tmp_path}/sheet.png"],
    ) == 0  # fmt: skip
    assert "AU12" in capsys.readouterr().out
    one, two = (read_photo(tmp_path / f"{n}.png") for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != read_photo(photo)).any()
    assert (tmp_path / "sheet.png").exists()
