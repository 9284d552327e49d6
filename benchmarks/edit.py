"""How fast photos are edited, and in how much memory.

    python -m benchmarks.edit --model=runs/synthetic_full

Renders its photos and prints a table: the peak memory of a process that edits
one photo of 24 megapixels; one photo of 1024×1024 with one face, split into its
parts (medians); and a folder of 100 such photos, files read and written.
"""

import dataclasses
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from efgan_tf import commands, config
from efgan_tf.errors import UserError
from efgan_tf.options import option


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    model: str = option("", "trained model to edit with")
    side: int = option(1024, "side of the photos")
    photos: int = option(100, "how many photos the folder has")
    repeats: int = option(15, "how often one photo is edited")

    def __post_init__(self):
        if not os.path.exists(self.model):
            raise UserError("give --model=RUN, a trained model")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    commands.quiet_tensorflow()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    photo = _portrait(settings.side)
    with tempfile.TemporaryDirectory() as folder:
        # First: what this process holds would count for its children, too.
        _measure_memory(settings.model, Path(folder))
        _time_parts(photo, settings)
        _time_folder(photo, settings, Path(folder))


def _portrait(side: int) -> np.ndarray:
    from efgan_tf.synthetic.photos import SynthesizeConfig, make_subject

    rendered = make_subject(
        SynthesizeConfig(images_per_subject=1, size=512), subject=0
    )
    with Image.open(io.BytesIO(rendered[0].jpeg)) as image:
        return np.asarray(image.resize((side, side), Image.BICUBIC))


def _time_parts(photo: np.ndarray, settings: BenchmarkConfig) -> None:
    import efgan_tf
    from efgan_tf import action_units, geometry
    from efgan_tf.editing.subjects import to_network
    from efgan_tf.faces.alignment import align
    from efgan_tf.faces.compositing import paste

    start = time.perf_counter()
    editor = efgan_tf.load(settings.model)
    editor.faces(photo)
    print(f"{'load model and detector, first detection':44} "
          f"{time.perf_counter() - start:8.2f} s")  # fmt: skip
    edited = editor.edit(photo, "happy")  # the first call builds the graphs
    (face,), size = edited.faces, editor.model.size
    source, images = (
        face.source_action_units[None],
        to_network(face.aligned[None]),
    )
    target = action_units.preset("happy")[None]
    matrix = geometry.alignment(face.landmarks, size)
    parts: dict[str, Callable] = {
        "detection": lambda: editor.faces(photo),
        "alignment": lambda: align(photo, face.landmarks, size),
        "network: estimator": lambda: editor.model.estimate(images),
        "network: cascade": lambda: editor.model.edit(images, source, target),
        "compositing": lambda: paste(
            photo, matrix, images[0], face.edits.images[0, -1],
            face.edits.attention[0, -1],
        ),
        "everything": lambda: editor.edit(photo, "happy"),
    }  # fmt: skip
    for name, part in parts.items():
        seconds = [_seconds(part) for _ in range(settings.repeats)]
        print(f"{name:44} {1000 * statistics.median(seconds):8.1f} ms")


def _seconds(part: Callable) -> float:
    start = time.perf_counter()
    part()
    return time.perf_counter() - start


def _time_folder(
    photo: np.ndarray, settings: BenchmarkConfig, folder: Path
) -> None:
    """The command itself, in a process of its own, start-up included."""
    (folder / "photos").mkdir()
    for number in range(settings.photos):
        # Each a little different, as photos are.
        shifted = np.roll(photo, number, axis=1)
        path = folder / "photos" / f"{number:03}.jpg"
        Image.fromarray(shifted).save(path, quality=92)
    seconds = _seconds(
        lambda: _edit(
            settings.model, folder / "photos", f"--out={folder / 'out'}"
        )
    )
    print(f"{'a folder, start-up included':44} "
          f"{settings.photos / seconds:8.2f} photos/s")  # fmt: skip


def _measure_memory(model: str, folder: Path) -> None:
    """The peak of a process that edits 6000×4000 pixels."""
    large = np.zeros((4000, 6000, 3), np.uint8)
    large[:, 1000:5000] = _portrait(4000)
    Image.fromarray(large).save(folder / "large.jpg", quality=92)
    del large
    _edit(model, folder / "large.jpg", f"--out={folder / 'large_out.jpg'}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{'24 megapixels, peak memory of the process':44} "
          f"{peak * 1024 / 1e9:8.2f} GB")  # fmt: skip


def _edit(model: str, image: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "efgan_tf.edit", f"--model={model}",
         f"--image={image}", "--expression=happy", *arguments],
        check=True,
        capture_output=True,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
