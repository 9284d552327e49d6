"""How fast faces are prepared, and how fast batches are drawn.

    python -m benchmarks.data --photos=1000

Renders photos (or takes --source_dir and --aus), then reports photos a second
through the detector and through the whole preparation, and samples a second, of
source and target, through the pipeline.
"""

import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from benchmarks import harness
from efgan_tf import commands, config
from efgan_tf.common.options import option

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
    out: str = option("", harness.OUT)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    commands.import_tensorflow()
    report = harness.Report(settings.out)
    with tempfile.TemporaryDirectory() as folder:
        source_dir, aus = settings.source_dir, settings.aus
        if not source_dir:
            source_dir, aus = _render(Path(folder) / "rendered", settings)
        data_config = config.DataConfig(
            dataset="folder", source_dir=source_dir, aus=aus, data_dir=folder
        )
        rows = _time_detector(Path(source_dir))
        rows += [_time_preparation(data_config, size) for size in SIZES]
        report.add("Preparation", rows, 1)
        rows = []
        for size in SIZES:
            rows += _time_pipeline(data_config, size, settings)
        report.add(f"Batches, medians of {ROUNDS}", rows, 0)
    report.write()


def _render(folder: Path, settings: BenchmarkConfig) -> tuple[str, str]:
    from efgan_tf.synthetic import synthesis

    people = -(-settings.photos // 16)
    synthesis.write_photos(
        folder,
        synthesis.SynthesizeConfig(subjects=people, size=settings.photo_size),
    )
    return str(folder / "photos"), str(folder / "aus.csv")


def _time_detector(source_dir: Path) -> list[dict]:
    from efgan_tf.data import plan
    from efgan_tf.data.preparation_report import Report
    from efgan_tf.faces import detection
    from efgan_tf.faces.photos import read_photo

    files = plan.listed(source_dir, Report())[:64]
    images = [read_photo(source_dir / file) for file in files]
    detector = detection.Detector()
    few = images[:16]
    detector.detect(few)  # the first call prepares its kernels
    batch = harness.timed(lambda: detector.detect(images))
    single = harness.timed(lambda: [detector.detect([image]) for image in few])
    return [
        {"": "detect, in batches", "photos/s": len(images) / batch},
        {"": "detect, one by one", "photos/s": len(few) / single},
    ]


def _time_preparation(data_config: config.DataConfig, size: int) -> dict:
    from efgan_tf import data

    start = time.perf_counter()
    prepared = data.prepare(data_config, size)
    seconds = time.perf_counter() - start
    count = int(prepared.summary.split()[0])
    return {"": f"prepare {count} at {size}", "photos/s": count / seconds}


def _time_pipeline(
    data_config: config.DataConfig, size: int, settings: BenchmarkConfig
) -> list[dict]:
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
    return [
        {
            "side": size, "pictures": name, "pairing": pairing,
            "samples/s": statistics.median(found),
        }
        for (name, pairing), found in rates.items()
    ]  # fmt: skip


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
