"""RaFD: what its names say, and which photos are chosen."""

import itertools

import pytest

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.data import rafd
from efgan_tf.data.photo_names import NameLabel

PERSONS = ("Caucasian_male", "Caucasian_female", "Kid_male", "Moroccan_male")


def name(model, angle="090", expression="happy", gaze="frontal", person=None):
    person = person or PERSONS[model % 4]
    return f"Rafd{angle}_{model:02}_{person}_{expression}_{gaze}.jpg"


@pytest.fixture(scope="module")
def everything():
    """The names of all of RaFD."""
    numbers = sorted({*range(1, 74)} - {6, 13, 17, 34, 62, 66})
    angles = ("000", "045", "090", "135", "180")
    gazes = ("left", "frontal", "right")
    keys = itertools.product(numbers, angles, action_units.PRESETS, gazes)
    return [name(*key) for key in keys]


def test_a_name_is_read_in_any_case_and_folder():
    own = "Rafd090_28_Caucasian_male_angry_frontal"
    expected = rafd.RafdName("090", 28, "caucasian", "male", "angry", "frontal")
    for file in (f"RaFD/all/{own}.JPG", f"C:\\RaFD\\{own.lower()}.Png"):
        assert rafd.read_name(file) == expected
    bored = f"{own.replace('angry', 'bored')}.jpg"
    for file in (f"._{own}.jpg", f"{own} (1).jpg", f"{own}.csv", bored, ""):
        assert rafd.read_name(file) is None, file


def test_the_numbers_are_the_published_ones(everything):
    assert len(everything) == len(set(everything)) == 8040 == rafd.PUBLISHED
    assert len(rafd.MODELS) == 67
    central = rafd.select(everything)
    assert len(central.labels) == 4824
    assert len({label.subject for label in central.labels.values()}) == 67
    assert central.labels[name(28, "045", "angry", "left")] == NameLabel(
        "28", "angry", "045-left"
    )
    assert central.passed_over == {"angle 000": 1608, "angle 180": 1608}
    assert not central.unknown_names and not central.warnings
    assert central.counts == [
        "RaFD: 8,040 of 8,040 photos, 67 of 67 models, 5 of 5 angles",
        "chosen: 4,824 (published for these angles: 4,824)",
    ]
    looking = rafd.select(everything, ["090"], ["frontal"])
    assert len(looking.labels) == 536
    assert looking.passed_over["gaze left"] == 536
    assert looking.counts[1] == (
        "chosen: 536 (published for these angles and gazes: 536)"
    )


def test_files_that_are_no_photo_of_the_set_have_a_reason():
    files = {
        "a/" + name(28): "",
        "b/" + name(28): f"the same as another photo (a/{name(28)})",
        "a/" + name(28).replace(".jpg", ".png"): "the same as another photo",
        name(17): "RaFD has no such model (17)",
        name(74): "RaFD has no such model (74)",
        name(28, expression="sad", person="Caucasian_female"):
            "at odds with the model's other photos (28 is caucasian male)",
        name(28, expression="angry"): "",
        "holiday.jpg": "not named as RaFD names its photos",
    }  # fmt: skip
    selection = rafd.select(list(files))
    found = dict.fromkeys(selection.labels, "") | dict(selection.unknown_names)
    assert sorted(found) == sorted(files)
    for file, reason in found.items():
        assert reason.startswith(files[file]), reason
        assert bool(reason) == bool(files[file])


def test_missing_photos_are_named(everything):
    gone = {name(28), name(30), name(30, "000")}
    some = [file for file in everything if file not in gone]
    assert rafd.select(some).warnings == [
        "RaFD: 8,037 of 8,040 photos: model 28 lacks 1, model 30 lacks 2"
    ]
    models = {name(model) for model in range(1, 13)}
    some = [file for file in everything if file not in models]
    (warning,) = rafd.select(some).warnings
    assert "model 05 lacks 1 and 6 more" in warning


def test_nothing_chosen_says_what_there_is():
    with pytest.raises(UserError, match="'x.jpg'.*socs"):
        rafd.select(["x.jpg"])
    with pytest.raises(UserError, match="request RaFD"):
        rafd.select([])
    files = [name(28, "000"), name(28, "000", "sad"), name(28, "180")]
    with pytest.raises(UserError, match="=045,090,135.*2 at angle 000"):
        rafd.select(files)
