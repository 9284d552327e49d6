"""A contact sheet: one row a person, one column an expression.

Many people stand in several blocks side by side.
"""

import dataclasses
import os

import numpy as np
from PIL import Image

from efgan_tf.common import outputs, sheets
from efgan_tf.common.progress import Progress
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.expressions import EXPRESSIONS
from efgan_tf.synthetic.render import Renderer
from efgan_tf.synthetic.synthesis import SynthesizeConfig

BLOCK_ROWS = 16


def sheet_row(config: SynthesizeConfig, subject: int) -> np.ndarray:
    """One person's eight expressions, uint8 [8, size, size, 3].

    At full strength, in the first view, from nearby.
    """
    renderer = Renderer(identity_lib.sample_identity(config.seed, subject))
    view = identity_lib.sample_view(config.seed, subject, 0, config.max_yaw)
    view = dataclasses.replace(view, eye_share=0.24, center=(0.5, 0.46))
    row = []
    for index, (name, units) in enumerate(EXPRESSIONS.items()):
        sides = identity_lib.sample_sides(view, index, name, units)
        row.append(renderer.render(np.stack(sides), view, config.size, index))
    return np.stack(row)


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
        Image.fromarray(_lay_out(rows)).save(temporary, quality=85)
        progress.finish()


def _lay_out(rows: list[np.ndarray]) -> np.ndarray:
    """Rows in blocks, each under the expressions' names."""
    blocks = []
    for start in range(0, len(rows), BLOCK_ROWS):
        columns = np.stack(rows[start : start + BLOCK_ROWS], axis=1)
        titled = zip(EXPRESSIONS, columns, strict=True)
        blocks.append(sheets.grid(dict(titled)))
    height = len(blocks[0])
    white = [
        np.pad(
            block, [(0, height - len(block)), (0, 0), (0, 0)],
            constant_values=255,
        )
        for block in blocks
    ]  # fmt: skip
    return np.concatenate(white, axis=1)
