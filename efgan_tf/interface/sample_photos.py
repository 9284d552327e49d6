"""Photos to begin with, of people who do not exist.

They are subjects 23, 12 and 20 of `python -m efgan_tf.synthesize
--subjects=24 --images_per_subject=2 --size=512 --seed=11`, neutral: nobody's
likeness, no license to mind (efgan_tf/synthetic/CREDITS.md).
"""

from importlib import resources
from pathlib import Path

SAMPLES = {
    "One person": "one.jpg",
    "Another": "another.jpg",
    "A third": "third.jpg",
    "All three": "three.jpg",
}
"""Caption → file."""


def sample_path(caption: str) -> Path:
    """Where a sample is."""
    folder = resources.files("efgan_tf.interface") / "samples"
    return Path(str(folder / SAMPLES[caption]))
