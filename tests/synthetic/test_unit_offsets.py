"""Every action unit moves what it should and nothing far from it."""

import numpy as np
import pytest

from efgan_tf import action_units
from efgan_tf.synthetic import head as head_lib
from efgan_tf.synthetic import unit_offsets
from efgan_tf.synthetic.raster import new_buffer, rasterize

# Heights (rest units: 0 at the eyes, -0.6 nose tip, -1.1 mouth) outside of
# which a unit may not move the skin.
REACH = {
    "AU01": (-0.2, 1.2), "AU02": (-0.2, 1.2), "AU04": (-0.2, 1.2),
    "AU05": (-0.2, 0.4), "AU06": (-1.0, 0.3), "AU07": (-0.8, 0.3),
    "AU09": (-1.0, 1.0), "AU10": (-1.3, -0.3), "AU12": (-1.9, -0.1),
    "AU14": (-1.9, -0.1), "AU15": (-1.9, -0.3), "AU17": (-1.9, -0.9),
    "AU20": (-1.9, -0.4), "AU23": (-1.9, -0.4), "AU25": (-1.9, -0.4),
    "AU26": (-2.1, -0.4), "AU45": (-0.8, 0.5),
}  # fmt: skip


def offsets(text: str) -> np.ndarray:
    """Of both sides alike, in eye distances, [V, 3]."""
    units = action_units.to_vector(action_units.parse(text))
    head = head_lib.load_head()
    return unit_offsets.offsets(units, units) / head.eye_distance


def lips() -> tuple[np.ndarray, np.ndarray]:
    """Middle vertices of the upper and of the lower lip's red."""
    head = head_lib.load_head()
    x, y, z = head.rest.T
    red = (np.abs(x) < 0.03) & (head.lips > 0.8) & (head.inside < 0.5)
    red &= z > 0.45
    return (
        np.flatnonzero(red & (y > -1.1) & (y < -1.0)),
        np.flatnonzero(red & (y < -1.105) & (y > -1.2)),
    )


def lip_gap(text: str) -> float:
    head = head_lib.load_head()
    y = head.rest[:, 1] + offsets(text)[:, 1]
    upper, lower = lips()
    return float(y[upper].min() - y[lower].max())


def corner() -> int:
    """The person's left mouth corner."""
    head = head_lib.load_head()
    red = np.flatnonzero((head.lips > 0.5) & (head.inside < 0.5))
    return int(red[np.argmax(head.rest[red, 0])])


def visible_eye(text: str) -> int:
    """Pixels of the eyeballs that are seen from the front."""
    head = head_lib.load_head()
    p = head.rest + offsets(text)
    pixels = np.stack(
        [p[:, 0] * 90 + 100, 40 - p[:, 1] * 90, p[:, 2] * 90], 1
    ).astype(np.float32)
    drawn = head.part < head_lib.UPPER_TEETH
    triangles = np.ascontiguousarray(head.triangles[drawn])
    depth, face, weights = new_buffer(80, 200)
    rasterize(pixels, triangles, 0, False, depth, face, weights)
    return int((head.part[drawn][face[face >= 0]] != head_lib.SKIN).sum())


@pytest.mark.parametrize("name", action_units.NAMES)
def test_a_unit_moves_its_region_and_nothing_far_from_it(name):
    head = head_lib.load_head()
    skin = np.unique(head.triangles[head.part == head_lib.SKIN])
    height = head.rest[skin, 1]
    moved = np.linalg.norm(offsets(f"{name}=5"), axis=1)[skin]
    low, high = REACH[name]
    assert moved.max() > 0.04
    assert moved[(height < low) | (height > high)].max() < 0.02
    # A stronger unit moves further.
    strengths = [
        np.linalg.norm(offsets(f"{name}={value}")) for value in range(6)
    ]
    assert strengths[0] == 0
    assert np.all(np.diff(strengths) > 0)


def test_lip_corners_rise_and_fall():
    for name, sign in (("AU12", 1), ("AU15", -1)):
        heights = [
            sign * offsets(f"{name}={value}")[corner(), 1] for value in range(6)
        ]
        assert np.all(np.diff(heights) > 0.005), name
    assert abs(offsets("AU06=5")[corner(), 1]) < 0.02


def test_brows_rise_inside_outside_and_fall():
    x, y, z = head_lib.load_head().rest.T
    brow = (np.abs(y - 0.28) < 0.06) & (z > -0.4)
    inner = brow & (np.abs(x) < 0.3)
    outer = brow & (np.abs(x) > 0.6) & (np.abs(x) < 0.85)
    rise = {n: offsets(f"{n}=5")[:, 1] for n in ("AU01", "AU02", "AU04")}
    assert rise["AU01"][inner].mean() > 2 * rise["AU01"][outer].mean()
    assert rise["AU02"][outer].mean() > 2 * rise["AU02"][inner].mean()
    assert rise["AU04"][inner].mean() < -0.03


def test_eyes_close_widen_and_narrow():
    neutral = visible_eye("")
    assert neutral > 300
    assert visible_eye("AU45=5") < 0.05 * neutral
    assert visible_eye("AU45=5,AU05=5") < 0.05 * neutral
    assert visible_eye("AU05=5") > 1.15 * neutral
    assert visible_eye("AU07=5") < 0.85 * neutral
    blink = [visible_eye(f"AU45={value}") for value in range(6)]
    assert np.all(np.diff(blink) < 0), blink


def test_jaw_drop_alone_leaves_the_lips_closed():
    chin = np.argmin(np.abs(head_lib.load_head().rest - [0, -1.65, 0.3]).sum(1))
    assert offsets("AU26=5")[chin, 1] < -0.15
    assert abs(lip_gap("AU26=5") - lip_gap("")) < 0.01
    assert lip_gap("AU26=5,AU25=5") > 0.25


def test_parted_lips_part():
    gaps = [lip_gap(f"AU25={value}") for value in range(6)]
    assert np.all(np.diff(gaps) > 0.01)


def test_sides_move_apart():
    head = head_lib.load_head()
    smile = action_units.to_vector({"AU12": 5})
    moved = unit_offsets.offsets(smile, 0 * smile)
    far_right = head.rest[:, 0] < -0.35
    assert np.abs(moved[far_right]).max() < 0.05 * np.abs(moved).max()
