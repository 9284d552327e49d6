"""Sheets of what readers see: a row for each unit, a column for each method."""

from collections.abc import Mapping, Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import to_uint8
from efgan_tf.explaining import drawing
from efgan_tf.explaining.drawing import Sheet
from efgan_tf.explaining.readers import Reader

TITLES = {
    "smoothgrad": "SmoothGrad",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "scorecam": "ScoreCAM",
}

_BRIGHTEST = 99.5
"""Of a map's values, which one has the brightest colour: a few pixels are often
many times above all others."""

_CELL = 1.45  # inches
_ACROSS = 6


def draw_maps(
    reader: Reader,
    face: np.ndarray,
    units: Sequence[str],
    maps: Mapping[str, np.ndarray],
    region: str,
) -> Sheet:
    """Which pixels each unit is read from, by every method.

    Every map has a scale of its own: they show where, not how much.

    Args:
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1].
      units: names of the n units.
      maps: method → `[n, height, width]`.
      region: where the units show, for the name.
    """
    view, readings = to_uint8(reader.view(face)), reader.read(face)
    height, width = _CELL * np.array(view.shape[:2]) / max(view.shape[:2])
    title = f"What the {reader.title} reads units of the {region} from"
    figure, grid = drawing.panels(
        len(units),
        1 + len(maps),
        (width, height),
        title,
    )
    for row, name in enumerate(units):
        drawing.show_picture(grid[row, 0], view, "" if row else "face")
        drawing.label_row(
            grid[row, 0],
            f"{drawing.unit_label(name)}\nreads {readings[name]:.1f} ",
        )
        for column, (method, values) in enumerate(maps.items(), 1):
            shown = _draw_map(
                grid[row, column],
                view,
                values[row],
                "" if row else TITLES[method],
            )
    drawing.color_bar(
        figure,
        shown,
        grid,
        f"influence; 1 is each map's {_BRIGHTEST:g}th percentile",
    )
    return Sheet(
        f"{reader.stem}_{region}",
        f"{title}. Bright is where it looks.",
        figure,
        f"Heat maps over the face for {drawing.listed(list(units))}, by "
        f"{drawing.listed([TITLES[method] for method in maps])}.",
    )


def _draw_map(axes, view: np.ndarray, values: np.ndarray, title: str):
    """One map in its own scale; one without any influence says so."""
    top = float(np.percentile(values, _BRIGHTEST) or values.max())
    if not top:
        axes.set_xlabel("nothing", fontsize=7)
    return drawing.show_heat(axes, view, values / (top or 1), 1.0, title)


def draw_maximized(
    reader: Reader,
    face: np.ndarray,
    units: Sequence[str],
    pictures: np.ndarray,
) -> Sheet:
    """Faces changed until each unit is read as large as can be.

    Args:
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1], where they began.
      units: names of the n units.
      pictures: float32 `[n, height, width, 3]` in [-1, 1].
    """
    start = reader.view(face)
    shown = [start, *pictures]
    texts = ["start", *(f"{n}: {action_units.DESCRIPTIONS[n]}" for n in units)]
    rows = -(-len(shown) // _ACROSS)
    across = -(-len(shown) // rows)
    title = f"What the {reader.title} would like to see"
    figure, grid = drawing.panels(rows, across, (1.6, 1.75), title)
    for axes, picture, text in zip(grid.flat, shown, texts, strict=False):
        drawing.show_picture(axes, to_uint8(picture), text)
    return Sheet(
        f"{reader.stem}_maximization",
        f"{title}: activation maximisation. Each picture began as the first "
        "and was changed until its unit was read as strong.",
        figure,
        f"The face, and the face with patterns that drive "
        f"{drawing.listed(list(units))} up.",
    )
