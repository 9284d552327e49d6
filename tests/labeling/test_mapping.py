"""The map from blendshapes to units, by numbers worked out by hand."""

import re

import numpy as np
import pytest

from efgan_tf.labeling import mapping, measures
from efgan_tf.labeling.landmarker import BLENDSHAPES, POINTS, Reading


def points(**moved: tuple[float, float]) -> np.ndarray:
    """A mesh of which only what the map reads has its place.

    The outer eye corners are 100 apart, the nose 40 wide, the lips closed and
    level.
    """
    places = np.zeros((POINTS, 3), np.float32)
    places[33, :2], places[263, :2] = (0, 0), (100, 0)
    places[129, :2], places[358, :2] = (30, 30), (70, 30)
    places[[61, 291, 13, 14, 82, 87, 312, 317], 1] = 60
    for index, place in moved.items():
        places[int(index[1:]), :2] = place
    return places


def reading(mesh=None, **shapes: float) -> Reading:
    """Blendshapes by name; one without its side is on both."""
    values = np.zeros(len(BLENDSHAPES), np.float32)
    for index, name in enumerate(BLENDSHAPES):
        bare = name.removesuffix("Left").removesuffix("Right")
        values[index] = shapes.get(name, shapes.get(bare, 0))
    return Reading(values, points() if mesh is None else mesh)


def units(one: Reading) -> dict[str, float]:
    return dict(zip(mapping.UNITS, mapping.map_units(one), strict=True))


# Of a face whose eyes neither squint nor are wide, the map sees
# 0.5·0.30 = 0.15 for AU05: 5·(0.15 − 0.03)/0.27.
RESTING = {"AU05": 2.2222}

EXAMPLES = [
    ({}, {}),
    # 5·(0.35 − 0.05)/0.60, 5·(0.36 − 0.12)/0.48
    ({"browInnerUp": 0.35, "browOuterUp": 0.36}, {"AU01": 2.5, "AU02": 2.5}),
    # One side alone counts half: 5·(0.30 − 0.05)/0.60 of 0.60 on one side
    # would be 4.583; of the mean, 0.515, AU12 gets 5·(0.515 − 0.08)/0.87.
    ({"mouthSmileLeft": 1.03}, {"AU12": 2.5}),
    # AU06: √((0.50 − 0.25)·1) = 0.5, 5·(0.5 − 0.10)/0.52; AU07: 0.50 − 0.12
    # is just where it begins; AU05: no eye is wide while it squints.
    (
        {"mouthSmile": 0.95, "eyeSquint": 0.50},
        {"AU05": 0, "AU06": 3.8462, "AU07": 0, "AU12": 5},
    ),
    # AU07: 5·(0.54 − 0.38)/0.32
    ({"eyeSquint": 0.54}, {"AU05": 0, "AU07": 2.5}),
    # A blink of 0.48 is half of the ramp and halves what open eyes show.
    ({"eyeBlink": 0.48}, {"AU05": 0.8333, "AU45": 2.5}),
    # AU04: 5·(0.40 − 0.18)/0.44; AU09: the smaller of 0.40 − 0.15 and
    # 0.9·0.30 is 0.25, 5·(0.25 − 0.08)/0.37; AU10: 5·(0.30 − 0.08)/0.72
    (
        {"browDown": 0.40, "mouthUpperUp": 0.30},
        {"AU04": 2.5, "AU09": 2.2973, "AU10": 1.5278},
    ),
    # AU15: √0.0529 = 0.23, half of the ramp
    ({"mouthFrown": 0.0529}, {"AU15": 2.5}),
    # AU17: 5·(0.535 − 0.22)/0.63; AU23: 0.6·0.1 + 0.2 + 0.1 = 0.36
    (
        {
            "mouthShrugLower": 0.535,
            "mouthPress": 0.1,
            "mouthRollLower": 0.2,
            "mouthRollUpper": 0.1,
        },
        {"AU17": 2.5, "AU23": 2.5},
    ),  # fmt: skip
    ({"jawOpen": 0.315}, {"AU26": 2.5}),
]


@pytest.mark.parametrize("shapes, expected", EXAMPLES)
def test_units_of_stored_blendshapes(shapes, expected):
    found = units(reading(**shapes))
    for name in mapping.UNITS:
        wanted = {**RESTING, **expected}.get(name, 0)
        assert found[name] == pytest.approx(wanted, abs=1e-4), name


def test_units_of_the_mesh():
    # The lips part by 12.25 of 100: 5·(0.1225 − 0.025)/0.195. The corners hang
    # 11.5 below the middle of the lips: 2·0.115 = 0.23. The nose is 57 wide:
    # 0.5·(0.57 − 0.47) = 0.05 on top of min(−0.15, 0) leaves AU09 at 0.
    middle = {"p13": (50, 53.875), "p82": (45, 53.875), "p312": (55, 53.875)}
    lower = {"p14": (50, 66.125), "p87": (45, 66.125), "p317": (55, 66.125)}
    corners = {"p61": (30, 71.5), "p291": (70, 71.5)}
    mesh = points(**middle, **lower, **corners, p358=(87, 30))
    found = units(reading(mesh))
    assert found["AU25"] == pytest.approx(2.5, abs=1e-4)
    assert found["AU15"] == pytest.approx(2.5, abs=1e-4)
    assert found["AU09"] == 0
    raised = units(reading(mesh, browDown=0.30, mouthUpperUp=0.5))
    # min(0.15, 0.45) + 0.05 = 0.20: 5·(0.20 − 0.08)/0.37
    assert raised["AU09"] == pytest.approx(1.6216, abs=1e-4)


def test_sides_that_change_places_change_nothing():
    generator = np.random.default_rng(0)
    shapes = generator.uniform(0, 1, len(BLENDSHAPES)).astype(np.float32)
    sides = {"Left": "Right", "Right": "Left"}
    mirrored = [
        re.sub("(Left|Right)$", lambda side: sides[side[0]], name)
        for name in BLENDSHAPES
    ]
    other = [BLENDSHAPES.index(name) for name in mirrored]
    assert (np.array(other) != np.arange(len(other))).sum() == 40
    one, two = Reading(shapes, points()), Reading(shapes[other], points())
    np.testing.assert_array_equal(
        mapping.map_units(one), mapping.map_units(two)
    )


def test_measures_know_no_scale_and_no_turn():
    generator = np.random.default_rng(1)
    mesh = generator.normal(0, 50, (POINTS, 3))
    # Upright: turned about the vertical, as a head is.
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    expected = measures.measure(mesh)
    for other in (3 * mesh, mesh + (5, -7, 2), mesh @ turn.T):
        assert measures.measure(other) == pytest.approx(expected)
    level = points()
    assert measures.yaw(level) == 0
    assert abs(measures.yaw(level @ turn.T)) == pytest.approx(36.87, abs=0.01)
