"""RaFD and CFEE, from the folder as it is handed out to prepared faces."""

import json

import cv2
import numpy as np
import pytest

from efgan_tf import data, geometry
from efgan_tf.config import DataConfig
from efgan_tf.data import builders
from tests.data import trees

UNMEASURED = {
    "has no row in the table",
    "its table has a header but no rows",
    "no face found by OpenFace (success = 0)",
}


@pytest.fixture(autouse=True)
def shared_detector(detector, monkeypatch):
    """Loading a detector for each test would take long."""
    monkeypatch.setattr(builders.detection, "Detector", lambda: detector)


@pytest.fixture
def prepare(tmp_path):
    """Prepares a tree with a table; returns splits by name and the report."""

    def run(dataset, tree, table):
        config = DataConfig(
            dataset=dataset, source_dir=str(tree.folder), aus=str(table),
            data_dir=str(tmp_path / "data"), beam_runner="none", held_out=0.3,
        )  # fmt: skip
        faces = {
            split: data.load_faces(config, 64, split)
            for split in ("train", "test")
        }
        folder = data.prepare(config, 64).folder
        return faces, json.loads((folder / "report.json").read_text("utf-8"))

    return run


def check_kept(faces, report, tree):
    """Exactly the usable photos are there, and know what they show."""
    kept = [f for part in faces.values() for f in part.filenames.tolist()]
    assert sorted(kept) == tree.usable
    assert report["kept"] == len(tree.usable)
    assert report["photos"] == len(tree.files)
    for part in faces.values():
        for index, file in enumerate(part.filenames.tolist()):
            label = tree.labels[file]
            found = part.subjects[index], part.expressions[index]
            assert found == (label.subject, label.expression)
            assert part.views[index] == label.view
    shared = set(faces["train"].subjects) & set(faces["test"].subjects)
    assert not shared


def check_dropped(report, tree):
    """Everything else is accounted for, with the reason that is expected.

    No tool can measure a broken photo, so the reason is its missing row.
    """
    dropped = {d["file"]: d["reason"] for d in report["dropped"]}
    expected = tree.unknown_names
    assert expected.keys() | tree.broken == dropped.keys()
    for file, reason in dropped.items():
        if file in expected:
            assert reason.startswith(expected[file]), file
        else:
            assert reason in UNMEASURED, file
    assert report["passed_over"] == tree.passed_over


def check_units(faces, tree):
    for part in faces.values():
        for file, units in zip(
            part.filenames.tolist(), part.action_units, strict=True
        ):
            expected = tree.faces[file].action_units
            np.testing.assert_allclose(units, expected, atol=0.006)


def test_rafd_with_a_table_for_each_photo(rafd_tree, prepare, tmp_path):
    table = trees.write_openface_folder(tmp_path / "aus", rafd_tree)
    faces, report = prepare("rafd", rafd_tree, table)
    check_kept(faces, report, rafd_tree)
    check_dropped(report, rafd_tree)
    check_units(faces, rafd_tree)
    assert report["table"] == "OpenFace FaceLandmarkImg intensities"
    assert any("of 8,040 photos" in line for line in report["counts"])
    # The landmarks lead to the smaller of two faces, whom the photo is of.
    assert report["several_faces"] == [trees.TWO_FACES]
    ((part, index),) = [
        (part, index)
        for part in faces.values()
        for index in np.flatnonzero(part.filenames == trees.TWO_FACES)
    ]
    picture = np.frombuffer(part.encoded[index], np.uint8)
    found = cv2.imdecode(picture, cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    beside = next(iter(rafd_tree.faces.values()))
    own, other = (
        np.abs(found - geometry.align(f.image, f.landmarks, 64)).mean()
        for f in (rafd_tree.faces[trees.TWO_FACES], beside)
    )
    assert own < other / 2


def test_cfee_with_one_table(cfee_tree, prepare, tmp_path):
    table = tmp_path / "aus.csv"
    trees.write_feature_extraction(table, cfee_tree)
    faces, report = prepare("cfee", cfee_tree, table)
    check_kept(faces, report, cfee_tree)
    check_dropped(report, cfee_tree)
    check_units(faces, cfee_tree)
    assert any("230" in line for line in report["counts"])
