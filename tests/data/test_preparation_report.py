"""The report accounts for every photo."""

import json

import numpy as np

from efgan_tf.data.preparation_report import Record, Report

AU_MASK = np.ones(17, np.float32)


def record(file, split="train", kept=True, au12=0.0, **values):
    units = [0.0] * 17
    units[8], units[0] = au12, 2.0
    return Record(file, values.pop("subject", "s"), split, tuple(units), kept,
                  **values)  # fmt: skip


def filled(records=None, au_mask=AU_MASK):
    report = Report(photos=4, rows=4, table="CSV")
    report.add(
        records
        or [
            record("c.png", au12=3.0, faces=2),
            record("a.png", au12=1.0, flaws=("blurred (3.1)",)),
            record("b.png", kept=False, reason="cut off or damaged (3 bytes)"),
            record("d.png", "test", subject="t", flaws=("blurred (2.0)",)),
        ],
        au_mask,
    )
    return report


def test_what_became_of_the_rows_is_counted():
    report = filled()
    assert report.kept == 3
    assert report.dropped == [("b.png", "cut off or damaged (3 bytes)")]
    assert report.several_faces == ["c.png"]
    assert report.splits == {
        "train": {"photos": 2, "subjects": 1},
        "test": {"photos": 1, "subjects": 1},
    }
    assert report.action_units["AU12"] == {
        "mean": 1.3333, "maximum": 3.0, "above_0": 0.6667,
    }  # fmt: skip


def test_constant_and_missing_units_are_masked_with_a_warning():
    au_mask = AU_MASK.copy()
    au_mask[16] = 0
    report = filled(au_mask=au_mask)
    assert report.au_mask().tolist() == [0.0] * 8 + [1.0] + [0.0] * 8
    warning = next(w for w in report.warnings if "the same in every" in w)
    assert "AU01" in warning and "AU45" not in warning
    assert "AU45" not in report.action_units


def test_the_report_is_readable_and_complete(tmp_path):
    report = filled()
    report.counts = ["RaFD: 4 of 8,040 photos"]
    report.passed_over = {"angle 000": 2}
    report.repeated_rows = [("x.jpg", "aus.csv, line 4")]
    report.write(tmp_path)
    text = (tmp_path / "report.txt").read_text("utf-8")
    for line in (
        "4 photos, 4 rows in the table: 3 faces kept, 1 dropped",
        "  1 × cut off or damaged", "RaFD: 4 of 8,040 photos",
        "  2 × not asked for: angle 000", "action units: CSV",
        "train: 2 photos of 1 subject",
        "  b.png  cut off or damaged (3 bytes)", "  a.png  blurred (3.1)",
    ):  # fmt: skip
        assert line in text.splitlines()
    values = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert values["dropped"] == [
        {"file": "b.png", "reason": "cut off or damaged (3 bytes)"}
    ]
    assert values["kept"] == 3
    assert text.endswith("repeated rows:\n  x.jpg  aus.csv, line 4\n")
    assert values["repeated_rows"] == [
        {"file": "x.jpg", "row": "aus.csv, line 4"}
    ]


def test_the_same_picture_under_several_names_is_a_flaw():
    twins = [record(f"{name}.png", subject=name, digest="0") for name in "cab"]
    other = record("d.png", digest="1")
    report = filled([*twins, other, record("e.png", kept=False, digest="0")])
    assert report.flaws == [
        ("b.png", "the same as another photo (a.png)"),
        ("c.png", "the same as another photo (a.png)"),
    ]
    assert "warning: 2 × the same as another photo" in report.summary()


def test_true_targets_are_counted_and_their_registration_measured():
    points = np.array([[36, 38], [64, 38], [50, 54], [38, 70], [62, 70]], float)
    records = [
        record("a.png", view="v", landmarks=tuple(points.ravel())),
        # Elsewhere and twice as large: its own landmarks make up for it.
        record("b.png", view="v", landmarks=tuple((2 * points + 9).ravel())),
        record("c.png", view="w", landmarks=tuple(points.ravel())),
        record("d.png", landmarks=tuple(points.ravel())),
        record("e.png", landmarks=tuple(points.ravel())),
        record("f.png", view="v", kept=False),
    ]
    report = filled(records)
    report.register(records, size=100, fixed_pose=False)
    found = report.registration
    assert (found.photos, found.views, found.own) == (2, 1, 0.0)
    # One transform, by the mean of both: the eyes are 28 and 56 px apart in
    # the photos, so their places lie far from each other.
    assert found.shared > 10
    line = "ground truth: 2 photos in 1 views; each aligned by its own"
    assert line in report.summary()
    report.register(records[2:], size=100, fixed_pose=False)
    assert "ground truth: none" in report.summary()
