"""Pictures of how runs trained: losses, attention and scores over images."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from efgan_tf.common.figures import new_figure
from efgan_tf.evaluation.tables import EDIT, METRICS, NO_EDIT
from efgan_tf.evaluation.training_logs import Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sections of metrics.jsonl that hold losses, in the order of a training step.
_LOSSES = ("critic", "generator", "estimator")

_HELD_OUT = {
    "psnr": "PSNR, held-out people (dB) ↑",
    "psnr_gain": "PSNR gained by editing (dB) ↑",
}

_ACROSS = 4
_PANEL = 3.4, 2.6  # inches
_DPI = 90

# Readings of single steps scatter: behind each curve's running mean over
# about a thirtieth of it, they are drawn faintly.
_SMOOTHED = 30


def plot_losses(runs: Sequence[Curves], path: Path) -> bool:
    """Every loss of critics, generator and estimator; a line for each run.

    This and the others draw a panel for each metric; they are False, and write
    nothing, where the runs wrote nothing of the kind.
    """
    panels = {
        name: functools.partial(_draw_curves, runs, name)
        for section in _LOSSES
        for name in _names(runs, section)
    }
    return _plot(panels, runs, "Losses", path)


def plot_attention(runs: Sequence[Curves], path: Path) -> bool:
    """The mean attention of each branch: 1 is new, 0 keeps the input."""
    panels = {
        name: functools.partial(_draw_curves, runs, name)
        for name in _names(runs, "attention")
    }
    title = "Mean attention of each branch (1: all is new, 0: all is kept)"
    return _plot(panels, runs, title, path)


def plot_scores(runs: Sequence[Curves], path: Path) -> bool:
    """Held-out PSNR as it grew, and the report's scores of what came of it."""
    panels = {}
    for name in _names(runs, "held_out"):
        of_set, metric = _split(name)
        if metric in _HELD_OUT:
            panels[of_set + _HELD_OUT[metric]] = functools.partial(
                _draw_curves, runs, name
            )
    for name, column in METRICS.items():
        if any(run.evaluated(name, EDIT) for run in runs):
            panels[f"judged: {column.title} {column.arrow}"] = (
                functools.partial(_draw_scores, runs, name)
            )
    title = (
        "Scores (bars: 95 % intervals, side by side where runs have seen as "
        "much; dotted: no edit)"
    )
    return _plot(panels, runs, title, path)


def plot_training(runs: Sequence[Curves], path: Path) -> None:
    """Held-out PSNR and mean attention, side by side: the report's picture."""
    figure, (left, right) = new_figure(1, 2, (13, 4.5))
    for run in runs:
        for name in run.names("held_out"):
            of_set, metric = _split(name)
            if metric == "psnr":
                left.plot(*run.points(name), label=of_set + run.name)
        for name in run.names("attention"):
            branch = name.removeprefix("attention/")
            right.plot(*run.points(name), label=f"{run.name} {branch}")
    left.set_title("PSNR to the ground truth, held-out people (dB)")
    right.set_title("Mean attention")
    for axes in (left, right):
        axes.set_xlabel("images seen")
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=_DPI)


def _split(name: str) -> tuple[str, str]:
    """`"held_out/photos/psnr"` → `"photos: "`, of a mix's set, and `"psnr"`."""
    of_set, _, metric = name.removeprefix("held_out/").rpartition("/")
    return f"{of_set}: " if of_set else "", metric


def _names(runs: Sequence[Curves], section: str) -> list[str]:
    return list(dict.fromkeys(n for run in runs for n in run.names(section)))


def _plot(
    panels: Mapping[str, Callable[["Axes"], None]],
    runs: Sequence[Curves],
    title: str,
    path: Path,
) -> bool:
    """Draws panels in rows, with one legend for all."""
    if not panels:
        return False
    from matplotlib.lines import Line2D

    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    size = _PANEL[0] * across, _PANEL[1] * down + 0.8
    figure, grid = new_figure(down, across, size, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, draw) in zip(grid.flat, panels.items(), strict=False):
        draw(axes)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("images seen", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.margins(x=0.03)
    figure.suptitle(title, fontsize=11, wrap=True)
    figure.legend(
        handles=[
            Line2D([], [], color=_color(index), marker="o", markersize=3)
            for index, _ in enumerate(runs)
        ],
        labels=[run.name for run in runs],
        loc="outside lower center",
        ncols=min(len(runs), 2 * across),
        fontsize=9,
    )
    figure.savefig(path, dpi=_DPI)
    return True


def _draw_curves(runs: Sequence[Curves], name: str, axes: "Axes") -> None:
    for index, run in enumerate(runs):
        images, values = run.points(name)
        color = _color(index)
        if len(values) > 2 * _SMOOTHED:
            axes.plot(images, values, color=color, alpha=0.2, linewidth=0.6)
            values = running_mean(values, len(values) // _SMOOTHED)
        # A single score would be no line.
        marker = "o" if len(values) < 20 else ""
        axes.plot(images, values, color=color, marker=marker, markersize=3)
        if run.phase_2 is not None and len(runs) == 1:
            axes.axvline(run.phase_2, color="gray", linewidth=0.8)
            axes.annotate(
                "phase 2", (run.phase_2, 1), xytext=(2, -8), fontsize=6,
                xycoords=("data", "axes fraction"), color="gray",
                textcoords="offset points",
            )  # fmt: skip


def _draw_scores(runs: Sequence[Curves], name: str, axes: "Axes") -> None:
    """One point with its interval for each run, at what it had seen."""
    last = max(run.lines[-1]["images"] for run in runs)
    # Runs that have seen as much would hide each other.
    step = 0.03 * last
    for index, run in enumerate(runs):
        score = run.evaluated(name, EDIT)
        if score is None or run.report is None:
            continue
        mean, color = score["mean"], _color(index)
        bars = None
        if score.get("low") is not None:
            bars = [[mean - score["low"]], [score["high"] - mean]]
        at = run.report["training"]["images"]
        at += step * (index - (len(runs) - 1) / 2)
        axes.errorbar(at, mean, bars, color=color, marker="o", capsize=3)
        before = run.evaluated(name, NO_EDIT)
        if before is not None:
            axes.axhline(
                before["mean"], color=color, linestyle=":", linewidth=0.8
            )
    axes.set_xlim(0, last + step * len(runs))


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Means over windows of about `width`, which are shorter at the ends."""
    window = np.ones(2 * (width // 2) + 1)
    counts = np.convolve(np.ones(len(values)), window, "same")
    return np.convolve(values, window, "same") / counts


def _color(index: int) -> str:
    return f"C{index % 10}"
