"""Whether each slider changes its own action unit, and no other."""

import dataclasses

import numpy as np

from efgan_tf import action_units
from efgan_tf.evaluation import protocol
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import responses
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.trained.model import EditingModel

SLIDER = np.linspace(0, action_units.MAX_INTENSITY, 6)
FACES = 12
"""At most so many are edited."""

STEP = 0.05
"""Less is no rise."""


@dataclasses.dataclass(frozen=True, eq=False)
class Control:
    """Responses to the sliders of u units.

    Attributes:
      units: their names.
      curves: float64 `[u, 6]`, the judge's mean reading of each slider's own
        unit at 0, 1 … 5.
      slopes: `[u]`, of these curves; 1 is right.
      rising: `[u]`, share of the steps at which the mean reading rises by more
        than `STEP`.
      ranks: `[u]`, Spearman's ρ of slider and reading, mean over faces.
      cross_talk: `[u, u]`, change of unit j per unit of slider i.
    """

    units: tuple[str, ...]
    curves: np.ndarray
    slopes: np.ndarray
    rising: np.ndarray
    ranks: np.ndarray
    cross_talk: np.ndarray


def measure_control(
    model: EditingModel, judges: Judges, pairs: Pairs, learned: np.ndarray
) -> Control:
    """Moves one slider at a time on some held-out faces and reads the result.

    All other units stay at the source's values. The faces are those of
    different people with the least expression.

    Args:
      model: that edits.
      judges: one of them reads units.
      pairs: whose sources are edited.
      learned: `[17]`, 1 for the units whose sliders are moved.
    """
    chosen = _calm_faces(pairs)
    images, source = pairs.images[chosen], pairs.source[chosen]
    moved = np.flatnonzero(learned)
    readings = np.empty((len(moved), len(SLIDER), len(chosen), len(moved)))
    for row, unit in enumerate(moved):
        targets = np.repeat(source[None], len(SLIDER), axis=0)
        targets[:, :, unit] = SLIDER[:, None]
        edited = protocol.edit_faces(
            model,
            np.tile(images, (len(SLIDER), 1, 1, 1)),
            np.tile(source, (len(SLIDER), 1)),
            targets.reshape(-1, action_units.COUNT),
        )
        read = judges.estimate(edited)
        assert read is not None, "no judge reads units"
        readings[row] = read[:, moved].reshape(len(SLIDER), len(chosen), -1)
    own = [readings[row, :, :, row : row + 1] for row in range(len(moved))]
    return Control(
        units=tuple(action_units.NAMES[unit] for unit in moved),
        curves=np.array([curve.mean((1, 2)) for curve in own]),
        slopes=np.array([responses.slopes(SLIDER, c)[0] for c in own]),
        rising=np.array(
            [responses.rising_share(SLIDER, c, STEP)[0] for c in own]
        ),
        ranks=np.array([responses.rank_correlation(SLIDER, c)[0] for c in own]),
        cross_talk=responses.cross_talk(SLIDER, readings),
    )


def _calm_faces(pairs: Pairs) -> np.ndarray:
    """Indices of the calmest picture of each of some people."""
    strength = pairs.source.sum(1)
    best = [
        min(np.flatnonzero(pairs.subjects == name), key=strength.__getitem__)
        for name in np.unique(pairs.subjects)
    ]
    return np.array(sorted(best, key=strength.__getitem__)[:FACES])
