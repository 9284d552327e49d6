"""Which changes a photo gets."""

import dataclasses

import numpy as np

from efgan_tf import action_units
from tools.photo_pairs import mesh
from tools.photo_pairs.change import Blend, Changes, Face
from tools.photo_pairs.photographs import Photographs

_MOST_MISMATCH = {"mouth": 0.5, "frown": 0.5, "eyes": 0.6}
_TRIES = 5
_LOOK_ALIKE = 10
_FROWNING = 30

# Lips: what one unit of AU15 and AU23 is, in distances of the eyes and as a
# share of the lips' height.
_CORNERS_DOWN, _THINNER = 0.016, 0.09
# Brows: distances of the eyes that make a clear change.
_BROWS, _TOGETHER = 0.06, 0.025
_RAISED = {
    "inner": (-_BROWS, 0.0, 0.2 * _BROWS),
    "both": (-_BROWS, -_BROWS, 0.0),
    "outer": (0.0, -_BROWS, 0.0),
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What may be done to a photo.

    Attributes:
      mouths: kinds of mouths, one of which it gets; none: its own.
      brows: "frown", "inner", "both", "outer", one of which it gets.
      lips: the chance that its lips are pulled down or tightened.
      shut: the chance that its eyes are closed.
    """

    mouths: tuple[str, ...] = ()
    brows: tuple[str, ...] = ()
    lips: float = 0.0
    shut: float = 0.0


MOUTHS = ("closed", "teeth", "open", "parted", "closed smile", "expressive")
_RAISES = ("inner", "both", "both", "outer")


def plans(units: np.ndarray, rng: np.random.Generator) -> list[Plan]:
    """Five plans for a photo.

    Args:
      units: float `[17]`, 0–5, what it shows.
      rng: draws what differs from photo to photo.
    """
    au = dict(zip(action_units.NAMES, units, strict=True))
    smiles = au["AU25"] > 0.7 or au["AU12"] > 1
    any_brows = ("frown", *_RAISES) if rng.random() < 0.6 else ()
    own_mouth = () if rng.random() < 0.6 else ("closed",)
    return [
        Plan(("closed",) if smiles else ("teeth",)),
        Plan(MOUTHS, any_brows, shut=0.1),
        Plan(own_mouth, ("frown", "frown", "inner"), lips=0.5, shut=0.3),
        Plan(
            ("closed", "closed", "expressive", "parted"),
            ("frown", "inner"),
            lips=0.7,
        ),
        Plan(("open", "open", "teeth"), ("both", "both", "inner")),
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class Kinds:
    """Photos by what they show, as indices.

    Attributes:
      mouths: by each of `MOUTHS`.
      frowns: people who frown.
      shut: people with closed eyes.
    """

    mouths: dict[str, np.ndarray]
    frowns: np.ndarray
    shut: np.ndarray

    @classmethod
    def of(cls, units: np.ndarray, expressions: list[str]) -> "Kinds":
        """Sorts photos.

        Args:
          units: float `[n, 17]`, 0–5.
          expressions: `[n]`, names; may be empty.
        """
        au = dict(zip(action_units.NAMES, units.T, strict=True))
        plain = ("", "neutral", "smiling", "happy")
        mouths = {
            "closed": (au["AU12"] < 0.4) & (au["AU25"] < 0.3),
            "teeth": (au["AU12"] > 2.2) & (au["AU25"] > 1.5),
            "open": au["AU26"] > 1.3,
            "parted": (au["AU25"] > 0.7) & (au["AU12"] < 1),
            "closed smile": (au["AU12"] > 1.2) & (au["AU25"] < 0.4),
            "expressive": np.array([name not in plain for name in expressions]),
        }
        found = {kind: np.flatnonzero(mask) for kind, mask in mouths.items()}
        frowns, shut = au["AU04"] > 2.5, au["AU45"] > 1.5
        return cls(found, np.flatnonzero(frowns), np.flatnonzero(shut))


@dataclasses.dataclass(frozen=True, eq=False)
class Variation:
    """A changed photo.

    Attributes:
      face: how it looks.
      changes: what was changed; empty if nothing suited it.
      au15: how far the corners of its mouth were pulled down, 0–5.
      au23: how much its lips were tightened, 0–5.
    """

    face: Face
    changes: tuple[str, ...]
    au15: float = 0.0
    au23: float = 0.0


def unchanged(face: Face) -> Variation:
    """A photo as it is."""
    return Variation(face, ())


class Varier:
    """Changes photos by plans.

    Args:
      photographs: what may be changed, and who lends parts of a face.
    """

    def __init__(self, photographs: Photographs):
        self._faces = photographs.face
        self._changes = Changes(mesh.mean_shape(photographs.points))
        self._donors = photographs.donors()
        self._kinds = Kinds.of(photographs.units, photographs.expressions)

    def vary(
        self, photo: int, plan: Plan, rng: np.random.Generator
    ) -> Variation:
        """Changes a photo; leaves out what nobody suits."""
        face, done, au15, au23 = self._faces(photo), [], 0.0, 0.0
        if plan.mouths:
            kind = str(rng.choice(plan.mouths))
            found = self._with_donor(
                photo, face, self._changes.mouth, self._kinds.mouths[kind],
                _LOOK_ALIKE, _MOST_MISMATCH["mouth"], rng,
            )  # fmt: skip
            if found:
                face = found
                done.append(kind)
        if rng.random() < plan.lips:
            pulled = rng.random() < 0.5
            tightened = not pulled or rng.random() < 0.5
            au15 = pulled * rng.uniform(1.5, 4.5)
            au23 = tightened * rng.uniform(1.5, 4.5)
            face = self._changes.lips(
                face, _CORNERS_DOWN * au15, _THINNER * au23
            )
            done.append("lips")
        if plan.brows:
            kind = str(rng.choice(plan.brows))
            face = self._brows(photo, face, kind, rng)
            done.append(kind)
        if rng.random() < plan.shut:
            found = self._with_donor(
                photo, face, self._changes.eyes, self._kinds.shut,
                _LOOK_ALIKE, _MOST_MISMATCH["eyes"], rng,
            )  # fmt: skip
            if found:
                face = found
                done.append("shut")
        return Variation(face, tuple(done), au15, au23)

    def _brows(self, photo, face, kind, rng) -> Face:
        size = rng.uniform(0.5, 1.3)
        if kind != "frown":
            return self._changes.brows(face, *np.multiply(_RAISED[kind], size))
        outer, strength = rng.uniform(0, 0.02), rng.uniform(0.3, 1)
        lowered = self._changes.brows(
            face, _BROWS * size, outer * size, _TOGETHER * size
        )

        def wrinkles(face: Face, donor: Face) -> Blend:
            return self._changes.wrinkles(face, donor, strength)

        found = self._with_donor(
            photo, lowered, wrinkles, self._kinds.frowns, _FROWNING,
            _MOST_MISMATCH["frown"], rng,
        )  # fmt: skip
        return found or lowered

    def _with_donor(
        self, photo, face, change, among, count, most_mismatch, rng
    ) -> Face | None:
        """The first of some similar donors whose part fits, if one does."""
        nearest = self._donors.nearest(photo, among, count)
        for donor in rng.permutation(nearest)[:_TRIES]:
            blend = change(face, self._faces(donor))
            if blend.mismatch < most_mismatch:
                return blend.face
        return None
