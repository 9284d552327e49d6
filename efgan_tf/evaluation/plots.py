"""The report's pictures."""

from pathlib import Path

import numpy as np

from efgan_tf.common import sheets
from efgan_tf.common.figures import new_figure
from efgan_tf.common.images import to_uint8
from efgan_tf.evaluation.control import SLIDER, Control
from efgan_tf.evaluation.protocol import Pairs

_SHEET_ROWS = 12


def contact_sheet(pairs: Pairs, edited: np.ndarray) -> np.ndarray:
    """Source, edit and truth of evenly spread pairs, four groups abreast.

    Returns:
      uint8 `[height, width, 3]`.
    """
    count = 4 * min(_SHEET_ROWS, max(1, len(pairs) // 4))
    chosen = np.linspace(0, len(pairs) - 1, count).astype(int)
    columns = {}
    for group in range(4):
        rows = chosen[group::4]
        mark = " " * group  # titles are keys
        columns[f"source{mark}"] = to_uint8(pairs.images[rows])
        columns[f"edit{mark}"] = to_uint8(edited[rows])
        columns[f"truth{mark}"] = to_uint8(pairs.true_images[rows])
    return sheets.grid(columns)


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
