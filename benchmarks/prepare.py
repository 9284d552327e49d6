"""How fast faces are prepared, and how fast batches are drawn.

    python -m benchmarks.prepare --photos=1000

Renders photos (or takes --source_dir and --aus), then prints a table: the
detector in batches and one by one, the whole preparation, and batches from
pictures decoded beforehand and on the fly.
"""

import dataclasses
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.options import option


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    photos: int = option(1000, "how many photos are rendered")
    photo_size: int = option(256, "side of the rendered photos")
    image_size: int = option(128, "side of the aligned pictures")
    batch_size: int = option(16, "images of a batch")
    batches: int = option(300, "how many batches are timed")
    source_dir: str = option("", "photos to use instead")
    aus: str = option("", "their table of action units")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    commands.quiet_tensorflow()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        source_dir, aus = settings.source_dir, settings.aus
        if not source_dir:
            source_dir, aus = _render(Path(folder) / "rendered", settings)
        data_config = config.DataConfig(
            dataset="folder", source_dir=source_dir, aus=aus, data_dir=folder
        )
        _time_detector(sorted(Path(source_dir).iterdir())[:64])
        _time_preparation(data_config, settings)
        for size in sorted({64, settings.image_size}):
            _time_batches(data_config, size, settings)


def _render(folder: Path, settings: BenchmarkConfig) -> tuple[str, str]:
    from efgan_tf.synthetic import photos

    start = time.perf_counter()
    photos.write_photos(
        folder,
        photos.SynthesizeConfig(
            subjects=-(-settings.photos // 16), size=settings.photo_size
        ),
    )
    count = len(list((folder / "photos").iterdir()))
    _row(f"render, {settings.photo_size} px", count, start)
    return str(folder / "photos"), str(folder / "aus.csv")


def _time_detector(paths: list[Path]) -> None:
    from efgan_tf.faces import detection
    from efgan_tf.faces.photos import read_photo

    images = [read_photo(path) for path in paths]
    detector = detection.Detector()
    detector.detect(images[:16])  # the first call prepares its kernels
    start = time.perf_counter()
    detector.detect(images)
    _row("detect, in batches", len(images), start)
    start = time.perf_counter()
    for image in images[:16]:
        detector.detect([image])
    _row("detect, one by one", 16, start)


def _time_preparation(
    data_config: config.DataConfig, settings: BenchmarkConfig
) -> None:
    from efgan_tf import data

    start = time.perf_counter()
    prepared = data.prepare(data_config, settings.image_size)
    count = int(prepared.summary.split()[0])
    _row(f"prepare, {settings.image_size} px", count, start)


def _time_batches(
    data_config: config.DataConfig, size: int, settings: BenchmarkConfig
) -> None:
    from efgan_tf import data
    from efgan_tf.data import pictures, pipeline

    faces = data.load_faces(data_config, size, "train")
    limits = {"decoded beforehand": pictures.DECODED_LIMIT, "on the fly": 0}
    for name, limit in limits.items():
        pictures.DECODED_LIMIT = limit
        start = time.perf_counter()
        batches = iter(
            pipeline.training_batches(
                faces,
                batch_size=settings.batch_size,
                seed=0,
                pairing="paired",
                target_noise=0.1,
                flip=True,
            )
        )
        next(batches)
        _row(f"first batch, {size} px, {name}", settings.batch_size, start)
        start = time.perf_counter()
        for _ in itertools.islice(batches, settings.batches):
            pass
        count = settings.batches * settings.batch_size
        _row(f"batches, {size} px, {name}", count, start)
    pictures.DECODED_LIMIT = limits["decoded beforehand"]


def _row(name: str, count: int, start: float) -> None:
    seconds = time.perf_counter() - start
    print(f"{name:40} {count:6} in {seconds:7.2f} s {count / seconds:9.1f}/s")


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
