"""Tables that say what was measured."""

from efgan_tf.evaluation import report
from efgan_tf.evaluation.tables import ALL, EDIT, LARGE, NO_EDIT


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


def test_verdicts_and_notes_stand_beside_the_judges_scores():
    lines = report.judges_lines(
        {
            "judges": {
                "scores": {"unit error": 0.41, "by unit": {"AU12": 1.0}},
                "verdicts": ["unit agreement 0.1 is below 0.6"],
            },
            "features": {"name": "the judge of units"},
            "notes": ["few pictures"],
        }
    ).splitlines()
    assert lines[1:] == [
        "- unit error: 0.410",
        "- **beware**: unit agreement 0.1 is below 0.6",
        "- FID and KID look through the judge of units",
        "- few pictures",
    ]


def test_units_stand_beside_the_judge_and_their_sliders():
    made = {
        "unit_errors": {NO_EDIT: {"AU12": 2.0}, EDIT: {"AU12": 0.5}},
        "judges": {"scores": {"unit agreement by unit": {"AU12": 0.9}}},
        "control": {
            "units": ["AU12", "AU25", "AU26"], "slopes": [0.8, 0.7, 0.6],
            "rising": [1.0, 0.6, 0.5],
            "cross_talk": [[0.8, -0.3, 0.2], [0.1, 0.7, 0], [0, 0, 0.6]],
        },
    }  # fmt: skip
    lines = report._by_unit(made).splitlines()
    assert lines[2] == (
        "| AU12 | 2.00 | 0.50 | – | 0.90 | – | 0.80 | 1.00 | AU25 -0.30 |"
    )
