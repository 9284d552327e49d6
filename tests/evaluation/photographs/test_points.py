"""Units off 68 points, and what edits should change, by hand."""

import numpy as np
import pytest

from efgan_tf import action_units, geometry
from efgan_tf.evaluation.photographs import points, scores, sources


def make_face(**moved):
    """Points whose outer eye corners lie 100 apart, on a level line.

    Args:
      **moved: `p48=(x, y)`: how far a point is moved from there.
    """
    face = np.zeros((68, 2))
    face[36:42] = [(0, 0), (10, -5), (20, -5), (30, 0), (20, 4), (10, 4)]
    face[42:48] = [(70, 0), (80, -5), (90, -5), (100, 0), (90, 4), (80, 4)]
    face[17:27, 1] = -22
    face[33] = 50, 40
    face[48], face[54] = (20, 70), (80, 70)
    face[[51, 61, 62, 63], 1] = 69
    face[[57, 65, 66, 67], 1] = 71
    face[7:10, 1] = 110
    for name, shift in moved.items():
        face[int(name[1:])] += shift
    return face


def test_distances_by_hand():
    found = points.distances(make_face())
    assert found == pytest.approx(
        {
            "inner brow": 0.22, "outer brow": 0.22, "mouth width": 0.6,
            "corner lift": 0.0, "lip gap": 0.02, "jaw": 0.7, "lids": -0.09,
        }
    )  # fmt: skip


def test_neither_place_nor_size_nor_tilt_matter():
    face = make_face(p48=(-7, -3), p66=(1, 9))
    angle = np.deg2rad(20)
    turn = 3 * np.array([[np.cos(angle), -np.sin(angle)],
                         [np.sin(angle), np.cos(angle)]])  # fmt: skip
    moved = geometry.apply(np.column_stack([turn, (40, -9)]), face)
    np.testing.assert_allclose(
        points.intensities(moved), points.intensities(face), atol=1e-9
    )


@pytest.mark.parametrize(
    "unit, moved",
    [
        ("AU12", {"p48": (-3.7, -4.8), "p54": (3.7, -4.8)}),
        ("AU25", {f"p{n}": (0, 7.4) for n in (65, 66, 67)}),
        ("AU26", {f"p{n}": (0, 9.6) for n in (7, 8, 9)}),
        ("AU45", {f"p{n}": (0, 2.9) for n in (37, 38, 43, 44)}),
        ("AU01", {f"p{n}": (0, -3.6) for n in (20, 21, 22, 23)}),
        ("AU02", {f"p{n}": (0, -3.2) for n in (17, 18, 25, 26)}),
    ],
)
def test_two_units_of_each(unit, moved):
    change = points.intensities(make_face(**moved)) - points.intensities(
        make_face()
    )
    place = points.UNITS.index(unit)
    others = np.delete(change, place)
    assert change[place] == pytest.approx(2)
    if unit == "AU25":  # the lower lip takes the middle of the mouth along
        others = np.delete(others, points.UNITS.index("AU12"))
    np.testing.assert_allclose(others, 0, atol=1e-9)


def test_lowered_brows_and_raised_lids_are_expected_to_read_less():
    angry = action_units.to_vector({"AU04": 5, "AU05": 2, "AU12": 1})
    np.testing.assert_allclose(
        points.expected(angry), [-4, -5.5, 1, 0, 0, -1.4], atol=1e-6
    )


def named(edits):
    return {edit.name: edit for edit in edits}


def test_a_smile_that_closes_loses_what_was_read():
    source = action_units.to_vector({"AU06": 2, "AU12": 4, "AU25": 1})
    read = np.array([9.0, 9.0, 3.0, 2.5, 9.0, 9.0])
    edits = named(scores.edits_of(sources.SMILE, source, read))
    np.testing.assert_allclose(
        edits["neutral"].change, [0, 0, -3, -2.5, 0, 0], atol=1e-6
    )
    corners = edits["AU12 to 0"]
    np.testing.assert_allclose(corners.change, [0, 0, -3, 0, 0, 0], atol=1e-6)
    assert corners.target.tolist() == action_units.to_vector(
        {"AU06": 2, "AU25": 1}
    ).tolist()  # fmt: skip
    assert not edits[scores.ZERO_EDIT].change.any()
    assert edits[scores.ZERO_EDIT].target.tolist() == source.tolist()


def test_a_neutral_face_begins_at_zero_whatever_is_read():
    read = np.full(6, 2.0)
    edits = named(scores.edits_of(sources.NEUTRAL, np.ones(17), read))
    assert edits["AU12"].change.tolist() == [0, 0, 4, 0, 0, 0]
    expected = action_units.to_vector(dict.fromkeys(action_units.NAMES, 1))
    expected[action_units.NAMES.index("AU12")] = 4
    assert edits["AU12"].target.tolist() == expected.tolist()
    assert set(action_units.PRESETS) - set(edits) == {"neutral"}
