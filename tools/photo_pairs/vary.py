"""Changes photos by plans, and says what that does to their action units."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tools.photo_pairs import mesh
from tools.photo_pairs.change import Changes
from tools.photo_pairs.closing import Closing
from tools.photo_pairs.face import Face
from tools.photo_pairs.lids import close_eyes
from tools.photo_pairs.photographs import Photographs
from tools.photo_pairs.plans import Kinds, Plan
from tools.photo_pairs.teeth import LEAST_OPENING, add_upper_teeth

_MOST_MISMATCH = 0.35
"""`Blend.mismatch` from which a mouth does not fit."""
_OTHER_BEARD = 2.2
"""From how different looks around the mouth on another mouth stands out."""
_TRIES = 12
_OPENINGS = 6
_SHOWS_TEETH = 0.8
"""The chance that an opened mouth shows its upper teeth."""

# What one unit is. Lips: AU15 and AU23, in distances of the eyes and as a
# share of the lips' height; AU09 and AU10: the way of the upper lip; AU07: the
# share of the eyes' opening; AU04: the way of the brows' inner ends.
_CORNERS_DOWN, _THINNER = 0.016, 0.09
_SNEER, _NARROWER, _LOWER = 0.014, 0.07, 0.028
# How dark one unit makes the folds, as a share of the light.
_SNEER_FOLDS, _FROWN_FOLDS = 0.07, 0.1
_CLOSER = 0.035
"""Share of the distance of the brows' inner ends that one unit of AU04 takes.
It is 0.294 of the eyes' distance in photos without AU04 (median of 439) and
under 0.245 in 1 of 100 with AU04 over 3: five units leave that share."""
_LEAST_FROWN = 1.0
"""AU04 below which a frown is left out."""
_LOWEST = 0.85
"""Share of the way to the eyes that brows go at most."""
# Brows: distances of the eyes that make a clear change.
_BROWS = 0.06
_RAISED = {
    "inner": (-_BROWS, 0.0, 0.2 * _BROWS),
    "both": (-_BROWS, -_BROWS, 0.0),
    "outer": (0.0, -_BROWS, 0.0),
}
_LIDS = (0.3, 0.7)
"""Shares of the upper and the lower lid in narrowing an eye."""
_CLOSED = 0.06
"""Below which height by width of its opening a mouth counts as closed."""
_MOUTH_WIDTH = 0.5
"""Of an opening, in distances of the eyes."""


LEAST_SMILES = 8
"""People on a neutral and a smiling photo from whom closing is learned."""

KNOWN = ("AU09", "AU10", "AU15", "AU23")
"""Units that are what the changes made them: labels of photographs are poor."""

ADDED = ("AU04", "AU07", "AU45")
"""Units that a change adds to what is read off the photo."""


@dataclasses.dataclass(eq=False)
class Variation:
    """A photo, changed step by step.

    Attributes:
      face: how it looks.
      changes: what was changed; empty if nothing suited it.
      known: units, 0–5, that nothing but the changes says.
      added: units by how much the changes raised them.
    """

    face: Face
    changes: list[str] = dataclasses.field(default_factory=list)
    known: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict.fromkeys(KNOWN, 0.0)
    )
    added: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict.fromkeys(ADDED, 0.0)
    )


class Varier:
    """Changes photos by plans.

    Args:
      photographs: what may be changed, and who lends parts of a face.
    """

    def __init__(self, photographs: Photographs):
        self._faces = photographs.face
        shape = mesh.mean_shape(photographs.points)
        self._changes = Changes(shape)
        smiles = photographs.smiles()
        self._closing = (
            Closing(
                shape,
                *(
                    [self._faces(i) for i in column]
                    for column in zip(*smiles, strict=True)
                ),
            )
            if len(smiles) >= LEAST_SMILES
            else None
        )
        self._donors = photographs.donors()
        self._openings = mesh.opening(photographs.points)
        self._kinds = Kinds.of(
            photographs.units, photographs.expressions, self._openings
        )
        teeth = self._kinds.mouths["teeth"]
        self._smiles = teeth[self._openings[teeth] > LEAST_OPENING]
        self._last: tuple[int, Face | None] = -1, None

    def vary(
        self, photo: int, plan: Plan, rng: np.random.Generator
    ) -> Variation:
        """Changes a photo; leaves out what nobody suits."""
        result = Variation(self._faces(photo))
        if plan.closed:
            closed = self._closed(photo)
            if closed is None:
                return result  # Its teeth would stay below the rest.
            result.face = closed
            result.changes.append("closed")
        if plan.mouths:
            self._mouth(result, photo, plan.mouths, rng)
        if plan.opens and mesh.opening(result.face.points) < _CLOSED:
            self._open(result, photo, plan.opens == "jaw", rng)
        if plan.sneer:
            self._sneer(result, rng)
        if plan.lips:
            self._lips(result, str(rng.choice(plan.lips)), rng)
        if plan.brows:
            self._brows(result, str(rng.choice(plan.brows)), rng)
        if rng.random() < plan.shut:
            result.face = close_eyes(result.face, rng.uniform(0, 0.2))
            result.added["AU45"] = 5.0
            result.changes.append("shut")
        elif rng.random() < plan.narrow:
            au07 = rng.uniform(1, 5)
            result.face = self._changes.narrow_eyes(
                result.face, *np.multiply(_LIDS, _NARROWER * au07)
            )
            result.added["AU07"] = au07
            result.changes.append("narrow")
        return result

    def _closed(self, photo: int) -> Face | None:
        """A photo with a closed mouth; none where nobody shows how."""
        if self._closing is None:
            return None
        if self._last[0] != photo:
            self._last = photo, self._closing(self._faces(photo))
        return self._last[1]

    def _mouth(
        self,
        result: Variation,
        photo: int,
        kinds: Sequence[str],
        rng: np.random.Generator,
    ) -> None:
        kind = str(rng.choice(kinds))
        among = self._kinds.mouths[kind]
        among = among[self._donors.beards_apart(photo, among) < _OTHER_BEARD]
        for donor in self._donors.nearest(photo, among, _TRIES):
            blend = self._changes.mouth(result.face, self._faces(donor))
            if blend.mismatch < _MOST_MISMATCH:
                result.face = blend.face
                result.changes.append(kind)
                return

    def _open(
        self,
        result: Variation,
        photo: int,
        with_jaw: bool,
        rng: np.random.Generator,
    ) -> None:
        """Opens a closed mouth, if anybody shows what lies inside."""
        if with_jaw:
            jaw = rng.uniform(0.05, 0.24)
            up, down = jaw * rng.uniform(0, 0.3), jaw * rng.uniform(0, 0.4)
        else:
            gap = rng.uniform(0.03, 0.16)
            up = gap * rng.uniform(0.15, 0.4)
            down, jaw = gap - up, gap * rng.uniform(0, 0.15)
        inward = 0.25 * jaw
        wanted = (up + down + jaw) / _MOUTH_WIDTH
        among = self._kinds.openings
        if not len(among):
            return
        apart = np.abs(np.log(self._openings[among] / wanted))
        donor = rng.choice(among[np.argsort(apart)[:_OPENINGS]])
        result.face = self._changes.open_mouth(
            result.face, self._faces(donor), up, down, jaw, inward
        )
        smiles = (
            [photo]
            if photo in self._smiles
            else self._donors.nearest(photo, self._smiles, _TRIES)
        )
        if len(smiles) and rng.random() < _SHOWS_TEETH:
            smile = self._faces(rng.choice(smiles))
            result.face = add_upper_teeth(result.face, smile)
        result.changes.append("jaw" if with_jaw else "lips apart")

    def _sneer(self, result: Variation, rng: np.random.Generator) -> None:
        size = rng.uniform(1.5, 5)
        result.face = self._changes.sneer(
            result.face, _SNEER * size, _SNEER_FOLDS * size
        )
        result.known["AU09"] = size
        result.known["AU10"] = 0.9 * size
        result.changes.append("sneer")

    def _lips(
        self, result: Variation, kind: str, rng: np.random.Generator
    ) -> None:
        au15 = (kind != "tight") * rng.uniform(1.5, 5)
        au23 = (kind != "down") * rng.uniform(1.5, 5)
        result.face = self._changes.lips(
            result.face, _CORNERS_DOWN * au15, _THINNER * au23
        )
        result.known.update(AU15=au15, AU23=au23)
        result.changes.append(kind)

    def _brows(
        self, result: Variation, kind: str, rng: np.random.Generator
    ) -> None:
        if kind != "frown":
            size = rng.uniform(0.5, 1.5)
            result.face = self._changes.brows(
                result.face, *np.multiply(_RAISED[kind], size)
            )
            result.changes.append(kind)
            return
        room = self._changes.room_below_brows(result.face)
        # Of brows that lie low only what they can still show is said.
        au04 = min(rng.uniform(1.5, 5), _LOWEST * room / _LOWER)
        if au04 < _LEAST_FROWN:
            return
        result.added["AU04"] = au04
        result.changes.append(kind)
        down = _LOWER * au04
        folds = _FROWN_FOLDS * au04 * rng.uniform([0.8, 0.2], 1)
        result.face = self._changes.frown(
            result.face, down, rng.uniform(0.15, 0.55) * down, _CLOSER * au04,
            rng.permutation(folds),
        )  # fmt: skip
