"""OpenFace's tables: one file per photo, faces, frames, mixtures."""

import pytest

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.data.tables import match, read_table

INTENSITIES = ", ".join(f"{name}_r" for name in action_units.NAMES)
PRESENCES = ", ".join(
    f"{name}_c" for name in sorted([*action_units.NAMES, "AU28"])
)
LANDMARKS = ", ".join(f"{axis}_{k}" for axis in "xyX" for k in range(68))

# The header of FaceLandmarkImg 2.2 with -aus.
IMAGE = f"face, confidence, {INTENSITIES}, {PRESENCES}"
IMAGE_2D = f"face, confidence, gaze_0_x, {LANDMARKS}, {INTENSITIES}"
VIDEO = f"frame, face_id, timestamp, confidence, success, {INTENSITIES}"


def units(value):
    return ", ".join([f"{value:.2f}"] * 17)


def image(*faces):
    """A table of FaceLandmarkImg with (confidence, intensity) of each face."""
    rows = [
        f"{i}, {c}, {units(v)}{', 0.00' * 18}" for i, (c, v) in enumerate(faces)
    ]
    return "".join(f"{line}\r\n" for line in [IMAGE, *rows])


def video(*frames):
    """A table of FeatureExtraction: (frame, confidence, success, intensity)."""
    rows = [f"{f}, 0, 0.000, {c}, {s}, {units(v)}" for f, c, s, v in frames]
    return "".join(f"{line}\r\n" for line in [VIDEO, *rows])


def strengths(table):
    return {name: row.action_units[0] for name, row in table.rows.items()}


def test_a_folder_of_face_landmark_img_is_named_by_its_files(write, tmp_path):
    write(image((0.98, 1.5)), "au/s1/a.csv")
    write(image((0.95, 2)), "au/260_19.png.CSV")
    write("not a table", "au/a_of_details.txt")
    write(image((0.95, 2)), "au/._a.csv")
    table = read_table(tmp_path / "au")
    assert strengths(table) == {"260_19.png": 2, "s1/a": 1.5}
    assert table.source == "OpenFace FaceLandmarkImg intensities"
    assert table.au_mask.all() and not table.warnings and not table.dropped
    assert not table.by_order and not table.has_subjects


def test_the_most_certain_face_counts_and_is_pointed_at(write, tmp_path):
    # x is k + 10, y is 2k + 20 and X, in space, -1: the mean of k is 33.5.
    face = [f"{k + 10}" for k in range(68)] + [
        f"{2 * k + 20}" for k in range(68)
    ]
    face = ", ".join([*face, *["-1"] * 68])
    rows = [f"0, 0.7, 0, {face}, {units(1)}", f"1, 0.9, 0, {face}, {units(2)}"]
    write("\n".join([IMAGE_2D, *rows]), "au/x.csv")
    table = read_table(tmp_path / "au")
    assert strengths(table) == {"x": 2}
    assert table.rows["x"].face_at == pytest.approx((43.5, 87))
    assert table.warnings[0].startswith(
        "photos with several faces or frames in the table: 1"
    )
    assert "landmarks" not in table.warnings[0]


def test_what_was_not_found_is_dropped_with_its_reason(write, tmp_path):
    write(image((0, 0)), "au/lost.csv")
    write(image((0, 0), (0.9, 3)), "au/found.csv")
    table = read_table(tmp_path / "au")
    assert strengths(table) == {"found": 3}
    assert table.dropped == [
        ("lost", "no face found by OpenFace (confidence = 0)")
    ]
    (tmp_path / "au/found.csv").unlink()
    with pytest.raises(UserError, match="lost: no face"):
        read_table(tmp_path / "au")


def test_damaged_files_of_a_folder_are_listed_and_the_others_used(
    write, tmp_path
):
    write(image((0.9, 1)), "au/good.csv")
    write("", "au/empty.csv")
    write(f"{IMAGE}\r\n", "au/header.csv")
    write(image((0.9, 1))[:-30], "au/short.csv")
    write("a,b\n1,2\n", "au/other.csv")
    write("\xff", "au/binary.csv", "latin-1")
    table = read_table(tmp_path / "au")
    assert list(table.rows) == ["good"]
    reasons = dict(table.dropped)
    assert reasons["empty"] == "its table is empty"
    assert reasons["header"] == "its table has a header but no rows"
    assert "is cut off (line 2 has 33 of 37 cells)" in reasons["short"]
    assert "no column of action units" in reasons["other"]
    assert "not text" in reasons["binary"]
    (tmp_path / "au/good.csv").unlink()
    with pytest.raises(UserError, match="binary"):
        read_table(tmp_path / "au")


@pytest.mark.parametrize(
    "other, message",
    [
        (video((1, 0.9, 1, 1)), "FaceLandmarkImg.*FeatureExtraction.*one tool"),
        (image((0.9, 1)).replace("AU45_r", "AU46_r"), "AU45, AU46"),
        ("face,confidence,AU12_c\n0,0.9,1\n", "intensities.*presence"),
    ],
)
def test_tables_that_cannot_be_compared_do_not_mix(
    write, tmp_path, other, message
):
    write(image((0.9, 1)), "au/a.csv")
    write(other, "au/b.csv")
    with pytest.raises(UserError, match=message) as error:
        read_table(tmp_path / "au")
    assert "a.csv" in str(error.value) and "b.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_feature_extraction_of_single_photos(write, tmp_path):
    write(video((1, 0.9, 1, 1), (2, 0.95, 1, 2), (3, 0.99, 0, 3)), "au/a.csv")
    write(video((1, 0.2, 0, 0)), "au/b.csv")
    table = read_table(tmp_path / "au")
    assert strengths(table) == {"a": 2}
    assert table.dropped == [("b", "no face found by OpenFace (success = 0)")]
    assert table.source == "OpenFace FeatureExtraction intensities"
    assert not table.by_order


def test_frames_of_one_file_are_the_photos_in_order(write, tmp_path):
    text = video((1, 0.9, 1, 1), (2, 0.2, 0, 0), (3, 0.9, 1, 3))
    files = ["c.jpg", "a.jpg", "b.jpg"]
    for path in (write(text), write(text, "au/photos.csv").parent):
        table = read_table(path)
        assert table.by_order
        matched = match(files, table)
        numbers = {row.file: row.action_units[0] for row in matched.rows}
        assert numbers == {"a.jpg": 1, "c.jpg": 3}
        assert matched.rows[0].subject == "c.jpg"
        assert matched.without_row == ["b.jpg"]
        assert "success = 0" in matched.reasons["b.jpg"]
        assert matched.without_photo == []


def test_frames_that_are_not_as_many_as_photos_mean_none(write):
    table = read_table(write(video((1, 0.9, 1, 1), (2, 0.2, 0, 0))))
    for files in (["a.jpg"], ["a.jpg", "b.jpg", "c.jpg"]):
        with pytest.raises(UserError, match="FaceLandmarkImg") as error:
            match(files, table)
        assert "its 2 frames instead of naming" in str(error.value)
        assert f"of which there are {len(files)}" in str(error.value)
    with pytest.raises(UserError, match="column frame: 0"):
        read_table(write(video((0, 0.9, 1, 1))))


def test_a_column_of_names_wins_over_frames_and_files(write, tmp_path):
    text = video((7, 0.9, 1, 1)).replace("frame", "file, frame")
    table = read_table(write(text.replace("\n7", "\nx.jpg, 7")))
    assert list(table.rows) == ["x.jpg"] and not table.by_order
    table = read_table(tmp_path)
    assert list(table.rows) == ["x.jpg"]
