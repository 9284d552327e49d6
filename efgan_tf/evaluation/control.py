"""Whether each slider changes its own action unit, and no other."""

import dataclasses
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from efgan_tf import action_units
from efgan_tf.common.figures import new_figure
from efgan_tf.evaluation import protocol
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.metrics import checks
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
        slopes=np.array([slopes(SLIDER, c)[0] for c in own]),
        rising=np.array([rising_share(SLIDER, c, STEP)[0] for c in own]),
        ranks=np.array([rank_correlation(SLIDER, c)[0] for c in own]),
        cross_talk=cross_talk(SLIDER, readings),
    )


def _calm_faces(pairs: Pairs) -> np.ndarray:
    """Indices of the calmest picture of each of some people."""
    strength = pairs.source.sum(1)
    best = [
        min(np.flatnonzero(pairs.subjects == name), key=strength.__getitem__)
        for name in np.unique(pairs.subjects)
    ]
    return np.array(sorted(best, key=strength.__getitem__)[:FACES])


def slopes(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Least-squares slope of each unit's mean reading over the slider.

    Args:
      sliders: `[m]`, 0–5, not all the same.
      readings: `[m, n, k]`, 0–5.

    Returns:
      float64 `[k]`, units of reading per unit of slider; ideally 1 for the
      slider's own unit and 0 for the others.

    Raises:
      ValueError: shapes, one slider value only, empty, or not finite.
    """
    sliders, readings = _curves(sliders, readings)
    offsets = sliders - sliders.mean()
    return offsets @ readings.mean(axis=1) / (offsets @ offsets)


def cross_talk(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """How much unit j changes per unit of slider i.

    Args:
      sliders: `[m]`, the same for all.
      readings: `[u, m, n, k]`, first axis the slider that was moved.

    Returns:
      float64 `[u, k]`; the identity would be perfect control.

    Raises:
      ValueError: as `slopes`.
    """
    readings = checks.finite(readings, "readings", 4)
    return np.stack([slopes(sliders, moved) for moved in readings])


def rising_share(
    sliders: np.ndarray, readings: np.ndarray, least: float = 0.0
) -> np.ndarray:
    """Share of the slider's steps at which the mean reading rises.

    Args and raises: as `slopes`; the slider values rise, and a rise counts that
    is more than `least` units of reading.

    Returns:
      float64 `[k]`, 0–1; 1 is a response that is monotone on average.
    """
    sliders, readings = _curves(sliders, readings)
    if np.any(np.diff(sliders) <= 0):
        raise ValueError("sliders must rise")
    return np.mean(np.diff(readings.mean(axis=1), axis=0) > least, axis=0)


def rank_correlation(sliders: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Spearman's ρ of slider and reading, face by face, averaged over faces.

    Unlike `rising_share` it looks at single faces, and a curve that has
    reached its top costs little. A reading that does not move at all has 0.

    Args and raises: as `slopes`.

    Returns:
      float64 `[k]`, −1 to 1.
    """
    sliders, readings = _curves(sliders, readings)
    slider_ranks, ranks = (
        rankdata(values, axis=0) - (len(values) + 1) / 2
        for values in (sliders, readings)
    )
    shared = np.tensordot(slider_ranks, ranks, axes=1)
    norm = np.sqrt(np.sum(slider_ranks**2) * np.sum(ranks**2, axis=0))
    moved = norm > 0
    return np.mean(np.where(moved, shared / np.where(moved, norm, 1), 0), 0)


def _curves(sliders, readings) -> tuple[np.ndarray, np.ndarray]:
    sliders = checks.finite(sliders, "sliders", 1)
    readings = checks.finite(readings, "readings", 3)
    checks.same_length(sliders=sliders, readings=readings)
    if not np.ptp(sliders):
        raise ValueError("sliders must have two values at least")
    return sliders, readings


def plot_control(control: Control, path: Path) -> None:
    """Response curves of all units, and the matrix of cross-talk."""
    figure, (left, right) = new_figure(1, 2, (13, 5.5))
    for unit, curve in zip(control.units, control.curves, strict=True):
        left.plot(SLIDER, curve, label=unit)
    left.plot([0, 5], [0, 5], color="gray", linestyle=":", label="ideal")
    left.set_xlabel("slider")
    left.set_ylabel("the judge's reading, mean over faces")
    left.set_title("Response of each unit to its slider")
    left.legend(fontsize=7, ncols=2)
    shown = right.imshow(control.cross_talk, cmap="RdBu_r", vmin=-1, vmax=1)
    for axis, label in ((right.xaxis, "read"), (right.yaxis, "moved")):
        axis.set_ticks(range(len(control.units)), control.units, fontsize=7)
        axis.set_label_text(label)
    right.tick_params(axis="x", rotation=90)
    right.set_title("Change of each unit per step of each slider")
    figure.colorbar(shown, ax=right)
    figure.savefig(path, dpi=90)
