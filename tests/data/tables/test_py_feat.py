"""py-feat's tables: probabilities of faces in rectangles."""

import numpy as np

from efgan_tf import action_units
from efgan_tf.data.tables import read_table

UNITS = (
    "AU01 AU02 AU04 AU05 AU06 AU07 AU09 AU10 AU11 AU12 AU14 AU15 AU17 AU20 "
    "AU23 AU24 AU25 AU26 AU28 AU43"
).split()
HEADER = ",".join(
    ["", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"]
    + ["FaceScore", "x_0", *UNITS, "anger", "input", "frame", "Identity"]
)


def face(file, score=0.99, box="10,20,30,40", frame=0, **values):
    numbers = ",".join(str(values.get(name, 0)) for name in UNITS)
    return f"0,{box},{score},1,{numbers},0.5,{file},{frame},Person_0"


def nobody(file):
    return f"0{',' * 28}{file},1,"


def read(write, *faces):
    return read_table(write("\n".join([HEADER, *faces])))


def test_probabilities_become_intensities_of_the_17(write):
    row = face("/home/me/x.jpg", AU12=0.5, AU23=0.2, AU24=0.4, AU43=1, AU28=1)
    table = read(write, row)
    expected = np.zeros(17, np.float32)
    for name, value in (("AU12", 1.5), ("AU23", 1.2), ("AU45", 3)):
        expected[action_units.NAMES.index(name)] = value
    np.testing.assert_allclose(
        table.rows["/home/me/x.jpg"].action_units, expected, rtol=1e-6
    )
    assert table.au_mask.all() and not table.has_subjects
    assert table.source == "py-feat probabilities"
    borrowed, strange, scale = table.warnings
    assert "AU43 as AU45" in borrowed and "AU11, AU28" in strange
    assert "not intensities" in scale and "xgb" not in scale


def test_zeros_and_ones_tell_of_a_better_model(write):
    table = read(write, face("x", AU12=1), face("y", AU04="1.0"))
    assert 'au_model="xgb"' in table.warnings[-1]


def test_the_face_of_the_highest_score_counts_at_its_rectangle(write):
    table = read(
        write,
        face("x", 0.8, "0,0,10,10", AU12=1),
        face("x", 0.9, "100.5,50,20,30", AU12=0.5),
        face("x", 0.7, "0,0,10,10", AU12=0),
    )
    assert table.rows["x"].face_at == (110.5, 65)
    assert table.rows["x"].action_units.max() == 1.5
    assert "in the table: 1 (the first: x)" in table.warnings[-1]


def test_photos_without_a_face_are_dropped(write):
    lost = [nobody("y"), face("z", "nan", "nan,,,"), face("w", 0, "0,0,0,0")]
    table = read(write, face("x"), *lost)
    assert list(table.rows) == ["x"]
    reason = "no face found by py-feat"
    assert table.dropped == [("y", reason), ("z", reason), ("w", reason)]
