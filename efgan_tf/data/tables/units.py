"""Columns of action units, and the scales that they are measured on."""

import dataclasses
import math
from collections.abc import Collection

import numpy as np

from efgan_tf import action_units
from efgan_tf.errors import UserError

# Units that other coders tell apart count as their neighbor among the 17:
# pressed lips as tightened, a stretched mouth as a dropped jaw, closed eyes
# as a blink. Where both are given the larger one counts.
STAND_INS = {"AU24": "AU23", "AU27": "AU26", "AU43": "AU45"}

_INDICES = {name: index for index, name in enumerate(action_units.NAMES)} | {
    other: action_units.NAMES.index(name) for other, name in STAND_INS.items()
}


class NoNumber(UserError):
    """A cell that has to be a finite number, and is none.

    Attributes:
      problem: what is wrong, with the cell's place in brackets.
    """

    def __init__(self, where: object, column: str, text: str, problem: str):
        shown = repr(text) if text else "an empty cell"
        super().__init__(f"{where}, column {column}: {shown} {problem}")
        self.problem = (
            f"a number is missing in its row ({where}, column {column}: "
            f"{shown} {problem})"
        )


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

    def intensity(self, text: str, where: object, column: str) -> float:
        """A cell as an intensity, 0–5.

        Raises:
          NoNumber: it is no finite number.
          UserError: it is no number of this scale.
        """
        value = finite(text, where, column, f"from 0 to {self.maximum:g}")
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


def number(text: str, where: object, column: str, kind: str = "") -> float:
    """A cell as a number, which may be NaN or infinite.

    Raises:
      NoNumber: it is none.
    """
    try:
        return float(text)
    except ValueError:
        hint = "; write decimals with a point" if "," in text else ""
        problem = f"is not a number {kind}".rstrip() + hint
        raise NoNumber(where, column, text, problem) from None


def finite(text: str, where: object, column: str, kind: str = "") -> float:
    """A cell as a finite number.

    Raises:
      NoNumber: it is none.
    """
    value = number(text, where, column, kind)
    if not math.isfinite(value):
        raise NoNumber(where, column, text, "is not finite")
    return value


def index(name: str) -> int | None:
    """Where `"AU12"` stands among the 17, or the unit that it counts as."""
    return _INDICES.get(name)


def given(names: Collection[str]) -> np.ndarray:
    """Float32 `[17]`, 1 for the units that columns of these names give."""
    vector = np.zeros(action_units.COUNT, np.float32)
    vector[[_INDICES[name] for name in names if name in _INDICES]] = 1
    return vector


def column_warnings(names: Collection[str]) -> list[str]:
    """What the user should know of a table with columns of these names."""
    covered = {*names, *(STAND_INS[n] for n in names if n in STAND_INS)}
    missing = [name for name in action_units.NAMES if name not in covered]
    borrowed = [
        f"{other} as {name}"
        for other, name in STAND_INS.items()
        if other in names and name not in names
    ]
    strange = [name for name in names if name not in _INDICES]
    warnings = []
    if missing:
        warnings.append(
            f"the table has no {', '.join(missing)}: masked, not learned"
        )
    if borrowed:
        warnings.append(f"taken for its neighbor: {', '.join(borrowed)}")
    if strange:
        warnings.append(
            f"passed over, none of the 17 units: {', '.join(strange)}"
        )
    return warnings
