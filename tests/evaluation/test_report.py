"""Tables that say what was measured."""

from efgan_tf.evaluation import report
from efgan_tf.evaluation.tables import ALL, EDIT, NO_EDIT


def test_a_table_has_a_line_for_each_row_and_a_column_for_each_metric():
    psnr = {"mean": 30.0, "low": 29.0, "high": 31.0}
    rows = {
        NO_EDIT: {ALL: {"psnr": psnr, "fid": {"mean": 7.5}}},
        EDIT: {ALL: {"psnr": {"mean": 33.333, "low": None, "high": None}}},
    }
    names = ["au_error", "psnr", "fid"]
    lines = report.table(rows, ALL, names, "judge").splitlines()
    assert lines[0] == "|  | PSNR ↑ | FID (judge) ↓ |"  # no row has AU errors
    assert lines[2] == "| no edit | 30.00 (29.00 to 31.00) | 7.500 |"
    assert lines[3] == "| edit | 33.33 | – |"


def test_verdicts_and_notes_stand_beside_the_judges_scores():
    judges = {
        "scores": {"unit error": 0.41, "by unit": {"AU12": 1.0}},
        "verdicts": ["unit agreement 0.1 is below 0.6"],
    }
    features, notes = {"name": "the judge of units"}, ["few pictures"]
    text = report.judges_lines(
        {"judges": judges, "features": features, "notes": notes}
    )
    assert text.splitlines()[1:] == [
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
