"""The small copies of RaFD and CFEE are what they say they are."""

import csv
from pathlib import Path

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.data import cfee, rafd
from efgan_tf.faces.detection import largest
from efgan_tf.faces.photos import PhotoError, read_photo
from tests.data import tree_tables, trees

# As in a file that OpenFace wrote.
FACE_LANDMARK_IMG = (
    "face, confidence, AU01_r, AU02_r, AU04_r, AU05_r, AU06_r, AU07_r, AU09_r, "
    "AU10_r, AU12_r, AU14_r, AU15_r, AU17_r, AU20_r, AU23_r, AU25_r, AU26_r, "
    "AU45_r, AU01_c, AU02_c, AU04_c, AU05_c, AU06_c, AU07_c, AU09_c, AU10_c, "
    "AU12_c, AU14_c, AU15_c, AU17_c, AU20_c, AU23_c, AU25_c, AU26_c, AU28_c, "
    "AU45_c"
)
PYFEAT_UNITS = [
    f"AU{number:02}"
    for number in (
        1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43,
    )
]  # fmt: skip


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def check_selection(tree, selection):
    assert list(selection.labels.items()) == sorted(tree.labels.items())
    assert selection.passed_over == tree.passed_over
    unknown_names = dict(selection.unknown_names)
    assert unknown_names.keys() == tree.unknown_names.keys()
    for file, reason in tree.unknown_names.items():
        assert unknown_names[file].startswith(reason)


def test_rafd_is_chosen_from_as_expected(rafd_tree):
    assert len(rafd_tree.labels) == 3 * 8 * 3 + 8
    assert len(rafd_tree.usable) == 3 * 8 * 3 + 5
    assert rafd_tree.passed_over == {"angle 000": 24, "angle 180": 24}
    assert len(rafd_tree.files) == 3 * 8 * 5 + 8 + 5
    check_selection(rafd_tree, rafd.select(rafd_tree.files))


def test_cfee_is_chosen_from_as_expected(cfee_tree):
    assert len(cfee_tree.labels) == 3 * 7 + 6
    assert len(cfee_tree.usable) == 3 * 7 + 3
    assert "21-26/Images6/260_19.png.jpg" in cfee_tree.usable
    check_selection(cfee_tree, cfee.select(cfee_tree.files))


@pytest.mark.parametrize("name", ["rafd_tree", "cfee_tree"])
def test_the_folder_holds_what_the_tree_lists(name, request):
    tree = request.getfixturevalue(name)
    found = {
        path.relative_to(tree.folder).as_posix()
        for path in tree.folder.rglob("*")
        if path.is_file() and "loop/" not in path.as_posix()
    }
    assert found == {*tree.files, *tree.hidden}
    assert tree.has_loop == (tree.folder / "loop" / "loop").is_dir()


@pytest.mark.parametrize("name", ["rafd_tree", "cfee_tree"])
def test_faces_are_found_where_the_tree_says(name, request, detector):
    tree = request.getfixturevalue(name)
    files = [file for file in tree.faces if file not in tree.unknown_names]
    photos = [read_photo(tree.folder / file) for file in files]
    found = detector.detect(photos)
    for file, faces in zip(files, found, strict=True):
        true = [face.landmarks for face in tree.faces[file]]
        assert len(faces) == len(true), file
        for landmarks in true:
            error = min(np.abs(f.landmarks - landmarks).max() for f in faces)
            assert error < 9, file  # at most 7.1 pixels as measured
    assert sum(not faces for faces in found) == 1  # a bare wall


def test_of_two_faces_the_right_one_is_once_the_smaller(rafd_tree, detector):
    sizes = []
    for file in rafd_tree.usable:
        if len(rafd_tree.faces[file]) == 2:
            photo = read_photo(rafd_tree.folder / file)
            middle = rafd_tree.faces[file][0].landmarks.mean(0)
            left, top, width, height = largest(detector.detect([photo])[0]).box
            inside = 0 < middle[0] - left < width
            sizes.append(inside and 0 < middle[1] - top < height)
    assert sorted(sizes) == [False, True]


@pytest.mark.parametrize("name", ["rafd_tree", "cfee_tree"])
def test_broken_photos_cannot_be_read(name, request):
    tree = request.getfixturevalue(name)
    unreadable = tree.broken.keys() - tree.faces.keys()
    assert len(unreadable) == 2
    for file in unreadable:
        with pytest.raises(PhotoError) as refusal:
            read_photo(tree.folder / file)
        assert refusal.value.reason.startswith(tree.broken[file])


def test_expressions_and_gazes_are_seen(tmp_path):
    tree = trees.make_rafd(
        tmp_path,
        models=[1],
        angles=["090"],
        gazes=["left", "right"],
        expressions=["happy", "sad"],
        irregular=False,
    )
    assert len(tree.labels) == len(tree.files) == 4 and not tree.hidden
    pictures = {label: file for file, label in tree.labels.items()}
    assert len({(tmp_path / f).read_bytes() for f in pictures.values()}) == 4
    for file, label in tree.labels.items():
        units = tree.faces[file][0].action_units
        preset = action_units.preset(label.expression)
        np.testing.assert_array_equal(units > 0, preset > 0)


