"""Tables that say what was measured."""

from efgan_tf.evaluation import report
from efgan_tf.evaluation.columns import ALL, EDIT, LARGE, NO_EDIT


def interval(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high, "subjects": 3, "note": ""}


def rows(psnr):
    both = {"psnr": interval(psnr, psnr - 1, psnr + 1)}
    return {ALL: both | {"fid": {"mean": 7.5}}, LARGE: both}


ROWS = {NO_EDIT: rows(30.0), EDIT: rows(33.333)}


def test_a_table_has_a_line_for_each_row_and_a_column_for_each_metric():
    names = ["au_error", "psnr", "fid"]
    lines = report.table(ROWS, ALL, names, "judge").splitlines()
    assert lines[0] == "|  | PSNR ↑ | FID (judge) ↓ |"  # no row has AU errors
    assert lines[2] == "| no edit | 30.00 (29.00 to 31.00) | 7.500 |"
    assert lines[3] == "| edit | 33.33 (32.33 to 34.33) | 7.500 |"


def test_what_a_row_lacks_is_a_dash():
    values = {NO_EDIT: rows(30.0), EDIT: {ALL: {"psnr": interval(33.0)}}}
    lines = report.table(values, ALL, ["psnr", "fid"]).splitlines()
    assert lines[3] == "| edit | 33.00 | – |"
