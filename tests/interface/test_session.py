"""A visitor's session: targets for the faces of a photo, and the edits."""

import json

import numpy as np
import pytest
from PIL import Image

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.editing.editor import Editor
from efgan_tf.interface.sample_photos import SAMPLES, sample_path
from efgan_tf.interface.session import SHOWN_SIDE, open_photo
from efgan_tf.trained.model import EditingModel
from tests.editing.scenes import mute_editor, tiny_editor

LIMIT = 10**7  # pixels
ONE = sample_path("One person")


@pytest.fixture
def session():
    return open_photo(tiny_editor(), ONE, LIMIT)


def _differs(session):
    return not np.array_equal(session.edited().image, session.photo)


def test_a_photo_begins_as_it_is_with_the_units_that_it_shows(session):
    estimated = tiny_editor().estimate(ONE)
    np.testing.assert_array_equal(session.source, estimated)
    np.testing.assert_allclose(session.shown_units(), estimated, atol=0.051)
    np.testing.assert_array_equal(session.target, session.source)
    assert not _differs(session)
    assert session.stage_pictures(session.edited()) == {}


def test_sliders_change_what_they_are_moved_to_and_nothing_else(session):
    shown = session.shown_units()
    session.move(shown, 1.0)
    np.testing.assert_array_equal(session.target, session.source)
    index = action_units.NAMES.index("AU12")
    shown[index] = 4.2
    session.move(shown, 1.0)
    moved = session.target - session.source
    assert session.target[index] == np.float32(4.2)
    assert np.flatnonzero(moved).tolist() == [index]
    assert _differs(session)
    # As every other way to edit does it.
    there = tiny_editor().edit(session.photo, {"AU12": 4.2})
    np.testing.assert_array_equal(session.edited().image, there.image)


def test_intensity_goes_from_the_photo_to_the_expression_and_on(session):
    wanted = action_units.preset("sad")
    session.show(wanted)
    for intensity in (0.0, 0.5, 1.0, 2.0):
        session.move(session.shown_units(), intensity)
        expected = session.source + intensity * (wanted - session.source)
        learned = tiny_editor().model.au_mask > 0  # the others stay
        assert not learned.all()
        np.testing.assert_allclose(
            session.target,
            np.where(learned, np.clip(expected, 0, 5), session.source),
            atol=1e-5,
        )
        assert _differs(session) == (intensity > 0)


def test_stages_are_shown_and_can_be_fewer(session):
    session.show_preset("happy")
    pictures = session.stage_pictures(session.edited())
    assert {"photo", "stage 2", "A mouth", "result"} <= set(pictures)
    session.use_stages(1)
    assert "stage 2" not in session.stage_pictures(session.edited())
    with pytest.raises(UserError, match="2 stages"):
        session.use_stages(3)
    assert session.stages == 1


def test_a_large_photo_is_shown_small_and_written_whole(tmp_path):
    size = SHOWN_SIDE + 300
    large = Image.open(ONE).resize((size, size))
    exif = Image.Exif()
    exif[0x010E] = "somebody"  # its description
    large.save(tmp_path / "large.jpg", quality=90, exif=exif)
    session = open_photo(tiny_editor(), tmp_path / "large.jpg", LIMIT)
    assert session.photo.shape == (SHOWN_SIDE, SHOWN_SIDE, 3)
    session.show_preset("surprised")
    written = session.write_photo(tmp_path)
    assert written.name == "large_edited.jpg"
    with Image.open(written) as image:
        assert image.size == large.size
        assert image.getexif()[0x010E] == "somebody"
        assert np.abs(np.asarray(image, int) - np.asarray(large)).max() > 40


@pytest.mark.parametrize("name", ["text.jpg", "wall.png", "mine.json"])
def test_bad_files_are_refused_and_change_nothing(name, session, tmp_path):
    path = tmp_path / name
    path.write_text('{"action_units": {"AU12": 9}}')
    uses = [
        lambda path: open_photo(tiny_editor(), path, LIMIT),
        lambda path: session.show_as_in(path, LIMIT),
    ]
    if name == "wall.png":
        Image.new("RGB", (300, 200), "gray").save(path)
    elif name == "mine.json":
        uses = [session.load]
    session.show_preset("happy")
    before = session.expression_target
    for use in uses:
        with pytest.raises(UserError, match=f"^{name}: ") as caught:
            use(path)
        # The visitor's own name, not where the server keeps the file.
        assert str(tmp_path) not in str(caught.value)
    assert session.expression_target is before


def test_values_that_no_slider_gives_are_refused(session):
    shown = session.shown_units()
    for units, intensity in (
        ([7.0, *shown[1:]], 1.0),
        ([float("nan"), *shown[1:]], 1.0),
        (shown, -1.0),
        (shown, 99.0),
    ):
        with pytest.raises(UserError):
            session.move(units, intensity)
    assert not _differs(session)


def test_without_an_estimator_faces_count_as_neutral(tmp_path):
    session = open_photo(mute_editor(), ONE, LIMIT)
    assert session.shown_units() == [0.0] * action_units.COUNT
    assert "neutral" in session.notes[-1]
    session.show_preset("happy")
    assert _differs(session)
    with pytest.raises(UserError, match="has no estimator"):
        session.show_as_in(ONE, LIMIT)
    saved = json.loads(session.write_expression(tmp_path).read_text())
    assert set(saved["source_action_units"].values()) == {0.0}


def test_the_work_is_kept_when_the_model_cannot_be_reached():
    gone = []

    def run(**inputs):
        if gone:
            raise UserError("the server is gone")
        return model._run_cascade(**inputs)

    model = tiny_editor().model
    far = EditingModel("far", model.info, run, model._run_estimator)
    session = open_photo(Editor(far, tiny_editor().detector), ONE, LIMIT)
    gone.append(True)
    session.show_preset("happy")
    with pytest.raises(UserError, match="the server is gone"):
        session.edited()
    gone.clear()
    assert _differs(session)


def test_the_samples_are_small_and_show_what_they_say():
    counts = {
        caption: len(tiny_editor().faces(sample_path(caption)))
        for caption in SAMPLES
    }
    assert list(counts.values()) == [1, 1, 1, 3]
    assert all(sample_path(each).stat().st_size < 80_000 for each in SAMPLES)
