"""How fast photos are edited, and in how much memory.

    python -m benchmarks.edit

Renders its photos and reports: the peak memory of a process that edits
one photo of 24 megapixels, as a JPEG and as a PNG of 16 bits; one photo of
1024×1024 with one face, split into its parts (medians); a folder of 100 such
photos, files read and written; and how much an edit that aims at what the face
shows already changes in the face's square, on a rendered photo and on a
photograph.
"""

import dataclasses
import io
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from benchmarks import harness
from efgan_tf import commands, config
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import option
from efgan_tf.trained.presets import DEFAULT


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    model: str = option(DEFAULT, "trained model to edit with")
    side: int = option(1024, "side of the photos")
    photos: int = option(100, "how many photos the folder has")
    repeats: int = option(15, "how often one photo is edited")
    out: str = option("", harness.OUT)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    report = harness.Report(settings.out)
    photo = _portrait(settings.side)
    with tempfile.TemporaryDirectory() as folder:
        # First: what this process holds would count for its children, too.
        report.add("Memory", _measure_memory(settings.model, Path(folder)))
        editor, seconds = _load(settings.model, photo)
        times = {
            "load model and detector, first detection": seconds,
            **_time_parts(editor, photo, settings.repeats),
        }
        report.add(
            f"One photo, medians of {settings.repeats}",
            [{"": k, "ms": 1000 * v} for k, v in times.items()],
            1,
        )
        rate = _time_folder(photo, settings, Path(folder))
        report.add(
            f"A folder of {settings.photos}, start-up included",
            [{"photos/s": rate}],
        )
        report.add("Zero edit", _zero_edits(editor, photo), 1)
    report.write()


def _portrait(side: int) -> np.ndarray:
    from efgan_tf.synthetic.synthesis import SynthesizeConfig, make_subject

    rendered = make_subject(
        SynthesizeConfig(images_per_subject=1, size=512), subject=0
    )
    with Image.open(io.BytesIO(rendered[0].jpeg)) as image:
        return np.asarray(image.resize((side, side), Image.BICUBIC))


def _load(model: str, photo: np.ndarray):
    import efgan_tf

    start = time.perf_counter()
    editor = efgan_tf.load(model)
    editor.faces(photo)
    return editor, time.perf_counter() - start


def _time_parts(editor, photo: np.ndarray, repeats: int) -> dict[str, float]:
    """Seconds of an edit and of its parts."""
    from efgan_tf import action_units, geometry
    from efgan_tf.common.images import to_float
    from efgan_tf.faces.compositing import paste
    from efgan_tf.geometry import align

    edited = editor.edit(photo, "happy")  # the first call builds the graphs
    (face,), size = edited.faces, editor.model.size
    source, images = (
        face.source_action_units[None],
        to_float(face.aligned[None]),
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
    return harness.medians(parts, repeats)


def _time_folder(
    photo: np.ndarray, settings: BenchmarkConfig, folder: Path
) -> float:
    """Photos a second by the command itself, in a process of its own."""
    (folder / "photos").mkdir()
    for number in range(settings.photos):
        # Each a little different, as photos are.
        shifted = np.roll(photo, number, axis=1)
        path = folder / "photos" / f"{number:03}.jpg"
        Image.fromarray(shifted).save(path, quality=92)
    seconds = harness.timed(
        lambda: _edit(
            settings.model, folder / "photos", f"--out={folder / 'out'}"
        )
    )
    return settings.photos / seconds


def _measure_memory(model: str, folder: Path) -> list[dict]:
    """The peak of a process that edits 6000×4000 pixels."""
    from efgan_tf.faces.writers import encode_png

    large = np.zeros((4000, 6000, 3), np.uint8)
    large[:, 1000:5000] = _portrait(4000)
    Image.fromarray(large).save(folder / "large.jpg", quality=92)
    deep = encode_png(large * np.uint16(257))
    (folder / "large.png").write_bytes(deep)
    del large, deep
    return [
        {
            "24 megapixels": what,
            "peak, GB": _edit(
                model, folder / name, f"--out={folder / 'new'}_{name}"
            ),
        }
        for name, what in (("large.jpg", "JPEG"), ("large.png", "16-bit PNG"))
    ]


def _zero_edits(editor, rendered: np.ndarray) -> list[dict]:
    photos = {"rendered": rendered}
    try:
        from skimage import data

        photos["photograph (astronaut)"] = data.astronaut()
    except ImportError:
        print("zero edit of a photograph: needs scikit-image")
    return [
        {"photo": name, "dB": _zero_edit_psnr(editor, photo)}
        for name, photo in photos.items()
    ]


def _zero_edit_psnr(editor, photo: np.ndarray) -> float:
    """How near an edit that changes no unit stays, in the face's square."""
    from efgan_tf import geometry

    edited = editor.edit(photo, expression={})
    matrix = geometry.alignment(edited.faces[0].landmarks, 1)
    area = 1 / np.linalg.det(matrix[:, :2])
    # Outside the square nothing changes.
    error = ((edited.image - photo.astype(float)) ** 2).sum() / (3 * area)
    return 10 * math.log10(255**2 / error) if error else math.inf


def _edit(model: str, image: Path, *arguments: str) -> float:
    """Runs the command; the peak memory of its process in GB."""
    command = [sys.executable, "-m", "efgan_tf.edit", f"--model={model}"]
    command += [f"--image={image}", "--expression=happy", *arguments]
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            printed.seek(0)
            raise UserError(printed.read().decode(errors="replace"))
    return usage.ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
