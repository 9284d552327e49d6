"""Parts of the report on readers: what they look at, what they would like."""

from collections.abc import Sequence

import numpy as np

from efgan_tf import action_units
from efgan_tf.common.images import to_uint8
from efgan_tf.explaining import map_sheets, maps
from efgan_tf.explaining.localization import densities
from efgan_tf.explaining.maximization import maximize
from efgan_tf.explaining.page import Section, Table
from efgan_tf.explaining.readers import Reader
from efgan_tf.explaining.settings import MAPS, VisualizeConfig


def map_section(
    config: VisualizeConfig,
    reader: Reader,
    face: np.ndarray,
    units: Sequence[str],
) -> Section:
    """Which pixels each unit is read from, by every method that is wanted.

    Args:
      config: what is wanted.
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
        sheets.append(map_sheets.draw_maps(reader, face, names, chosen, region))
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
    reader: Reader,
    face: np.ndarray,
    units: Sequence[str],
) -> Section:
    """Faces that were changed until each unit was read as strong; likewise."""
    pictures = maximize(reader, face, units, config.steps, config.seed)
    return Section(
        f"What the {reader.title} would like to see",
        "The face was changed step by step so that a unit is read as strong. "
        "What appears is what the network takes for that unit; colours that "
        "no face has show how easily it is fooled.",
        [map_sheets.draw_maximized(reader, face, units, pictures)],
        arrays={f"{reader.stem}/maximization": to_uint8(pictures)},
    )


def _maps(config, method, reader, face, units) -> np.ndarray:
    if method == "smoothgrad":
        return maps.smoothgrad(reader, face, units, config.samples, config.seed)
    return maps.CAMS[method](reader, face, units)


def _density_table(
    reader: Reader,
    face: np.ndarray,
    units: Sequence[str],
    saliency: np.ndarray,
) -> Table:
    inside, readings = densities(saliency, reader.boxes), reader.read(face)
    return Table(
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
