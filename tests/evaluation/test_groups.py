"""Kinds of people: who is in which, and their scores."""

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.config import DataConfig
from efgan_tf.evaluation import groups
from efgan_tf.evaluation.groups import GAIN, by_group, groups_of
from efgan_tf.evaluation.tables import EDIT, NO_EDIT
from efgan_tf.synthetic.identity import kinds

PHOTOS = DataConfig(dataset="folder")
SUBJECTS = np.array(["ann", "ann", "bob", "cid", "dot", "dot"])
GROUPS = {
    "age": {"ann": "young", "bob": "young", "cid": "old", "dot": "old"},
    "sex": {"ann": "f", "bob": "m", "cid": "m", "dot": "f"},
}


def test_groups_and_gaps_by_hand():
    rows = {
        NO_EDIT: {"psnr": np.array([1.0, 1, 1, 2, 2, 2])},
        EDIT: {
            "psnr": np.array([3.0, 5, 4, 8, 9, 7]),
            # Pictures of the old have no name.
            "expression_accuracy": np.array([1, 0, 1, *[np.nan] * 3]),
        },
    }
    found = by_group(rows, SUBJECTS, GROUPS)
    age = found["age"]
    assert list(age["groups"]) == ["old", "young"]
    young, old = age["groups"]["young"], age["groups"]["old"]
    assert (young["people"], old["people"]) == (2, 2)
    assert young[EDIT]["psnr"]["mean"] == 4 and old[EDIT]["psnr"]["mean"] == 8
    assert old[EDIT]["psnr"]["low"] == old[EDIT]["psnr"]["high"] == 8
    assert young[GAIN]["psnr"]["mean"] == 3 and old[GAIN]["psnr"]["mean"] == 6
    assert "expression_accuracy" not in old[EDIT]
    gap = age["gaps"][GAIN]["psnr"]
    assert (gap["largest"], gap["smallest"], gap["mean"]) == ("old", "young", 3)
    assert age["gaps"][EDIT].keys() == {"psnr"}
    assert "ground truth" not in age["gaps"]
    text = groups.text(found)
    assert "| young | 2 | 4.00 (4.00 to 4.00) | 0.67" in text
    assert "- PSNR − no edit: old − young = +3.00 (+3.00 to +3.00)" in text
    assert "#### By sex" in text


def test_no_groups_no_scores():
    assert by_group({NO_EDIT: {}, EDIT: {}}, SUBJECTS, {}) == {}
    assert groups_of(["ann"], PHOTOS, "") == {}


def test_rendered_people_are_known():
    data = DataConfig(dataset="synthetic", data_seed=7)
    names = [f"s{n:05}" for n in range(60)]
    groups = groups_of(names, data, "")
    assert groups["skin"]["s00003"] == kinds(7, 3)["skin"]
    assert {a: set(g.values()) for a, g in groups.items()} == {
        "skin": {"light", "medium", "dark"},
        "sex": {"male", "in between", "female"},
        "age": {"young", "middle-aged", "old"},
    }


def test_a_table_of_groups(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("subject, age, skin\nann, 30s, \nbob, 40s, 5\nzoe, 9, 1\n")
    assert groups_of(["ann", "bob"], PHOTOS, str(path)) == {
        "age": {"ann": "30s", "bob": "40s"},
        "skin": {"ann": "unknown", "bob": "5"},
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"subject\nann\n", "needs a column subject, at least one more"),
        (b"subject,age\nann,3\nann,4\n", "names ann twice"),
        (b"subject,age\nann,3\n", "lacks 1 of the 2 people, bob"),
    ],
)
def test_a_bad_table_is_told(tmp_path, content, told):
    path = tmp_path / "groups.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        groups_of(["ann", "bob"], PHOTOS, str(path))
