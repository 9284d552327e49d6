"""From blendshapes to action units, unit by unit.

Blendshapes move an avatar's face and are no action units. Each unit here is a
ramp over the blendshapes (and, where lips part or droop, over the points) that
move with it; docs/labels.md says how well each can be trusted. Left and right
are averaged first, so that a mirrored face has the same units. AU14 and AU20
are left out: nothing among the blendshapes follows them on photographs.
"""

import numpy as np

from efgan_tf.labeling import measures
from efgan_tf.labeling.landmarker import BLENDSHAPES, Reading

TRUST = {
    "AU01": "fair", "AU02": "fair", "AU04": "poor", "AU05": "good",
    "AU06": "good", "AU07": "poor", "AU09": "poor", "AU10": "fair",
    "AU12": "good", "AU15": "fair", "AU17": "fair", "AU23": "fair",
    "AU25": "good", "AU26": "good", "AU45": "good",
}  # fmt: skip
"""How far each can be trusted on photographs (docs/labels.md)."""

# Where a ramp reaches 0 and 5.
_RAMPS = {
    "AU01": (0.05, 0.65),
    "AU02": (0.12, 0.60),
    "AU04": (0.18, 0.62),
    "AU05": (0.03, 0.30),
    "AU06": (0.10, 0.62),
    "AU07": (0.38, 0.70),
    "AU09": (0.08, 0.45),
    "AU10": (0.08, 0.80),
    "AU12": (0.08, 0.95),
    "AU15": (0.06, 0.40),
    "AU17": (0.22, 0.85),
    "AU23": (0.12, 0.60),
    "AU25": (0.025, 0.22),
    "AU26": (0.03, 0.60),
    "AU45": (0.28, 0.68),
}

UNITS = tuple(_RAMPS)
"""What is labeled."""


def both_sides(blendshapes: np.ndarray) -> dict[str, float]:
    """`[52]` by name, left and right averaged: `"mouthSmile"`, `"jawOpen"`."""
    sums: dict[str, list[float]] = {}
    for name, value in zip(BLENDSHAPES, blendshapes.tolist(), strict=True):
        # jawLeft and mouthLeft are a side step, whose mean says how far.
        key = name.removesuffix("Left").removesuffix("Right")
        sums.setdefault(key, []).append(value)
    return {name: sum(values) / len(values) for name, values in sums.items()}


def signals(reading: Reading) -> dict[str, float]:
    """What each unit's ramp is over."""
    shape = both_sides(reading.blendshapes)
    length = measures.measure(reading.points)
    smile = np.clip(shape["mouthSmile"] / 0.85, 0, 1)
    squint, blink = shape["eyeSquint"], shape["eyeBlink"]
    open_eyes = 1 - np.clip((blink - 0.28) / 0.40, 0, 1)
    return {
        "AU01": shape["browInnerUp"],
        "AU02": shape["browOuterUp"],
        "AU04": shape["browDown"],
        "AU05": open_eyes * (shape["eyeWide"] + 0.5 * max(0, 0.30 - squint)),
        "AU06": np.sqrt(max(0, squint - 0.25) * smile),
        "AU07": open_eyes * (squint - 0.12 * smile),
        "AU09": min(shape["browDown"] - 0.15, 0.9 * shape["mouthUpperUp"])
        + 0.5 * max(0, length["nose_width"] - 0.47),
        "AU10": shape["mouthUpperUp"],
        "AU12": shape["mouthSmile"],
        "AU15": np.sqrt(shape["mouthFrown"])
        + 2 * max(0, length["lip_corner_drop"]),
        "AU17": shape["mouthShrugLower"],
        "AU23": 0.6 * shape["mouthPress"]
        + shape["mouthRollLower"]
        + shape["mouthRollUpper"],
        "AU25": length["lip_gap"],
        "AU26": shape["jawOpen"],
        "AU45": blink,
    }


def map_units(reading: Reading) -> np.ndarray:
    """The units of one reading: float64 `[15]`, 0–5, as in `UNITS`."""
    signal = signals(reading)
    return np.array(
        [
            5 * np.clip((signal[name] - low) / (high - low), 0, 1)
            for name, (low, high) in _RAMPS.items()
        ]
    )
