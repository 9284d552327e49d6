"""How fast faces are prepared, and how fast batches are drawn.

    python -m benchmarks.data --photos=1000

Renders photos (or takes --source_dir and --aus), then prints two tables: photos
a second through the detector and through the whole preparation; samples a
second, of source and target, through the pipeline.
"""

import dataclasses
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.options import option

SIZES = (64, 128)
ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    photos: int = option(1000, "how many photos are rendered")
    photo_size: int = option(256, "side of the rendered photos")
    batch_size: int = option(16, "samples of a batch")
    batches: int = option(100, "how many batches are timed, three times")
    source_dir: str = option("", "photos to use instead")
    aus: str = option("", "their table of action units")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    commands.quiet_tensorflow()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        source_dir, aus = settings.source_dir, settings.aus
        if not source_dir:
            source_dir, aus = _render(Path(folder) / "rendered", settings)
        data_config = config.DataConfig(
            dataset="folder", source_dir=source_dir, aus=aus, data_dir=folder
        )
        print("| preparation | photos/s |\n|---|---|")
        _time_detector(Path(source_dir))
        for size in SIZES:
            _time_preparation(data_config, size)
        print("\n| side | pictures | pairing | samples/s |\n|---|---|---|---|")
        for size in SIZES:
            _time_pipeline(data_config, size, settings)


def _render(folder: Path, settings: BenchmarkConfig) -> tuple[str, str]:
    from efgan_tf.synthetic import photos

    people = -(-settings.photos // 16)
    photos.write_photos(
        folder,
        photos.SynthesizeConfig(subjects=people, size=settings.photo_size),
    )
    return str(folder / "photos"), str(folder / "aus.csv")


def _time_detector(source_dir: Path) -> None:
    from efgan_tf.data import plan
    from efgan_tf.data.report import Report
    from efgan_tf.faces import detection
    from efgan_tf.faces.photos import read_photo

    files = plan.listed(source_dir, Report())[:64]
    images = [read_photo(source_dir / file) for file in files]
    detector = detection.Detector()
    detector.detect(images[:16])  # the first call prepares its kernels
    start = time.perf_counter()
    detector.detect(images)
    _preparation_row("detect, in batches", len(images), start)
    start = time.perf_counter()
    few = images[:16]
    for image in few:
        detector.detect([image])
    _preparation_row("detect, one by one", len(few), start)


def _time_preparation(data_config: config.DataConfig, size: int) -> None:
    from efgan_tf import data

    start = time.perf_counter()
    prepared = data.prepare(data_config, size)
    count = int(prepared.summary.split()[0])
    _preparation_row(f"prepare {count} at {size}", count, start)


def _preparation_row(name: str, count: int, start: float) -> None:
    print(f"| {name} | {count / (time.perf_counter() - start):.1f} |")


def _time_pipeline(
    data_config: config.DataConfig, size: int, settings: BenchmarkConfig
) -> None:
    """The variants in turn, so that other work on the machine hits them all."""
    from efgan_tf import data
    from efgan_tf.data import pictures, pipeline

    faces = data.load_faces(data_config, size, "train")
    on_disk = data.load_faces(
        dataclasses.replace(data_config, data_memory=0), size, "train"
    )
    kept = {
        "decoded": (faces, pictures.DECODED_LIMIT),
        "decoded on the fly": (faces, 0),
        "read from disk": (on_disk, 0),
    }
    variants = list(itertools.product(kept, pipeline.PAIRINGS))
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in variants}
    for _, (name, pairing) in itertools.product(range(ROUNDS), variants):
        of_variant, pictures.DECODED_LIMIT = kept[name]
        batches = iter(
            pipeline.training_batches(
                of_variant,
                batch_size=settings.batch_size,
                seed=0,
                pairing=pairing,
                target_noise=0.1,
                flip=True,
            )
        )
        rates[name, pairing].append(_rate(batches, settings))
    pictures.DECODED_LIMIT = kept["decoded"][1]
    for (name, pairing), found in rates.items():
        median = statistics.median(found)
        print(f"| {size} | {name} | {pairing} | {median:.0f} |")


def _rate(batches: Iterator, settings: BenchmarkConfig) -> float:
    for _ in range(20):  # the first ones wait for tracing and tuning
        next(batches)
    start = time.perf_counter()
    for _ in range(settings.batches):
        next(batches)
    seconds = time.perf_counter() - start
    return settings.batches * settings.batch_size / seconds


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
