"""Photos to begin with, of people who do not exist.

They were rendered with `python -m efgan_tf.synthesize --seed=11 --size=512`
(see efgan_tf/synthetic/CREDITS.md): nobody's likeness, no licence to mind.
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
