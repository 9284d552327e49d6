"""Whether each slider changes its own action unit, and no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from efgan_tf import action_units
from efgan_tf.common.figures import new_figure
from efgan_tf.evaluation import protocol
from efgan_tf.evaluation.judges import Judges
from efgan_tf.evaluation.protocol import Pairs
from efgan_tf.trained.model import EditingModel

SLIDER = np.linspace(0, action_units.MAX_INTENSITY, 6)
FACES = 12
"""At most so many are edited."""

STEP = 0.05
"""An increase of more than this counts as a rise."""


def measure_control(
    model: EditingModel, judges: Judges, pairs: Pairs, au_mask: np.ndarray
) -> dict[str, Any]:
    """Moves one slider at a time on some held-out faces and reads the result.

    All other units stay at the source's values. The faces are those of
    different people with the least expression.

    Args:
      model: that edits.
      judges: one of them reads units.
      pairs: whose sources are edited.
      au_mask: `[17]`, 1 for the units whose sliders are moved.

    Returns:
      `"units"`, the names of those that are moved, and `responses` to them.
    """
    chosen = _neutral_faces(pairs)
    images, source = pairs.images[chosen], pairs.source[chosen]
    moved = np.flatnonzero(au_mask)
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
    names = [action_units.NAMES[unit] for unit in moved]
    return {"units": names, **responses(readings)}


def responses(readings: np.ndarray) -> dict[str, list]:
    """What u sliders do, each moved over `SLIDER` on n faces.

    Args:
      readings: `[u, 6, n, u]`, 0–5: of slider i at each value, on each face,
        what unit j is read as.

    Returns:
      `"curves"`: `[u, 6]`, mean reading of each slider's own unit.
      `"slopes"`: `[u]`, their least-squares slopes; 1 is right.
      `"rising"`: `[u]`, share of the steps at which they rise by more than
        `STEP`.
      `"ranks"`: `[u]`, Spearman's ρ of slider and reading, mean over faces; a
        reading that does not move has 0.
      `"cross_talk"`: `[u, u]`, slope of unit j over slider i; the identity
        matrix is perfect control.
      All as lists, rounded to 4 digits.
    """
    means, own = readings.mean(axis=2), np.arange(len(readings))
    offsets = SLIDER - SLIDER.mean()
    slopes = offsets @ means / (offsets @ offsets)
    curves = means[own, :, own]
    ranks = [
        np.mean(
            [
                spearmanr(SLIDER, face).statistic if np.ptp(face) else 0
                for face in readings[unit, :, :, unit].T
            ]
        )
        for unit in own
    ]
    found = {
        "curves": curves,
        "slopes": slopes.diagonal(),
        "rising": np.mean(np.diff(curves) > STEP, axis=1),
        "ranks": np.array(ranks),
        "cross_talk": slopes,
    }
    return {name: value.round(4).tolist() for name, value in found.items()}


def _neutral_faces(pairs: Pairs) -> np.ndarray:
    """Indices of the most neutral picture of each of some people."""
    strength = pairs.source.sum(1)
    best = [
        min(np.flatnonzero(pairs.subjects == name), key=strength.__getitem__)
        for name in np.unique(pairs.subjects)
    ]
    return np.array(sorted(best, key=strength.__getitem__)[:FACES])


def plot_control(control: Mapping[str, Any], path: Path) -> None:
    """Response curves of all units, and the matrix of cross-talk."""
    figure, (left, right) = new_figure(1, 2, (13, 5.5))
    for unit, curve in zip(control["units"], control["curves"], strict=True):
        left.plot(SLIDER, curve, label=unit)
    left.plot([0, 5], [0, 5], color="gray", linestyle=":", label="ideal")
    left.set_xlabel("slider")
    left.set_ylabel("the judge's reading, mean over faces")
    left.set_title("Response of each unit to its slider")
    left.legend(fontsize=7, ncols=2)
    shown = right.imshow(control["cross_talk"], cmap="RdBu_r", vmin=-1, vmax=1)
    for axis, label in ((right.xaxis, "read"), (right.yaxis, "moved")):
        axis.set_ticks(
            range(len(control["units"])), control["units"], fontsize=7
        )
        axis.set_label_text(label)
    right.tick_params(axis="x", rotation=90)
    right.set_title("Change of each unit per step of each slider")
    figure.colorbar(shown, ax=right)
    figure.savefig(path, dpi=90)
