"""Which edits of a photograph are measured."""

import dataclasses

import numpy as np

from efgan_tf import action_units
from efgan_tf.evaluation.photographs import points

NEUTRAL, SMILE, SLIGHT_SMILE = "neutral", "smile", "slight smile"
"""What photographs show; from the first two edits begin."""

ZERO = "no change"
"""The edit to what the face shows already."""

EXPRESSIONS = {
    NEUTRAL: tuple(n for n in action_units.PRESETS if n != "neutral"),
    SMILE: ("neutral", "sad", "angry", "surprised"),
}
UNITS = {
    NEUTRAL: {
        "AU01+AU02": {"AU01": 4.0, "AU02": 4.0},
        "AU04": {"AU04": 4.0},
        "AU12": {"AU12": 4.0},
        "AU25": {"AU25": 4.0},
        "AU25+AU26": {"AU25": 4.0, "AU26": 4.0},
        "AU45": {"AU45": 5.0},
    },
    SMILE: {
        "AU12 to 0": {"AU12": 0.0},
        "AU25 to 0": {"AU25": 0.0, "AU26": 0.0},
    },
}
"""Units that are set by themselves; the others stay."""


# Of these people differ little enough that a reading by itself counts.
_READ_BEFORE = ("AU12", "AU25")


@dataclasses.dataclass(frozen=True, eq=False)
class PhotoEdit:
    """An edit of one photograph.

    Attributes:
      name: an expression's, units', or `ZERO`.
      target: float32 `[17]`, 0–5, the units that the edit aims at.
      change: `[6]`, how the readings of `points.UNITS` shall change: from 0
        where the photograph is neutral; where it smiles, AU12 and AU25 from
        what the points say.
    """

    name: str
    target: np.ndarray
    change: np.ndarray


def edits_of(
    kind: str, source: np.ndarray, read: np.ndarray
) -> list[PhotoEdit]:
    """All edits of a photograph.

    Args:
      kind: `NEUTRAL` or `SMILE`.
      source: float32 `[17]`, 0–5, what the model sees in it.
      read: `[6]`, what the points say (`points.intensities`).
    """
    before = np.zeros(action_units.COUNT)
    if kind == SMILE:
        for name in _READ_BEFORE:
            place = points.UNITS.index(name)
            before[action_units.NAMES.index(name)] = max(0, read[place])
    shown = points.expected(before)
    edits = [PhotoEdit(ZERO, source, np.zeros(len(shown)))]
    for name in EXPRESSIONS[kind]:
        target = action_units.preset(name)
        edits.append(PhotoEdit(name, target, points.expected(target) - shown))
    for name, units in UNITS[kind].items():
        target, after = source.copy(), before.copy()
        for unit, value in units.items():
            place = action_units.NAMES.index(unit)
            target[place] = after[place] = value
        edits.append(PhotoEdit(name, target, points.expected(after) - shown))
    return edits
