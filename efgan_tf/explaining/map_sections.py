"""Sections on the readers of units: what they look at and respond to."""

from collections.abc import Mapping, Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import to_uint8
from efgan_tf.explaining import maps, plots
from efgan_tf.explaining.localization import densities
from efgan_tf.explaining.maximization import maximize
from efgan_tf.explaining.plots import Sheet
from efgan_tf.explaining.report_page import ReportTable, Section
from efgan_tf.explaining.unit_readers import UnitReader
from efgan_tf.explaining.visualize_settings import MAPS, VisualizeConfig

TITLES = {
    "smoothgrad": "SmoothGrad",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "scorecam": "ScoreCAM",
}

_BRIGHTEST = 99.5
"""Of a map's values, which one has the brightest color: a few pixels are often
many times above all others."""

_CELL = 1.45  # inches
_ACROSS = 6


def map_section(
    config: VisualizeConfig,
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
) -> Section:
    """Which pixels each unit is read from, by every method that is asked for.

    Args:
      config: the methods, and their settings.
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1].
      units: names of those to explain; the reader reads them.
    """
    made = {
        method: _maps(config, method, reader, face, units)
        for method in MAPS
        if method in config.methods
    }
    sheets = []
    for region, names in action_units.by_region(units).items():
        rows = [units.index(name) for name in names]
        chosen = {method: values[rows] for method, values in made.items()}
        sheets.append(draw_maps(reader, face, names, chosen, region))
    table = None
    if "smoothgrad" in made and reader.region == "face":
        table = _density_table(reader, face, units, made["smoothgrad"])
    arrays = {f"{reader.stem}/{name}": array for name, array in made.items()}
    return Section(
        f"What the {reader.title} looks at",
        "Each map says which pixels a unit is read from. SmoothGrad is the "
        "sharpest. LayerCAM looks through finer maps of the network than the "
        "other three, whose few coarse maps say little about where: see "
        "docs/explain.md. A map shows what the network uses, not what a "
        "person would look at.",
        sheets,
        table,
        {**arrays, f"{reader.stem}/units": np.array(units)},
    )


def maximization_section(
    config: VisualizeConfig,
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
) -> Section:
    """Faces that were changed until each unit was read as strong; likewise."""
    pictures = maximize(reader, face, units, config.steps, config.seed)
    return Section(
        f"What the {reader.title} would like to see",
        "The face was changed step by step so that a unit is read as strong. "
        "What appears is what the network takes for that unit; colors that "
        "no face has show how easily it is fooled.",
        [draw_maximized(reader, face, units, pictures)],
        arrays={f"{reader.stem}/maximization": to_uint8(pictures)},
    )


def _maps(config, method, reader, face, units) -> np.ndarray:
    if method == "smoothgrad":
        return maps.smoothgrad(reader, face, units, config.samples, config.seed)
    return maps.CAMS[method](reader, face, units)


def _density_table(
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
    saliency: np.ndarray,
) -> ReportTable:
    inside, readings = densities(saliency, reader.boxes), reader.read(face)
    return ReportTable(
        "SmoothGrad inside each box, as a multiple of its mean over the "
        "whole face: above 1 the network looks there more than elsewhere",
        ["unit", "meaning", "reads (0–5)", *inside],
        [
            [
                name,
                action_units.DESCRIPTIONS[name],
                f"{readings[name]:.2f}",
                *(f"{values[row]:.2f}" for values in inside.values()),
            ]
            for row, name in enumerate(units)
        ],
    )


def draw_maps(
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
    by_method: Mapping[str, np.ndarray],
    region: str,
) -> Sheet:
    """Which pixels each unit is read from, by every method.

    Every map has a scale of its own: they show where, not how much.

    Args:
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1].
      units: names of the n units.
      by_method: method → `[n, height, width]`.
      region: where the units show, for the name.
    """
    crop, readings = to_uint8(reader.crop(face)), reader.read(face)
    height, width = _CELL * np.array(crop.shape[:2]) / max(crop.shape[:2])
    title = f"What the {reader.title} reads units of the {region} from"
    figure, grid = plots.panels(
        len(units),
        1 + len(by_method),
        (width, height),
        title,
    )
    for row, name in enumerate(units):
        plots.show_picture(grid[row, 0], crop, "" if row else "face")
        plots.label_row(
            grid[row, 0],
            f"{plots.unit_label(name)}\nreads {readings[name]:.1f} ",
        )
        for column, (method, values) in enumerate(by_method.items(), 1):
            shown = _draw_map(
                grid[row, column],
                crop,
                values[row],
                "" if row else TITLES[method],
            )
    plots.color_bar(
        figure,
        shown,
        grid,
        f"influence; 1 is each map's {_BRIGHTEST:g}th percentile",
    )
    return Sheet(
        f"{reader.stem}_{region}",
        f"{title}. Bright is where it looks.",
        figure,
        f"Heat maps over the face for {plots.listed(list(units))}, by "
        f"{plots.listed([TITLES[method] for method in by_method])}.",
    )


def _draw_map(axes, crop: np.ndarray, values: np.ndarray, title: str):
    """One map in its own scale; one without any influence says so."""
    top = float(np.percentile(values, _BRIGHTEST) or values.max())
    if not top:
        axes.set_xlabel("nothing", fontsize=7)
    return plots.show_heat(axes, crop, values / (top or 1), 1.0, title)


def draw_maximized(
    reader: UnitReader,
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
    start = reader.crop(face)
    shown = [start, *pictures]
    texts = ["start", *(f"{n}: {action_units.DESCRIPTIONS[n]}" for n in units)]
    rows = -(-len(shown) // _ACROSS)
    across = -(-len(shown) // rows)
    title = f"What the {reader.title} would like to see"
    figure, grid = plots.panels(rows, across, (1.6, 1.75), title)
    for axes, picture, text in zip(grid.flat, shown, texts, strict=False):
        plots.show_picture(axes, to_uint8(picture), text)
    return Sheet(
        f"{reader.stem}_maximization",
        f"{title}: activation maximization. Each picture began as the first "
        "and was changed until its unit was read as strong.",
        figure,
        f"The face, and the face with patterns that drive "
        f"{plots.listed(list(units))} up.",
    )
