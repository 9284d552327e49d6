"""Pictures of how runs trained: losses, attention and scores over images."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from efgan_tf.common.figures import new_figure
from efgan_tf.evaluation.curves import Curves
from efgan_tf.evaluation.tables import EDIT, METRICS, NO_EDIT

_ACROSS = 4
_PANEL = 3.4, 2.6  # inches
_DPI = 90

# Sections of metrics.jsonl that hold losses, in the order of a training step.
_LOSSES = ("critic", "generator", "estimator")

_HELD_OUT = {
    "psnr": "PSNR, held-out people (dB) ↑",
    "psnr_gain": "PSNR gained by editing (dB) ↑",
}

# Readings of single steps scatter: behind each curve's running mean over
# about a thirtieth of it, they are drawn faintly.
_SMOOTHED = 30

Draw = Callable[[Axes], None]


def plot_losses(runs: Sequence[Curves], path: Path) -> bool:
    """Every loss of critics, generator and estimator; a line for each run."""
    panels = {
        name: functools.partial(_lines, runs=runs, name=name)
        for section in _LOSSES
        for name in _names(runs, section)
    }
    return _plot(panels, runs, "Losses", path)


def plot_attention(runs: Sequence[Curves], path: Path) -> bool:
    """The mean attention of each branch: 1 is new, 0 keeps the input."""
    panels = {
        name: functools.partial(_lines, runs=runs, name=name)
        for name in _names(runs, "attention")
    }
    title = "Mean attention of each branch (1: all is new, 0: all is kept)"
    return _plot(panels, runs, title, path)


def plot_scores(runs: Sequence[Curves], path: Path) -> bool:
    """Held-out PSNR as it grew, and the judges' scores of what came of it."""
    panels: dict[str, Draw] = {}
    for name in _names(runs, "held_out"):
        of_set, metric = _set_of(name)
        if metric in _HELD_OUT:
            panels[of_set + _HELD_OUT[metric]] = functools.partial(
                _lines, runs=runs, name=name
            )
    for name, judged in METRICS.items():
        if any(run.judged(name, EDIT) for run in runs):
            title = f"{judged.title} {judged.arrow}"
            panels[f"judged: {title}"] = functools.partial(
                _judged, runs=runs, name=name
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
            of_set, metric = _set_of(name)
            if metric == "psnr":
                _line(left, run, name, of_set + run.name)
        for name in run.names("attention"):
            branch = name.removeprefix("attention/")
            _line(right, run, name, f"{run.name} {branch}")
    left.set_title("PSNR to the true picture, held-out people (dB)")
    right.set_title("Mean attention")
    for axes in (left, right):
        axes.set_xlabel("images seen")
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=_DPI)


def _set_of(name: str) -> tuple[str, str]:
    """`"held_out/photos/psnr"` → `"photos: "`, of a mix's set, and `"psnr"`."""
    of_set, _, metric = name.removeprefix("held_out/").rpartition("/")
    return f"{of_set}: " if of_set else "", metric


def _names(runs: Sequence[Curves], section: str) -> list[str]:
    return list(dict.fromkeys(n for run in runs for n in run.names(section)))


def _plot(
    panels: Mapping[str, Draw], runs: Sequence[Curves], title: str, path: Path
) -> bool:
    """Draws panels in rows; False without any, and nothing is written."""
    if not panels:
        return False
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
    figure.suptitle(title, fontsize=11)
    colors = [_color(index) for index, _ in enumerate(runs)]
    figure.legend(
        handles=[_handle(color) for color in colors],
        labels=[run.name for run in runs],
        loc="outside lower center",
        ncols=min(len(runs), 2 * across),
        fontsize=9,
    )
    figure.savefig(path, dpi=_DPI)
    return True


def _lines(axes: Axes, runs: Sequence[Curves], name: str) -> None:
    for index, run in enumerate(runs):
        images, values = run.points(name)
        color = _color(index)
        if len(values) > 2 * _SMOOTHED:
            axes.plot(images, values, color=color, alpha=0.2, linewidth=0.6)
            values = _running_mean(values, len(values) // _SMOOTHED)
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


def _line(axes, run: Curves, name: str, label: str) -> None:
    images, values = run.points(name)
    if len(images):
        axes.plot(images, values, label=label)


def _judged(axes: Axes, runs: Sequence[Curves], name: str) -> None:
    """One point with its interval for each run, at what it had seen."""
    last = max(run.lines[-1]["images"] for run in runs)
    # Runs that have seen as much would hide each other.
    step = 0.03 * last
    for index, run in enumerate(runs):
        score = run.judged(name, EDIT)
        if score is None:
            continue
        color = _color(index)
        low, high = score.get("low"), score.get("high")
        bars = None
        if low is not None and high is not None:
            bars = [[score["mean"] - low], [high - score["mean"]]]
        at = run.judged_at + step * (index - (len(runs) - 1) / 2)
        axes.errorbar(
            at, score["mean"], bars, color=color, marker="o", capsize=3
        )
        before = run.judged(name, NO_EDIT)
        if before is not None:
            axes.axhline(
                before["mean"], color=color, linestyle=":", linewidth=0.8
            )
    axes.set_xlim(0, last + step * len(runs))


def _running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Means over windows of about `width`, which are shorter at the ends."""
    total = np.concatenate([[0], np.cumsum(values)])
    index = np.arange(len(values))
    start = np.maximum(index - width // 2, 0)
    end = np.minimum(index + width // 2 + 1, len(values))
    return (total[end] - total[start]) / (end - start)


def _color(index: int) -> str:
    return f"C{index % 10}"


def _handle(color: str):
    from matplotlib.lines import Line2D

    return Line2D([], [], color=color, marker="o", markersize=3)
