"""Tables that say what was measured, and refuse what cannot be compared."""

import pytest

from efgan_tf.errors import UserError
from efgan_tf.evaluation import report
from efgan_tf.evaluation.evaluator import ALL, EDIT, LARGE, NO_EDIT


def interval(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high, "subjects": 3, "note": ""}


def rows(psnr):
    both = {"psnr": interval(psnr, psnr - 1, psnr + 1)}
    return {ALL: both | {"fid": {"mean": 7.5}}, LARGE: both}


def made(psnr, digest="d", judges="j"):
    return {
        "data": {"digest": digest, "pairs": 10},
        "judges": {"digest": judges},
        "rows": {NO_EDIT: rows(30.0), EDIT: rows(psnr)},
    }


def test_a_table_has_a_line_for_each_row_and_a_column_for_each_metric():
    names = ["au_error", "psnr", "fid"]
    lines = report.table(made(33.333)["rows"], ALL, names).splitlines()
    assert lines[0] == "|  | PSNR ↑ | FID ↓ |"  # no row has the AU error
    assert lines[2] == "| no edit | 30.00 (29.00–31.00) | 7.500 |"
    assert lines[3] == "| edit | 33.33 (32.33–34.33) | 7.500 |"


def test_what_a_row_lacks_is_a_dash():
    values = made(33.0)["rows"]
    del values[EDIT][ALL]["fid"]
    lines = report.table(values, ALL, ["psnr", "fid"]).splitlines()
    assert lines[3].endswith("| – |")


def test_both_subsets_are_shown():
    text = report.tables(made(33.0)["rows"])
    assert "All edits" in text and "Large changes" in text


def test_runs_are_compared_with_one_no_edit_row():
    compared = report.compared({"a": made(33.0), "b": made(34.0)})
    assert list(compared) == [NO_EDIT, "a", "b"]
    assert compared["b"][ALL]["psnr"]["mean"] == 34.0


@pytest.mark.parametrize(
    "other", [made(1.0, digest="e"), made(1.0, judges="k")]
)
def test_what_was_judged_differently_is_not_compared(other):
    with pytest.raises(UserError, match="a and b .*different (data|judges)"):
        report.compared({"a": made(33.0), "b": other})
