"""How near TFLite files come to the model that they were made from.

    python -m benchmarks.parity --model=preset:faces128 \\
        --files=phone/efgan.float16.tflite,phone/efgan.int8.tflite

Prints, as Markdown: size, PSNR and largest error against the float model, the
error of the action units, the latency of `edit` (LiteRT with XNNPACK beside
TensorFlow, in turns), and the operations; on faces that nobody trained on.
"""

import dataclasses
import functools
import importlib.metadata
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import action_units, commands
from efgan_tf import config as config_lib
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import from_unit, psnr, to_unit
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.trained.presets import DEFAULT

_WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class ParityConfig:
    """Which files are compared with which model, on which faces."""

    files: tuple[str, ...] = option((), "the .tflite files to measure")
    model: str = option(
        DEFAULT, "the model that they were made of: preset:NAME, run or .keras"
    )
    stages: int = option(0, "as given to the export; 0: all")
    representative: str = option(
        "",
        "held-out aligned faces: a folder of pictures, an .npz with image and "
        "action_units, or rendered; empty: those that the run held out, or "
        "rendered people where there is no run",
    )
    faces: int = option(64, "how many of them at most")
    judge: str = option(
        "",
        "network that reads action units off the edits: units.keras of a data "
        "set's judges (DATA_DIR/judges); empty: the model's own estimator",
    )
    threads: tuple[int, ...] = option((1, 2), "threads to time with")
    repeats: int = option(30, "how often each file is timed")

    def __post_init__(self):
        require(bool(self.files), "give --files=FILE.tflite,…")
        check_at_least(self, 0, "stages")
        check_at_least(self, 1, "faces", "repeats")
        require(
            bool(self.threads) and min(self.threads) >= 1,
            "--threads must be at least 1 each",
        )


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One file against its model.

    Attributes:
      psnr: of each face, in dB.
      max_error: of a pixel, of 1.
      au_error: mean absolute error of the action units, 0–5.
      milliseconds: threads → median time of an edit.
    """

    psnr: np.ndarray
    max_error: float
    au_error: float
    milliseconds: dict[int, float]


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    config = config_lib.from_flags(values, ParityConfig)
    # TensorFlow gets the cores and threads that the interpreter has.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(max(config.threads))
    commands.import_tensorflow()
    print("\n".join(report(config)))


def report(config: ParityConfig) -> list[str]:
    """Compares files with their model; the lines of a Markdown report.

    Raises:
      UserError: the model, a file, the faces or the judge cannot be used, or a
        file was made of another model.
    """
    from efgan_tf.serving.tflite.faces import read_faces
    from efgan_tf.trained.loading import load_network
    from efgan_tf.trained.network import first_stages

    trained = load_network(config.model)
    if config.stages:
        trained = first_stages(trained, config.stages)
    for path in config.files:
        _check_same(path, trained, config.model)
    faces = read_faces(
        config.representative,
        trained,
        config.faces,
        split="test",
        model=config.model,
    )
    read_units, judge = load_judge(config.judge, trained)

    def au_error(images: np.ndarray) -> float:
        errors = np.abs(read_units(from_unit(images)) - faces.targets())
        return float(errors[:, trained.info.au_mask > 0].mean())

    expected = _edit_each(_model_edit_from(trained), faces)
    times = _median_times(config, _model_edit(trained), faces)
    shape = trained.info.model
    lines = [
        f"{config.model}, {shape.image_size} pixels, {shape.stages} stages; "
        f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}, "
        f"TensorFlow {importlib.metadata.version('tensorflow')}; "
        f"{platform.machine()}, {os.cpu_count()} cores.",
        "",
        f"Faces: {faces.source}. PSNR and the largest error (of 1) are against "
        "the float Keras model. AU error: mean absolute, 0 to 5, read by "
        f"{judge}; the Keras model's is {au_error(expected):.3f}. Times are "
        f"medians of {config.repeats} single faces.",
        "",
    ]
    rows = {}
    for path in config.files:
        images = _edit_each(_file_edit_from(path), faces)
        rows[path] = Measurement(
            psnr(from_unit(images), from_unit(expected)),
            float(np.abs(images - expected).max()),
            au_error(images),
            {count: times[path, count] for count in config.threads},
        )
    lines += _table(rows, times[None, 0])
    lines += ["", "Operations, over all signatures:", ""]
    return lines + [_operations(path) for path in config.files]


def load_judge(path: str, trained) -> tuple[Callable, str]:
    """A function that reads action units off images, and its name.

    Args:
      path: a network in a `.keras` file, such as `units.keras` of the judges
        that `efgan_tf.evaluate` trains; empty for the model's own estimator.
      trained: the model.

    Returns:
      Float32 `[n, size, size, 3]` in [-1, 1] → `[n, 17]`, 0–5, images of any
      size; and what the report calls it.

    Raises:
      UserError: the file cannot be read, or is no such network.
    """
    from efgan_tf.evaluation import features

    network, name = trained.estimator, path
    if path:
        network = features.load_network(path)
        features.check_input(path, network)
    else:
        name = (
            "the model's own estimator, which is no independent judge; "
            "--judge names one"
        )
    if network.output_shape != (None, action_units.COUNT):
        raise UserError(
            f"--judge={path} does not read action units: its output is "
            f"{network.output_shape}"
        )

    def read(images: np.ndarray) -> np.ndarray:
        return action_units.denormalize(
            features.run_network(network, images)[0]
        )

    return read, name


@functools.cache
def _file(path: str, threads: int = 2):
    from efgan_tf.trained.tflite.interpreter import TfliteFile

    return TfliteFile(path, threads)


def _check_same(path: str, trained, name: str) -> None:
    theirs, ours = _file(path).info.model.model, trained.info.model
    if theirs != ours:
        raise UserError(
            f"{path} was made of another model than {name}: it has "
            f"{theirs.stages} stages of {theirs.image_size} pixels a side, "
            f"{name} {ours.stages} of {ours.image_size}; name its own with "
            "--model and --stages"
        )


def _model_edit_from(trained) -> Callable:
    """Faces, their units and targets → edits, in the public scales."""
    cascade = trained.cascade_function("image")

    def edit_from(image, source, target):
        units = map(action_units.normalize, (source, target))
        return to_unit(cascade(from_unit(image), *units)["image"])

    return edit_from


def _file_edit_from(path: str) -> Callable:
    file = _file(path)
    return lambda image, source, target: file(
        "edit_from",
        image=image,
        source_action_units=source,
        action_units=target,
    )["image"]


def _model_edit(trained) -> Callable:
    """Faces and targets → edits, the units estimated, as one graph."""
    import tensorflow as tf

    cascade = trained.cascade_function("image")
    estimate = trained.estimator_function()

    @tf.function
    def edit(image, target):
        image = from_unit(image)
        target = action_units.normalize(target)
        return to_unit(cascade(image, estimate(image), target)["image"])

    return lambda image, target: edit(image, target).numpy()


def _file_edit(path: str, threads: int) -> Callable:
    file = _file(path, threads)
    return lambda image, target: file("edit", image=image, action_units=target)[
        "image"
    ]


def _edit_each(edit: Callable, faces) -> np.ndarray:
    """Edits one face after the other, as a phone does."""
    targets = faces.targets()
    rows = [slice(row, row + 1) for row in range(len(faces))]
    return np.concatenate(
        [edit(faces.images[r], faces.units[r], targets[r]) for r in rows]
    )


def _median_times(
    config: ParityConfig, model_edit: Callable, faces
) -> dict[tuple[str | None, int], float]:
    """Medians of an edit in milliseconds, in turns, so that load hits all.

    Returns:
      File and threads → its time; `(None, 0)` → the model's.
    """
    edits = {(None, 0): model_edit}
    for path in config.files:
        for count in config.threads:
            edits[path, count] = _file_edit(path, count)
    face, target = faces.images[:1], faces.targets()[:1]
    seconds = {name: [] for name in edits}
    for turn in range(_WARM_UP + config.repeats):
        for name, edit in edits.items():
            start = time.perf_counter()
            edit(face, target)
            if turn >= _WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {
        name: 1000 * statistics.median(values)
        for name, values in seconds.items()
    }


def _table(rows: dict[str, Measurement], model_ms: float) -> list[str]:
    threads = list(next(iter(rows.values())).milliseconds)
    head = [
        "file", "MB", "PSNR, mean (least)", "max error", "AU error",
        *[f"ms, {count} thread{'s' * (count != 1)}" for count in threads],
        f"of TensorFlow's {model_ms:.1f} ms",
    ]  # fmt: skip
    lines = [head, ["---"] * len(head)]
    for path, row in rows.items():
        lines.append([
            Path(path).name,
            f"{Path(path).stat().st_size / 1e6:.2f}",
            f"{row.psnr.mean():.1f} ({row.psnr.min():.1f}) dB",
            f"{row.max_error:.4f}",
            f"{row.au_error:.3f}",
            *[f"{row.milliseconds[count]:.1f}" for count in threads],
            # TensorFlow had as many threads as the most.
            f"{row.milliseconds[max(threads)] / model_ms:.2f}",
        ])  # fmt: skip
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _operations(path: str) -> str:
    from efgan_tf.trained.tflite import flatbuffer

    content = flatbuffer.read_file(Path(path))
    found = flatbuffer.operations(flatbuffer.read(content, path))
    counts = ", ".join(f"{name} {n}" for name, n in found.counts.items())
    return f"- {Path(path).name}: {counts}; at most {found.largest_rank} axes"


if __name__ == "__main__":
    sys.exit(commands.run(main, ParityConfig))
