"""RaFD and CFEE, from the folder as it is handed out to prepared faces."""

import json

import numpy as np
import pytest

from efgan_tf import data
from efgan_tf.config import DataConfig
from efgan_tf.data import builders
from tests.data import tree_tables

INTENSITIES = {
    "openface": tree_tables.write_openface_folder,
    "features": tree_tables.write_feature_extraction,
    "general": tree_tables.write_general,
}

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

    def run(dataset, tree, table, **settings):
        config = DataConfig(
            dataset=dataset, source_dir=str(tree.folder), aus=str(table),
            data_dir=str(tmp_path / "data"), beam_runner="none", **settings,
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


def check_dropped(report, tree, broken_have_rows=False):
    """Everything else is accounted for, with the reason that is expected.

    No tool can measure a broken photo, so the reason is its missing row.
    """
    dropped = {d["file"]: d["reason"] for d in report["dropped"]}
    expected = tree.unknown_names | tree.broken
    assert expected.keys() == dropped.keys()
    for file, reason in expected.items():
        if broken_have_rows or file in tree.unknown_names:
            assert dropped[file].startswith(reason), file
        else:
            assert dropped[file] in UNMEASURED, file
    assert report["passed_over"] == tree.passed_over


def check_units(faces, tree, mapped=lambda units: units):
    for part in faces.values():
        for file, units in zip(
            part.filenames.tolist(), part.action_units, strict=True
        ):
            expected = mapped(tree.faces[file][0].action_units)
            np.testing.assert_allclose(units, expected, atol=0.006)


def test_rafd_prepares_with_the_expected_counts(rafd_tree, prepare, tmp_path):
    table = tmp_path / "aus"
    tree_tables.write_openface_folder(table, rafd_tree, landmarks=True)
    faces, report = prepare("rafd", rafd_tree, table, held_out=0.25)
    check_kept(faces, report, rafd_tree)
    check_dropped(report, rafd_tree)
    check_units(faces, rafd_tree)
    assert report["table"] == "OpenFace FaceLandmarkImg intensities"
    assert any("of 8,040 photos" in line for line in report["counts"])


def test_broken_photos_with_rows_are_dropped_for_what_they_are(
    rafd_tree, prepare, tmp_path
):
    table = tmp_path / "aus.csv"
    tree_tables.write_general(table, rafd_tree)
    header, *rows = table.read_text("utf-8").splitlines()
    names = [name.strip() for name in header.split(",")]
    for file in rafd_tree.broken:
        rows.append(",".join(file if n == "file" else "0" for n in names))
    table.write_text("\n".join([header, *rows]), "utf-8")
    faces, report = prepare("rafd", rafd_tree, table, held_out=0.25)
    check_kept(faces, report, rafd_tree)
    check_dropped(report, rafd_tree, broken_have_rows=True)


@pytest.mark.parametrize("dialect", INTENSITIES)
def test_cfee_prepares_with_every_table(cfee_tree, prepare, tmp_path, dialect):
    table = tmp_path / ("aus" if dialect == "openface" else "aus.csv")
    INTENSITIES[dialect](table, cfee_tree, shuffled=True)
    faces, report = prepare("cfee", cfee_tree, table, held_out=0.3)
    check_kept(faces, report, cfee_tree)
    check_dropped(report, cfee_tree)
    check_units(faces, cfee_tree)
    assert any("230" in line for line in report["counts"])


def test_probabilities_of_py_feat_count_as_presence(
    cfee_tree, prepare, tmp_path
):
    table = tmp_path / "aus.csv"
    tree_tables.write_pyfeat(table, cfee_tree)
    faces, report = prepare("cfee", cfee_tree, table)
    check_kept(faces, report, cfee_tree)
    check_units(faces, cfee_tree, lambda units: 3 * units / 5)
    assert any("probabilities" in w for w in report["warnings"])


def test_the_named_one_of_several_faces_is_taken(rafd_tree, prepare, tmp_path):
    """Its landmarks lead to the smaller face, whom the photo is of."""
    two = {f for f, faces in rafd_tree.faces.items() if len(faces) > 1}
    two &= set(rafd_tree.usable)
    assert len(two) == 2
    outcomes = []
    for landmarks in (True, False):
        table = tmp_path / f"aus-{landmarks}"
        tree_tables.write_openface_folder(table, rafd_tree, landmarks=landmarks)
        faces, report = prepare(
            "rafd", rafd_tree, table, held_out=0.25, rafd_angles=("090",)
        )
        assert set(report["several_faces"]) == two
        views = {v for part in faces.values() for v in part.views.tolist()}
        assert views == {"090-frontal"}
        pictures = {
            file: part.encoded[index]
            for part in faces.values()
            for index, file in enumerate(part.filenames.tolist())
        }
        outcomes.append(pictures)
    named, largest = outcomes
    assert named.keys() == largest.keys()
    differing = {f for f in named if named[f] != largest[f]}
    assert len(differing) == 1 and differing < two
