"""How near TFLite files come to the model that they were made of."""

import dataclasses
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import efgan_tf
from efgan_tf import action_units, fidelity
from efgan_tf.editing.loading import load_network
from efgan_tf.editing.network import TrainedNetwork, first_stages
from efgan_tf.errors import UserError
from efgan_tf.serving.tflite import judge
from efgan_tf.serving.tflite.faces import AlignedFaces, read_faces
from efgan_tf.serving.tflite.interpreter import TfliteFile, package
from efgan_tf.serving.tflite.settings import ParityConfig

_WARM_UP = 3

_KERAS = "keras"


def measure(config: ParityConfig) -> dict[str, Any]:
    """Compares files with their model.

    Returns:
      The report: `"files"` is a list of one dict for each file, the rest says
      what they were measured with.

    Raises:
      UserError: the model, a file, the faces or the judge are at fault, or a
        file was made of another model.
    """
    trained = load_network(config.model)
    if config.stages:
        trained = first_stages(trained, config.stages)
    files = [TfliteFile(path) for path in config.files]
    for file in files:
        _check_same(file, trained, config.model)
    run_dir = config.model if Path(config.model).is_dir() else ""
    faces = read_faces(
        config.representative, trained, config.faces, split="test",
        run_dir=run_dir,
    )  # fmt: skip
    read_units, judged_by = judge.load(config.judge, trained)

    def au_error(results: _Results) -> float:
        errors = np.abs(read_units(results.images) - faces.wanted())
        return float(errors[:, trained.info.mask > 0].mean())

    own = _keras_results(trained, faces)
    rows = []
    for file in files:
        made = _file_results(file, faces)
        compared = _differences(made, own)
        rows.append({**_facts(file), **compared, "au_error": au_error(made)})
    milliseconds = _timed(config, trained, faces)
    for path, row in zip(config.files, rows, strict=True):
        row["milliseconds"] = {
            str(threads): milliseconds[path, threads]
            for threads in config.threads
        }
    return {
        "efgan_tf": efgan_tf.__version__,
        "interpreter": package(),
        "tensorflow": tf.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "model": config.model,
        "size": trained.info.model.image_size,
        "stages": trained.info.model.stages,
        "faces": faces.source,
        "judge": judged_by,
        "keras": {
            "au_error": au_error(own),
            "milliseconds": milliseconds[_KERAS],
        },
        "repeats": config.repeats,
        "files": rows,
    }


@dataclasses.dataclass(frozen=True, eq=False)
class _Results:
    """What one network made of n faces.

    Attributes:
      images: float32 `[n, size, size, 3]` in [-1, 1], the edits.
      attention: float32 `[n, size, size, 1]` in [0, 1], of all stages.
      units: float32 `[n, 17]`, 0–5, what it read off the faces.
    """

    images: np.ndarray
    attention: np.ndarray
    units: np.ndarray


def _facts(file: TfliteFile) -> dict[str, Any]:
    return {
        "file": file.path.name,
        "quantization": file.info.quantization,
        "calibrated_on": file.info.calibrated_on,
        "bytes": file.size,
        "operations": file.operations.counts,
        "largest_rank": file.operations.largest_rank,
    }


def _differences(made: _Results, own: _Results) -> dict[str, float]:
    psnr = fidelity.psnr(made.images, own.images)
    return {
        "psnr": float(psnr.mean()),
        "least_psnr": float(psnr.min()),
        # In the public scale, 0 to 1.
        "max_error": float(np.abs(made.images - own.images).max() / 2),
        "max_attention_error": float(
            np.abs(made.attention - own.attention).max()
        ),
        "max_estimate_error": float(np.abs(made.units - own.units).max()),
    }


def _check_same(file: TfliteFile, trained: TrainedNetwork, name: str) -> None:
    theirs, ours = file.info.model.model, trained.info.model
    if theirs != ours:
        raise UserError(
            f"{file.path} was made of another model than {name}: it has "
            f"{theirs.stages} stages of {theirs.image_size} pixels a side, "
            f"{name} {ours.stages} of {ours.image_size}; name its own with "
            "--model and --stages"
        )


def _keras_results(trained: TrainedNetwork, faces: AlignedFaces) -> _Results:
    run = trained.cascade_function("image", "attention")
    estimate = trained.estimator_function()

    def results(face, source, target):
        image = 2 * face - 1
        made = run(image, *map(action_units.normalize, (source, target)))
        units = action_units.denormalize(estimate(image))
        return made["image"], made["attention"][:, -1], units

    return _collected(results, faces)


def _file_results(file: TfliteFile, faces: AlignedFaces) -> _Results:
    last = file.info.model.model.stages

    def results(face, source, target):
        made = file(
            "stages_from",
            image=face,
            source_action_units=source,
            action_units=target,
        )
        units = file("estimate", image=face)["action_units"]
        return 2 * made[f"stage_{last}"] - 1, made[f"attention_{last}"], units

    return _collected(results, faces)


def _collected(results: Callable, faces: AlignedFaces) -> _Results:
    """Calls for one face after the other, as a phone does."""
    inputs = faces.images, faces.units, faces.wanted()
    made = [
        results(*(array[row : row + 1] for array in inputs))
        for row in range(len(faces))
    ]
    return _Results(*map(np.concatenate, zip(*made, strict=True)))


def _timed(
    config: ParityConfig, trained: TrainedNetwork, faces: AlignedFaces
) -> dict[Any, float]:
    """Medians of `edit` in milliseconds, all contenders taking turns.

    Whatever else the machine does then meets all of them alike.

    Returns:
      `(path, threads)` of each file, and `_KERAS` → its median.
    """
    inputs = {"image": faces.images[:1], "action_units": faces.wanted()[:1]}
    contenders = {_KERAS: _keras_edit(trained, inputs)}
    for path in config.files:
        for threads in config.threads:
            file = TfliteFile(path, threads)
            contenders[path, threads] = _file_edit(file, inputs)
    seconds: dict[Any, list[float]] = {name: [] for name in contenders}
    for turn in range(_WARM_UP + config.repeats):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn >= _WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {
        name: round(1000 * statistics.median(values), 2)
        for name, values in seconds.items()
    }


def _keras_edit(
    trained: TrainedNetwork, inputs: Mapping[str, np.ndarray]
) -> Callable[[], Any]:
    cascade = trained.cascade_function("image")
    estimate = trained.estimator_function()
    image = tf.constant(2 * inputs["image"] - 1)
    target = tf.constant(action_units.normalize(inputs["action_units"]))

    @tf.function
    def edit(image, target):
        return cascade(image, estimate(image), target)["image"]

    return lambda: edit(image, target).numpy()


def _file_edit(
    file: TfliteFile, inputs: Mapping[str, np.ndarray]
) -> Callable[[], Any]:
    return lambda: file("edit", **inputs)
