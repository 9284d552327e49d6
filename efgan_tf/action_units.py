"""Facial action units: the 17 intensities that say which expression is meant.

Order, names and the scale from 0 (absent) to 5 (maximal) are OpenFace's
(Baltrušaitis et al., "OpenFace 2.0", FG 2018), which the Cascade EF-GAN paper
and its relatives label their data with. Files, editing and evaluation use that
scale. Networks, their batches and losses use it divided by 5 (`normalize`).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from efgan_tf.common.errors import UserError

# What each unit does, and the regions that show it.
_UNITS = {
    "AU01": ("inner brow raiser", "eyes"),
    "AU02": ("outer brow raiser", "eyes"),
    "AU04": ("brow lowerer", "eyes"),
    "AU05": ("upper lid raiser", "eyes"),
    "AU06": ("cheek raiser", "eyes"),
    "AU07": ("lid tightener", "eyes"),
    "AU09": ("nose wrinkler", "nose"),
    "AU10": ("upper lip raiser", "nose", "mouth"),
    "AU12": ("lip corner puller", "mouth"),
    "AU14": ("dimpler", "mouth"),
    "AU15": ("lip corner depressor", "mouth"),
    "AU17": ("chin raiser", "mouth"),
    "AU20": ("lip stretcher", "mouth"),
    "AU23": ("lip tightener", "mouth"),
    "AU25": ("lips part", "mouth"),
    "AU26": ("jaw drop", "mouth"),
    "AU45": ("blink", "eyes"),
}
DESCRIPTIONS = {name: text for name, (text, *_) in _UNITS.items()}
NAMES = tuple(_UNITS)
COUNT = len(NAMES)
MAX_INTENSITY = 5.0

# A local critic regresses the units of its own region.
REGION_UNITS = {
    region: tuple(name for name, (_, *of) in _UNITS.items() if region in of)
    for region in ("eyes", "nose", "mouth")
}

# The eight expressions of RaFD, as an edit aims at them. Units and intensities
# were chosen on photographs, where an expression network should recognize the
# edit and the person should stay the person (docs/photo_results.md).
_PRESET_TEXTS = {
    "neutral": "",
    "happy": "AU06=3,AU10=0.5,AU12=3.75,AU25=2.5",
    "sad": "AU01=4,AU04=3.5,AU07=1,AU15=5,AU17=2",
    "angry": "AU04=5,AU07=4,AU09=1,AU10=3,AU15=1.5,AU17=2,AU23=4",
    "fearful": "AU01=4,AU02=2,AU04=2.5,AU05=4.5,AU20=4.5,AU25=3.5,AU26=2.5",
    "disgusted": "AU04=1.5,AU06=3,AU07=4,AU09=4,AU10=5,AU15=3.5,AU25=2",
    "surprised": "AU01=4,AU02=4,AU05=3.5,AU25=4,AU26=3.5",
    "contemptuous": "AU12=1,AU14=4",
}


def parse(text: str) -> dict[str, float]:
    """Reads `"AU12=3,AU06=2"` into `{"AU12": 3.0, "AU06": 2.0}`.

    Names are free in case and leading zeros (`au6` is `AU06`); spaces and a
    trailing comma do no harm.

    Raises:
      UserError: an unknown or repeated unit, a missing or malformed number,
        or one that is not finite or not within 0–5.
    """
    units: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, separator, number = (part.strip() for part in item.partition("="))
        name = canonical_name(name)
        if name in units:
            raise UserError(f"{name} is given twice in {text!r}")
        try:
            units[name] = float(number)
        except ValueError:
            raise UserError(
                f"{item!r} has no number; write NAME=INTENSITY, as in AU12=3"
            ) from None
        check_intensity(name, units[name])
    return units


def canonical_name(name: str) -> str:
    """`"au6"` → `"AU06"`.

    Raises:
      UserError: the name is none of the 17.
    """
    digits = name.strip().upper().removeprefix("AU")
    found = f"AU{int(digits):02}" if digits.isdecimal() else ""
    if found not in DESCRIPTIONS:
        raise UserError(
            f"unknown action unit {name!r}; known are {', '.join(NAMES)}"
        )
    return found


def check_intensity(name: str, value: float) -> None:
    """Raises a `UserError` unless `value` is finite and within 0–5."""
    if not (math.isfinite(value) and 0 <= value <= MAX_INTENSITY):
        raise UserError(
            f"{name}={value:g} is out of range; intensities are 0 to 5"
        )


def to_vector(units: Mapping[str, float]) -> np.ndarray:
    """Named intensities as float32 `[17]`, 0–5; units not named are 0."""
    vector = np.zeros(COUNT, np.float32)
    for name, value in units.items():
        check_intensity(name, value)
        vector[NAMES.index(canonical_name(name))] = value
    return vector


PRESETS: dict[str, np.ndarray] = {
    name: to_vector(parse(text)) for name, text in _PRESET_TEXTS.items()
}


def preset(name: str) -> np.ndarray:
    """The float32 `[17]`, 0–5, of one of the eight RaFD expressions.

    Raises:
      UserError: no such expression.
    """
    if name not in PRESETS:
        raise UserError(
            f"unknown expression {name!r}; known are {', '.join(PRESETS)}"
        )
    return PRESETS[name].copy()


def validate(vectors: np.ndarray) -> np.ndarray:
    """`[..., 17]` as float32 after a check of shape, finiteness and range.

    Raises:
      ValueError: the last axis is not 17 long.
      UserError: a value is not finite or not within 0–5.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.shape[-1:] != (COUNT,):
        raise ValueError(f"expected [..., {COUNT}], got {vectors.shape}")
    wrong = ~(np.isfinite(vectors) & (vectors >= 0) & (vectors <= 5))
    if wrong.any():
        first = tuple(np.argwhere(wrong)[0])
        check_intensity(NAMES[first[-1]], float(vectors[first]))
    return vectors


def normalize(vectors: np.ndarray) -> np.ndarray:
    """0–5 → the networks' 0–1."""
    return vectors / MAX_INTENSITY


def denormalize(vectors: np.ndarray) -> np.ndarray:
    """The networks' 0–1 → 0–5."""
    return vectors * MAX_INTENSITY


def interpolate(source: np.ndarray, target: np.ndarray, stages: int):
    """The cascade's targets `y_k = y_src + (k/K)(y_tgt − y_src)`, k = 1…K.

    Works on NumPy arrays and on tensors of every backend alike.

    Args:
      source: `[..., 17]`.
      target: the same shape and scale.
      stages: K, at least 1.

    Returns:
      List of K arrays; the last is `target` exactly.
    """
    if stages < 1:
        raise ValueError(f"a cascade has at least 1 stage, not {stages}")
    steps = [
        source + (target - source) * (stage / stages)
        for stage in range(1, stages)
    ]
    return [*steps, target]


def region_mask(region: str) -> np.ndarray:
    """Float32 `[17]`: 1 for the units that `region` shows (`"face"`: all)."""
    units = NAMES if region == "face" else REGION_UNITS[region]
    return np.array([name in units for name in NAMES], np.float32)


def by_region(units: Sequence[str]) -> dict[str, list[str]]:
    """Region → those of the units that it shows; each unit stands once."""
    found: dict[str, list[str]] = {}
    for name in units:
        region = next(r for r, shown in REGION_UNITS.items() if name in shown)
        found.setdefault(region, []).append(name)
    return found