def test_heads_are_turned_as_in_rafd(rafd_tree):
    """From 045 a person's right side is seen, so that the nose is right."""
    for file, faces in rafd_tree.faces.items():
        if rafd_tree.labels.get(file) and "_73_" not in file:
            eyes, nose = faces[0].landmarks[:2], faces[0].landmarks[2]
            side = (nose - eyes.mean(0))[0] / 5
            turn = {"045": 1, "090": 0, "135": -1}[file[4:7]]
            assert round(np.clip(side, -1, 1)) == turn, file


def test_openface_writes_a_file_for_each_picture(rafd_tree, tmp_path):
    tree_tables.write_openface_folder(tmp_path, rafd_tree)
    file = "Rafd090_28_Caucasian_male_happy_frontal"
    text = (tmp_path / f"{file}.csv").read_bytes().decode()
    assert text.split("\r\n")[0] == FACE_LANDMARK_IMG
    (row,) = rows_of(tmp_path / f"{file}.csv")
    units = rafd_tree.faces[f"{file}.jpg"][0].action_units
    for name, value in zip(action_units.NAMES, units, strict=True):
        assert float(row[f"{name}_r"]) == pytest.approx(value, abs=1e-6)
        assert row[f"{name}_c"] == str(int(value >= 1))
    two = "Rafd090_73_Moroccan_male_surprised_frontal.csv"
    _, right = rows_of(tmp_path / two)
    assert (right["face"], right["confidence"]) == ("1", "0.98")
    wall = "Rafd090_73_Moroccan_male_fearful_frontal.csv"
    assert not rows_of(tmp_path / wall)
    assert {path.stem for path in tmp_path.iterdir()} == {
        Path(file).stem for file in rafd_tree.faces
    }


def test_openface_names_the_face_by_its_landmarks(rafd_tree, tmp_path):
    tree_tables.write_openface_folder(
        tmp_path, rafd_tree, landmarks=True, shuffled=True
    )
    name = "Rafd090_73_Moroccan_male_surprised_frontal"
    for row, face in zip(
        rows_of(tmp_path / f"{name}.csv")[::-1],
        rafd_tree.faces[f"{name}.jpg"],
        strict=True,
    ):
        eyes = [
            np.mean([float(row[f"{axis}_{i}"]) for i in points])
            for points in (range(36, 42), range(42, 48))
            for axis in "xy"
        ]
        # The 68 points are fitted to the five: not exactly on them.
        np.testing.assert_allclose(eyes, face.landmarks[:2].ravel(), atol=3)


def test_feature_extraction_counts_frames(cfee_tree, tmp_path):
    path = tree_tables.write_feature_extraction(tmp_path / "aus.csv", cfee_tree)
    rows = rows_of(path)
    assert list(rows[0])[:5] == [
        "frame", "face_id", "timestamp", "confidence", "success",
    ]  # fmt: skip
    assert len(rows) == len(cfee_tree.files)
    for number, (row, file) in enumerate(
        zip(rows, cfee_tree.files, strict=True), 1
    ):
        assert row["frame"] == str(number)
        assert row["success"] == str(int(file not in cfee_tree.broken))


def test_py_feat_has_its_own_units(rafd_tree, tmp_path):
    path = tree_tables.write_pyfeat(tmp_path / "fex.csv", rafd_tree)
    rows = rows_of(path)
    assert [n for n in rows[0] if n.startswith("AU")] == PYFEAT_UNITS
    assert len(rows) == sum(map(len, rafd_tree.faces.values()))
    for row in rows:
        file = Path(row["input"]).relative_to(rafd_tree.folder).as_posix()
        units = [face.action_units for face in rafd_tree.faces[file]]
        happy = [
            f"{u[action_units.NAMES.index('AU12')] / 5:.4f}" for u in units
        ]
        assert f"{float(row['AU12']):.4f}" in happy
    binary = rows_of(
        tree_tables.write_pyfeat(
            path, rafd_tree, presence_only=True, shuffled=True
        )
    )
    assert list(binary[0]) != list(rows[0])
    seen = {row[name] for row in binary for name in PYFEAT_UNITS}
    assert seen == {"0.0", "1.0"}


def test_our_own_table_says_all(cfee_tree, tmp_path):
    path = tree_tables.write_general(tmp_path / "aus.csv", cfee_tree)
    rows = {row["file"]: row for row in rows_of(path)}
    assert rows.keys() == set(cfee_tree.usable)
    row = rows["21-26/Images6/04_221.jpg"]
    assert (row["subject"], row["expression"]) == ("221", "sad")
    assert float(row["AU15"]) > 0 and float(row["AU12"]) == 0
    rows = rows_of(
        tree_tables.write_general(path, cfee_tree, presence_only=True)
    )
    assert "AU15_c" in rows[0] and "AU15" not in rows[0]
