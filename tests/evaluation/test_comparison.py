"""What cannot be compared is refused; what can is compared pair by pair."""

import copy
import json

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation import report
from efgan_tf.evaluation.comparison import EvaluatedRun, SavedScores, compare
from efgan_tf.evaluation.tables import ALL, EDIT, LARGE, NO_EDIT

PEOPLE = np.array(["a", "a", "b", "b", "c", "c"])
REPORT = {
    "efgan_tf": "1",
    "data": {"digest": "d", "pairs": 6},
    "judges": {"digest": "j", "scores": {}, "verdicts": []},
    "features": {"digest": "f", "name": "the judge of units"},
    "lpips": None,
    "definitions": {},
    "notes": [],
    "zero_edit_psnr": {"mean": 50.0},
    "rows": {
        name: {subset: {"psnr": {"mean": 30.0}} for subset in (ALL, LARGE)}
        for name in (NO_EDIT, EDIT)
    },
}


def evaluated(gain=0.0, **changes):
    """People differ by 10 dB, runs by `gain`."""
    values = np.array([20.0, 21, 30, 31, 40, 41]) + gain
    scores = {"psnr": values, "sharpness_mouth": values}
    large = np.array([True, False] * 3)
    report = copy.deepcopy(REPORT) | changes
    return EvaluatedRun(report, SavedScores(scores, PEOPLE, large))


def test_what_differs_from_person_to_person_drops_out():
    found = compare(
        {"a": evaluated(), "b": evaluated(0.5), "c": evaluated(0.7)}
    )
    assert list(found["rows"]) == [NO_EDIT, "a", "b", "c"]
    assert list(found["minus_before"]) == ["b − a", "c − b"]
    assert list(found["minus_first"]) == ["b − a", "c − a"]
    for subset, count in ((ALL, 6), (LARGE, 3)):
        row = found["minus_first"]["c − a"][subset]
        assert list(row) == ["psnr"]  # ratios have no difference
        interval = row["psnr"]
        for end in ("mean", "low", "high"):
            assert interval[end] == pytest.approx(0.7)
        assert interval["pictures"] == count
    told = report.comparison_text(found)
    assert "| c − b | 0.20 (0.20 to 0.20) |" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"data": {"digest": "e", "pairs": 6}}, "data digest"),
        ({"judges": {"digest": "k"}}, "judges digest"),
        ({"efgan_tf": "2"}, "efgan_tf"),
    ],
)
def test_what_was_judged_differently_is_refused(change, told):
    with pytest.raises(UserError, match=f"a and b .* different {told}"):
        compare({"a": evaluated(), "b": evaluated(**change)})


def test_scores_are_read_as_written(tmp_path):
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(REPORT))
    run = evaluated()
    run.saved.write(folder / "scores.npz")
    for path in (tmp_path, folder):
        found = EvaluatedRun.read(path)
        assert found.report == REPORT
        np.testing.assert_array_equal(
            found.saved.scores["psnr"], run.saved.scores["psnr"]
        )
        np.testing.assert_array_equal(found.saved.large, run.saved.large)
        np.testing.assert_array_equal(found.saved.subjects, PEOPLE)


def test_scores_of_another_version_are_refused(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    arrays = {"subjects": PEOPLE, "large": np.ones(6, bool)}
    np.savez(tmp_path / "scores.npz", **arrays, **{"values/psnr": np.ones(6)})
    with pytest.raises(UserError, match="evaluate that run anew"):
        EvaluatedRun.read(tmp_path)


@pytest.mark.parametrize("content", ["no JSON", json.dumps({"rows": {}})])
def test_another_report_is_told(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(UserError, match="no report of this version"):
        EvaluatedRun.read(tmp_path)
