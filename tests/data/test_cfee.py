"""CFEE: what its names say, and what a copy of it is like."""

import itertools

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.data import cfee
from efgan_tf.data.photo_names import NameLabel

SUBJECTS = range(110, 340)
# One code for each emotion: of those that share one, the first.
PAPER_CODES = sorted(set(range(1, 27)) - {4, 17, 19, 20})


def names(codes, subjects=SUBJECTS):
    pairs = itertools.product(codes, subjects)
    return [
        f"Images/{code:02}_{subject}_{1000 + number}.jpg"
        for number, (code, subject) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    "file, code, subject, image",
    [
        ("21-26/Images6/23_178_6632.JPG", 23, "178", 6632),
        ("04_221.jpg", 4, "221", None),
        ("260_19.png.jpg", 19, "260", None),
        ("260_19_3470.jpg", 19, "260", 3470),
        ("9_128_4191.png", 9, "128", 4191),
        ("19_022.jpg", 19, "022", None),
        ("022_19.jpg", 19, "022", None),
        ("02_99.jpg", 2, "099", None),
    ],
)
def test_a_name_is_read(file, code, subject, image):
    assert cfee.read_name(file) == cfee.CfeeName(code, subject, image)


def test_a_name_that_may_mean_two_things_is_none():
    for name in (
        "04_19",  # two codes
        "260_339",  # two subjects
        "27_260",  # no code
        "00_260",
        "260_019",  # a subject, or a code? of three digits
        "02_3390_1",
        "2",
        "02_339_",
        "02_339_3470 (2)",
        "._02_339_3470",
    ):
        assert cfee.read_name(f"{name}.jpg") is None, name


def test_every_file_has_a_label_or_a_reason():
    files = ["b/02_339_1.jpg", "260_19.png.jpg", "a/02_339_1.JPG", "x.jpg"]
    selection = cfee.select(files)
    surprised = "disgustedly surprised"
    assert selection.labels == {
        "260_19.png.jpg": NameLabel("260", surprised, "frontal", "19_260"),
        "a/02_339_1.JPG": NameLabel("339", "happy", "frontal", "02_339"),
    }
    assert selection.unknown_names == [
        ("b/02_339_1.jpg", "the same as another photo (a/02_339_1.JPG)"),
        ("x.jpg", "not named as CFEE names its photos (02_339_3470.jpg)"),
    ]


def test_the_release_and_the_paper_are_recognized():
    release = names(range(1, 27))[: cfee.RELEASE]
    selection = cfee.select(release)
    assert len(selection.labels) == 5954
    assert selection.counts[0] == (
        "CFEE: 5,954 photos, 230 of 230 subjects, 26 of 26 codes, 22 of 22 "
        "emotions"
    )
    assert selection.counts[1].startswith("most like the release of 5,954")
    assert not selection.warnings
    selection = cfee.select(names(PAPER_CODES))
    assert len(selection.labels) == 5060
    assert selection.counts[1].startswith("most like the paper's 5,060")
    assert not selection.warnings
    selection = cfee.select(names([1, 2]))
    assert selection.counts[1].startswith("a part of CFEE")


def test_missing_photos_are_named():
    files = [
        file
        for file in names(PAPER_CODES, SUBJECTS[1:])
        if "/09_" not in file and "/02_130_" not in file
    ]
    (warning,) = cfee.select(files).warnings
    assert warning == (
        f"CFEE: {21 * 229 - 1:,} of 5,060 photos: 229 of 230 subjects; "
        "no photo of 09 happily surprised; 02 happy lacks 1"
    )
    assert cfee.select(names(range(1, 26))).warnings == [
        "CFEE: 5,750 of 5,954 photos: no photo of 26 sadly disgusted"
    ]


def test_photos_of_one_code_and_subject_are_warned_about():
    files = ["04_221_7.jpg", "04_221.jpg", "05_221_8.jpg"]
    selection = cfee.select(files)
    assert len(selection.labels) == 3
    assert selection.warnings[-1].endswith("name in full: 04_221")


def test_a_folder_without_cfee_says_how_to_get_it():
    with pytest.raises(UserError, match="'x.jpg'.*ohio"):
        cfee.select(["x.jpg"])
    with pytest.raises(UserError, match="request CFEE"):
        cfee.select([])
