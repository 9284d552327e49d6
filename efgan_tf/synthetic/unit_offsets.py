"""Action units to mesh offsets: which face units an action unit is made of.

The anatomical map: every one of OpenFace's 17 action units (0–5) becomes a
mixture of the 52 ARKit face units that the head has. Left and right sides are
driven apart, as people's are; the label is the mean of both.
"""

import functools

import numpy as np

from efgan_tf import action_units
from efgan_tf.synthetic.head import load_head

# Face units per action unit at intensity 1 (= 5 of 5). A unit named without a
# side exists once and follows the mean of both sides.
_UNITS = {
    "AU01": {"browInnerUp": 1.4},
    "AU02": {"browOuterUp": 1.0},
    "AU04": {"browDown": 1.2},
    "AU05": {"eyeWide": 1.0},
    "AU06": {"cheekSquint": 1.2, "eyeSquint": 0.3},
    "AU07": {"eyeSquint": 1.1},
    "AU09": {"noseSneer": 1.4},
    "AU10": {"mouthUpperUp": 0.9},
    "AU12": {"mouthSmile": 1.0},
    "AU14": {"mouthDimple": 1.0},
    "AU15": {"mouthFrown": 1.0},
    "AU17": {"mouthShrugLower": 1.0},
    "AU20": {"mouthStretch": 1.0},
    "AU23": {"mouthRollUpper": 0.6, "mouthRollLower": 0.6},
    "AU25": {"mouthLowerDown": 1.1, "mouthUpperUp": 0.5},
    "AU26": {"jawOpen": 0.6},
    "AU45": {"eyeBlink": 0.9},
}
# jawOpen parts the lips by itself; mouthClose undoes that while AU25 is 0.
_JAW, _CLOSE = "jawOpen", "mouthClose"
# What one shut eye leaves for the other lid movements to do.
_LIDS = ("eyeWide", "eyeSquint")


def unit_weights(left: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Face-unit weights from the action units (0–5, [17]) of both sides.

    Weights that are 0 are left out, so that no action unit means no offset.
    """
    weights: dict[str, float] = {}
    names = load_head().units
    sides = {"Left": np.asarray(left) / 5, "Right": np.asarray(right) / 5}
    for index, au in enumerate(action_units.NAMES):
        for unit, factor in _UNITS[au].items():
            if unit in names:
                mean = (sides["Left"][index] + sides["Right"][index]) / 2
                _add(weights, unit, factor * mean)
                continue
            for side, values in sides.items():
                _add(weights, unit + side, factor * values[index])
    mean = (sides["Left"] + sides["Right"]) / 2
    parted = min(1.0, mean[action_units.NAMES.index("AU25")])
    _add(weights, _CLOSE, weights.get(_JAW, 0.0) * (1 - parted))
    for side in sides:
        shut = weights.get("eyeBlink" + side, 0.0)
        for unit in _LIDS:
            if unit + side in weights:
                weights[unit + side] *= 1 - shut
    return {name: float(w) for name, w in weights.items() if w}


def _add(weights: dict[str, float], unit: str, weight: float) -> None:
    weights[unit] = weights.get(unit, 0.0) + weight


@functools.cache
def _basis() -> tuple[dict[str, int], np.ndarray]:
    """Row number of each face unit, and the units as rows [52, V * 3]."""
    head = load_head()
    rows = {name: row for row, name in enumerate(head.units)}
    basis = np.stack(list(head.units.values()))
    # cheekSquint also lifts the lip corners, which is AU12's to do.
    cheeks = np.clip((head.rest[:, 1] + 1.0) / 0.4, 0, 1)
    for name, row in rows.items():
        if name.startswith("cheekSquint"):
            basis[row] *= cheeks[:, None]
    return rows, basis.reshape(len(basis), -1)


def offsets(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Vertex offsets float32 [V, 3], in decimeters of the average head.

    Args:
      left: [17], 0–5, of the person's left side.
      right: the same of the right side.
    """
    rows, basis = _basis()
    weights = unit_weights(left, right)
    if not weights:
        return np.zeros((basis.shape[1] // 3, 3), np.float32)
    picked = [rows[name] for name in weights]
    factors = np.array(list(weights.values()), np.float32)
    return (factors @ basis[picked]).reshape(-1, 3)
