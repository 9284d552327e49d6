"""A contact sheet: one row a person, one column an expression."""

import dataclasses
import os

import numpy as np
from PIL import Image

from efgan_tf import action_units, outputs
from efgan_tf.progress import Progress
from efgan_tf.synthetic import identity as identity_lib
from efgan_tf.synthetic.photos import SynthesizeConfig
from efgan_tf.synthetic.render import Renderer


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


def write_sheet(path: str | os.PathLike, config: SynthesizeConfig) -> None:
    """Writes the contact sheet of the config's subjects.

    Args:
        path: of the picture; its suffix names the format.
        config: `subjects`, `first_subject`, `seed`, `size` and `max_yaw`
            count.

    Raises:
        UserError: the file cannot be written.
    """
    with outputs.atomic_file(path) as temporary:
        progress = Progress("people", config.subjects, "people")
        rows = []
        for number in range(config.subjects):
            rows.append(sheet_row(config, config.first_subject + number))
            progress.advance()
        Image.fromarray(np.concatenate(rows)).save(temporary, quality=88)
        progress.finish()
