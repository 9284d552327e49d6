"""Which changes a photo gets."""

import dataclasses

import numpy as np

from efgan_tf import action_units


@dataclasses.dataclass(frozen=True)
class Plan:
    """What may be done to a photo.

    Attributes:
      mouths: kinds of mouths, one of which it gets; none: its own.
      closed: whether its mouth is closed.
      opens: how its own or its new mouth is opened, if that is closed: "",
        "lips", "jaw".
      sneer: whether the upper lip and the nose's wings are raised.
      lips: "down", "tight", "both lips", one of which is done.
      brows: "frown", "inner", "both", "outer", one of which it gets.
      narrow: the chance that its lids come together.
      shut: the chance that its eyes are closed.
    """

    mouths: tuple[str, ...] = ()
    closed: bool = False
    opens: str = ""
    sneer: bool = False
    lips: tuple[str, ...] = ()
    brows: tuple[str, ...] = ()
    narrow: float = 0.0
    shut: float = 0.0


MOUTHS = ("teeth", "open", "parted", "closed smile", "expressive")
_RAISES = ("inner", "both", "both", "outer")


def plans(units: np.ndarray, rng: np.random.Generator) -> list[Plan]:
    """Seven plans for a photo: a plain one, a mixed one and one for each of
    anger, sadness, surprise, disgust and lips that part.

    Args:
      units: float `[17]`, 0–5, what it shows.
      rng: draws what differs from photo to photo.
    """
    au = dict(zip(action_units.NAMES, units, strict=True))
    shows_teeth = au["AU25"] > 0.7 or au["AU12"] > 1
    return [
        Plan(closed=True) if shows_teeth else Plan(("teeth",)),
        Plan(
            MOUTHS,
            brows=("frown", *_RAISES) if rng.random() < 0.6 else (),
            shut=0.3,
        ),
        Plan(closed=shows_teeth, lips=("tight",), brows=("frown",), narrow=0.7),
        Plan(
            closed=shows_teeth,
            lips=("down", "down", "both lips"),
            brows=("inner",) if rng.random() < 0.7 else (),
            shut=0.1,
        ),
        Plan(closed=shows_teeth, opens="jaw", brows=("both", "both", "inner")),
        Plan(
            closed=shows_teeth,
            opens="lips" if rng.random() < 0.75 else "",
            sneer=True,
            brows=("frown",) if rng.random() < 0.7 else (),
            narrow=0.7,
        ),
        Plan(
            closed=shows_teeth,
            opens="jaw" if rng.random() < 0.3 else "lips",
            shut=0.4,
        ),
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class Kinds:
    """Photos by what they show, as indices.

    Attributes:
      mouths: by each of `MOUTHS`.
      openings: people who do not smile and whose teeth or tongue are seen.
    """

    mouths: dict[str, np.ndarray]
    openings: np.ndarray

    @classmethod
    def of(
        cls,
        units: np.ndarray,
        expressions: list[str],
        openings: np.ndarray,
    ) -> "Kinds":
        """Sorts photos.

        Args:
          units: float `[n, 17]`, 0–5.
          expressions: `[n]`, names; may be empty.
          openings: `[n]`, `mesh.opening` of each.
        """
        au = dict(zip(action_units.NAMES, units.T, strict=True))
        plain = ("", "neutral", "smiling", "happy")
        mouths = {
            "teeth": (au["AU12"] > 2.2) & (au["AU25"] > 1.5),
            "open": au["AU26"] > 1.3,
            "parted": (au["AU25"] > 0.7) & (au["AU12"] < 1),
            "closed smile": (au["AU12"] > 1.2) & (au["AU25"] < 0.4),
            "expressive": np.array([name not in plain for name in expressions]),
        }
        found = {kind: np.flatnonzero(mask) for kind, mask in mouths.items()}
        seen = (openings > 0.18) & (au["AU12"] < 1.5)
        return cls(found, np.flatnonzero(seen))
