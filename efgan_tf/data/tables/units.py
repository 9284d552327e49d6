"""Columns of action units, and the scales that they are measured on."""

import dataclasses
import math
from collections.abc import Collection

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.errors import UserError

# Units that other coders distinguish count as their neighbor among the 17:
# pressed lips as tightened, a stretched mouth as a dropped jaw, closed eyes
# as a blink. Where both are there the larger number counts.
AU_ALIASES = {
    other: name
    for other, name in {"AU24": "AU23", "AU27": "AU26", "AU43": "AU45"}.items()
    if other not in action_units.NAMES
}

# Where a unit, or the one that stands in for it, is among the 17.
INDICES = {name: index for index, name in enumerate(action_units.NAMES)} | {
    other: action_units.NAMES.index(name) for other, name in AU_ALIASES.items()
}


class MissingValue(UserError):
    """A row lacks a name or a finite number; only its own photo is dropped.

    Attributes:
      reason: what is missing, with the cell's place in brackets.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class Scale:
    """What the numbers of a table mean.

    Attributes:
      name: in plural.
      maximum: numbers go from 0 to here.
      factor: from the table's numbers to intensities.
      whole: whether 0 and the maximum are the only ones.
    """

    name: str
    maximum: float
    factor: float
    whole: bool = False

    def intensity(self, text: str, where: str, column: str) -> float:
        """A cell as an intensity, 0–5.

        Raises:
          MissingValue: it is no finite number.
          UserError: it is no number of this scale.
        """
        value = number(text, where, column, f" from 0 to {self.maximum:g}")
        if not 0 <= value <= self.maximum:
            raise UserError(
                f"{where}, column {column}: {text} is not within 0 to "
                f"{self.maximum:g}; mend or delete the row"
            )
        if self.whole and value not in (0, self.maximum):
            raise UserError(
                f"{where}, column {column}: {text} is neither 0 (absent) nor "
                f"{self.maximum:g} (present)"
            )
        return value * self.factor


# A unit that is merely present gets the middle of the scale from 1 to 5.
INTENSITY = Scale("intensities", action_units.MAX_INTENSITY, 1)
PRESENCE = Scale("presence", 1, 3, whole=True)
PROBABILITY = Scale("probabilities", 1, 3)


def number(text: str, where: str, column: str, kind: str = "") -> float:
    """A cell as a finite number.

    Raises:
      MissingValue: it is none.
    """
    try:
        value = float(text)
        problem = "is not finite"
    except ValueError:
        value = math.nan
        hint = "; write decimals with a point" if "," in text else ""
        problem = f"is not a number{kind}{hint}"
    if math.isfinite(value):
        return value
    shown = repr(text) if text else "an empty cell"
    message = f"{where}, column {column}: {shown} {problem}"
    raise MissingValue(message, f"a number is missing in its row ({message})")


def au_mask(names: Collection[str]) -> np.ndarray:
    """Float32 `[17]`, 1 for the units that columns of these names give."""
    vector = np.zeros(action_units.COUNT, np.float32)
    vector[[INDICES[name] for name in names if name in INDICES]] = 1
    return vector


def column_warnings(names: Collection[str]) -> list[str]:
    """What the user should know about a table with columns of these names."""
    covered = {*names, *(AU_ALIASES[n] for n in names if n in AU_ALIASES)}
    warnings = {
        "the table has no {}: masked, not learned": [
            name for name in action_units.NAMES if name not in covered
        ],
        "taken for its neighbor: {}": [
            f"{other} as {name}"
            for other, name in AU_ALIASES.items()
            if other in names and name not in names
        ],
        "passed over, none of the 17 units: {}": [
            name for name in names if name not in INDICES
        ],
    }
    return [
        text.format(", ".join(found))
        for text, found in warnings.items()
        if found
    ]


def scale_warnings(values: np.ndarray, scale: Scale, source: str) -> list[str]:
    """What the user should know about the numbers, `[rows, units]`."""
    maximum = values.max()
    if not maximum:
        return ["every number of the table is 0: there is nothing to learn"]
    if scale is PRESENCE:
        return [
            "the table says which units are present, not how strong they are: "
            f"present became {scale.factor:g}, strength was not measured"
        ]
    if scale is PROBABILITY:
        warning = (
            f"{source}: these are probabilities, not intensities; p became "
            f"{scale.factor:g}·p, strength was not measured"
        )
        if np.isin(values, (0, scale.factor)).all():
            warning += '; all are 0 or 1, while au_model="xgb" gives finer ones'
        return [warning]
    if source == "CSV" and maximum <= 1:
        return [
            "no number of the table exceeds 1, and all were taken for "
            "intensities from 0 to 5: if they are probabilities or presences, "
            f"multiply them by {PROBABILITY.factor:g}"
        ]
    return []
