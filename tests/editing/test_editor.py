"""The editor: from a photo to the same photo with another expression."""

import numpy as np
import pytest
from PIL import Image

from efgan_tf.action_units import NAMES, PRESETS
from efgan_tf.common.errors import UserError
from tests.editing.scenes import (
    group_photo,
    inside,
    portraits,
    tiny_editor,
)
from tests.trained.conftest import MASKED

BLANK = np.full((120, 160, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def editor():
    return tiny_editor()


@pytest.fixture(scope="module")
def group(rendered):
    return group_photo(rendered)


@pytest.mark.parametrize("face, count", [("largest", 1), ("all", 3), (0, 1)])
def test_only_the_chosen_faces_change(face, count, editor, group):
    edited = editor.edit(group, expression="happy", face=face)
    assert len(edited.faces) == count
    assert edited.image.shape == group.shape and edited.image.dtype == np.uint8
    changed = (edited.image != group).any(axis=-1)
    frame = inside(group.shape, edited.faces)
    assert not changed[~frame].any()  # bit for bit
    assert changed[frame].mean() > 0.3
    middles = [each.box[0] + each.box[2] / 2 for each in edited.faces]
    ranges = {"largest": [(160, 352)], 0: [(0, 160)]}.get(
        face, [(0, 160), (160, 352), (352, 512)]
    )
    for middle, (low, high) in zip(middles, ranges, strict=True):
        assert low < middle < high


def test_what_was_done_is_told(editor, group):
    edited = editor.edit(group, expression={"AU12": 4}, face=2)
    (face,) = edited.faces
    np.testing.assert_allclose(
        face.source_action_units, editor.estimate(group, face=2), atol=1e-4
    )
    expected = face.source_action_units.copy()
    expected[NAMES.index("AU12")] = 4
    np.testing.assert_array_equal(face.target_action_units, expected)
    assert face.aligned.shape == (64, 64, 3) and face.aligned.dtype == np.uint8
    assert face.edits.images.shape == (1, 2, 64, 64, 3)
    assert set(face.edits.branches) >= {"face", "eyes", "nose", "mouth"}
    found = editor.faces(group)[2]
    np.testing.assert_array_equal(face.box, found.box)
    np.testing.assert_array_equal(face.landmarks, found.landmarks)
    note = editor.edit(group, expression="sad").notes
    assert note == ("3 faces were found, the largest is edited",)


def test_paths_pictures_and_arrays_give_the_same(editor, group, tmp_path):
    Image.fromarray(group).save(tmp_path / "group.png")
    alpha = Image.fromarray(group).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    alpha.save(tmp_path / "alpha.png")
    given = [
        group, tmp_path / "group.png", str(tmp_path / "group.png"),
        Image.fromarray(group), alpha, tmp_path / "alpha.png",
    ]  # fmt: skip
    edited = editor.edit(given, expression="surprised")
    expected = editor.edit(group, expression="surprised").image
    for result in edited[:4]:
        picture = np.asarray(result.image).astype(int)
        # Batches of other sizes round differently, by one at most.
        assert np.abs(picture - expected).max() <= 1
    assert edited[3].image.mode == "RGB" and edited[4].image.mode == "RGBA"
    edited[5].save(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as saved:
        difference = np.asarray(saved, int) - edited[4].image
        assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(
        np.asarray(edited[4].image)[..., 3], np.asarray(alpha)[..., 3]
    )


def test_saving_keeps_what_the_file_said(editor, group, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    lying = Image.fromarray(np.rot90(group).copy())
    lying.save(tmp_path / "lying.png", exif=exif, icc_profile=b"a profile")
    edited = editor.edit(tmp_path / "lying.png", "happy")
    assert edited.image.shape == group.shape
    edited.save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved), edited.image)
        assert saved.getexif()[0x0112] == 1
        assert saved.info["icc_profile"] == b"a profile"
    with Image.open(tmp_path / "lying.png") as image:
        picture = editor.edit(image, "happy")
    assert picture.image.info["icc_profile"] == b"a profile"
    picture.save(tmp_path / "picture.png")
    saved, other = (tmp_path / f"{n}.png" for n in ("picture", "out"))
    assert saved.read_bytes() == other.read_bytes()
    with pytest.raises(UserError, match="out.png exists"):
        editor.edit(group, "happy").save(other)


def test_the_source_may_be_known(editor, group):
    known = np.full(17, 2, np.float32)
    (face,) = editor.edit(
        group, expression={"AU12": 4}, source_action_units=known
    ).faces
    np.testing.assert_array_equal(face.source_action_units, known)
    assert face.target_action_units[NAMES.index("AU06")] == 2
    with pytest.raises(UserError, match="out of range"):
        editor.edit(group, "happy", source_action_units=known * 3)


def test_the_expression_of_another_photo(editor, rendered, group):
    other = portraits(rendered)[0]
    wanted = editor.estimate(other)
    (face,) = editor.edit(group, from_photo=other, intensity=0.5).faces
    learned = np.array([name != MASKED for name in NAMES])
    np.testing.assert_allclose(
        face.target_action_units[learned],
        ((face.source_action_units + wanted) / 2)[learned],
        atol=1e-3,
    )


def test_units_that_nobody_learned(editor, group):
    (face,) = editor.edit(
        group, "surprised", source_action_units=PRESETS["neutral"] + 1
    ).faces
    number = NAMES.index(MASKED)
    assert face.target_action_units[number] == face.source_action_units[number]
    with pytest.raises(UserError, match=f"has not learned {MASKED}"):
        editor.edit(group, {MASKED: 3})


def test_fewer_stages(editor, group):
    (face,) = editor.edit(group, "happy", stages=1).faces
    assert face.edits.images.shape[1] == 1
    with pytest.raises(UserError, match="2 stages"):
        editor.edit(group, "happy", stages=3)


def test_photos_without_a_face(editor, group):
    with pytest.raises(UserError, match="^photo 2 of 2: no face was found; fr"):
        editor.edit([group, BLANK], "happy")
    skipped = editor.edit([BLANK, group], "happy", on_no_face="skip")
    assert skipped[0].faces == () and (skipped[0].image == BLANK).all()
    assert len(skipped[1].faces) == 1
    framed = editor.edit(BLANK, "happy", on_no_face="center")
    assert (framed.image[:, :20] == BLANK[:, :20]).all()
    assert (framed.image[:, :, 0] != 128)[10:110, 30:130].mean() > 0.5
    with pytest.raises(UserError, match="none of error, skip, center"):
        editor.edit(BLANK, "happy", on_no_face="leave")


def test_cut_off_faces_and_boxes_beyond_the_photo(editor, rendered):
    half = portraits(rendered)[0][:, :110].copy()
    for photo, face in (
        (half, "largest"),
        (BLANK, (-40, -40, 100, 120)),
        (BLANK, (-20, -30, 300, 200)),
    ):
        edited = editor.edit(photo, "happy", face=face)
        assert edited.image.shape == photo.shape
        assert (edited.image != photo).any()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_is_aligned_upright(turns, editor, rendered):
    portrait = portraits(rendered)[0]
    (upright,) = editor.edit(portrait, "happy").faces
    turned = np.rot90(portrait, turns)
    edited = editor.edit(turned, "happy")
    difference = edited.faces[0].aligned.astype(int) - upright.aligned
    assert np.abs(difference).mean() < 6
    changed = (edited.image != turned).any(axis=-1)
    assert not changed[~inside(turned.shape, edited.faces)].any()


@pytest.mark.parametrize(
    "dtype, scale", [("uint16", 257), ("float32", 1 / 255)]
)
def test_finer_photos_stay_fine(dtype, scale, editor, group):
    fine = (group.astype(float) * scale).astype(dtype)
    edited = editor.edit(fine, "happy")
    assert edited.image.dtype == fine.dtype
    coarse = editor.edit(group, "happy").image.astype(float)
    assert np.abs(edited.image / scale - coarse).max() < 2
    outside = ~inside(group.shape, edited.faces)
    np.testing.assert_array_equal(edited.image[outside], fine[outside])


def test_arrays_of_another_kind_are_a_programmers_mistake(editor):
    four = np.zeros((9, 9, 4), np.uint8)
    for wrong in (BLANK[..., 0], BLANK.astype(int), four, BLANK[:0]):
        with pytest.raises(ValueError):
            editor.edit(wrong, "happy")


def test_an_array_of_several_photos_gives_several(editor, group):
    edited = editor.edit(np.stack([group, group]), "happy", face=np.int64(0))
    expected = editor.edit([group, group], "happy", face=0)
    assert len(edited) == 2 and len(edited[0].faces) == 1
    for one, other in zip(edited, expected, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    assert editor.edit([], "happy") == []


def test_the_limit_of_megapixels_may_be_raised(editor, group, tmp_path):
    path = tmp_path / "group.png"
    Image.fromarray(group).save(path)  # 0.098 megapixels
    for method in (editor.faces, editor.estimate, editor.edit):
        with pytest.raises(UserError, match="in Python max_megapixels"):
            method(path, max_megapixels=0.09)
        method(path, max_megapixels=0.1)
    with pytest.raises(UserError, match="finite"):
        editor.edit(path, "happy", max_megapixels=float("inf"))


def test_a_large_face_is_said_to_be_edited_coarsely(editor, rendered):
    portrait = portraits(rendered)[0]
    large = np.kron(portrait, np.ones((3, 3, 1), np.uint8))
    assert editor.edit(portrait, "happy").notes == ()
    (note,) = editor.edit(large, "happy").notes
    assert "pixels a side, the model 64" in note
