"""Remakes the stored thumbnails: 3 people × 8 expressions.

    python -m tests.synthetic.make_thumbnails

Only for a change of the renderer that is meant to change its pictures; look at
the new ones before they are committed.
"""

import pathlib

import numpy as np
from PIL import Image

from efgan_tf.synthetic.sheet import sheet_row
from efgan_tf.synthetic.synthesis import SynthesizeConfig

STORED = pathlib.Path(__file__).with_name("sheet.png")


def make_thumbnails() -> np.ndarray:
    """One row a person, uint8 [192, 512, 3]."""
    config = SynthesizeConfig(subjects=3, size=64)
    rows = [
        np.concatenate(sheet_row(config, number), axis=1)
        for number in range(config.subjects)
    ]
    return np.concatenate(rows)


if __name__ == "__main__":
    Image.fromarray(make_thumbnails()).save(STORED)
