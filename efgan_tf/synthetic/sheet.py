"""A contact sheet: one row a person, one column an expression.

Many people stand in several blocks side by side.
"""

import dataclasses
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from efgan_tf import action_units
from efgan_tf.common import outputs
from efgan_tf.common.progress import Progress
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.photos import SynthesizeConfig
from efgan_tf.synthetic.render import Renderer

BLOCK_ROWS = 16
_GAP = 8  # pixels between blocks
_LARGEST_FONT = 16


def sheet_row(config: SynthesizeConfig, subject: int) -> np.ndarray:
    """One person's eight expressions, uint8 [size, 8 * size, 3].

    The presets at full strength, in the first view, from nearby.
    """
    renderer = Renderer(identity_lib.sample_identity(config.seed, subject))
    view = identity_lib.sample_view(config.seed, subject, 0, config.max_yaw)
    view = dataclasses.replace(view, eye_share=0.24, center=(0.5, 0.46))
    row = []
    for index, (name, units) in enumerate(action_units.PRESETS.items()):
        sides = identity_lib.sample_sides(view, index, name, units)
        row.append(renderer.render(np.stack(sides), view, config.size, index))
    return np.concatenate(row, axis=1)


def write_sheet(
    path: str | os.PathLike, config: SynthesizeConfig, overwrite: bool = False
) -> None:
    """Writes the contact sheet of the config's subjects.

    Args:
      path: of the picture; its suffix names the format.
      config: `subjects`, `first_subject`, `seed`, `size` and `max_yaw`
          count.
      overwrite: replace a file that exists.

    Raises:
      UserError: the file exists or cannot be written.
    """
    with outputs.atomic_file(path, overwrite) as temporary:
        progress = Progress("people", config.subjects, "people")
        rows = []
        for number in range(config.subjects):
            rows.append(sheet_row(config, config.first_subject + number))
            progress.advance()
        _lay_out(rows, config.size).save(temporary, quality=85)
        progress.finish()


def _lay_out(rows: list[np.ndarray], size: int) -> Image.Image:
    """Rows in blocks, each under the expressions' names."""
    height, width = rows[0].shape[:2]
    blocks = -(-len(rows) // BLOCK_ROWS)
    tallest = min(len(rows), BLOCK_ROWS)
    font = _fitted_font(size - 4)
    header = sum(font.getmetrics()) + 2
    sheet = Image.new(
        "RGB",
        (blocks * (width + _GAP) - _GAP, header + tallest * height),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        block, line = divmod(number, BLOCK_ROWS)
        place = block * (width + _GAP), header + line * height
        sheet.paste(Image.fromarray(row), place)
    for block in range(blocks):
        for column, name in enumerate(action_units.PRESETS):
            left = block * (width + _GAP) + column * size
            draw.text((left + 2, 1), name, fill="black", font=font)
    return sheet


def _fitted_font(width: int) -> ImageFont.FreeTypeFont:
    """The largest font in which every expression's name is that narrow."""
    for points in range(_LARGEST_FONT, 1, -1):
        font = ImageFont.load_default(points)
        if max(map(font.getlength, action_units.PRESETS)) <= width:
            break
    return font
