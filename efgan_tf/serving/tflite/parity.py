"""How near TFLite files come to the model that they were made of."""

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
    wanted = faces.wanted()
    edited, attention, units = _keras_results(trained, faces, wanted)
    rows = []
    for file in files:
        made, made_attention, made_units = _file_results(file, faces, wanted)
        psnr = fidelity.psnr(made, edited)
        rows.append(
            {
                "file": file.path.name,
                "quantization": file.info.quantization,
                "calibrated_on": file.info.calibrated_on,
                "bytes": file.size,
                "psnr": float(psnr.mean()),
                "least_psnr": float(psnr.min()),
                # In the public scale, 0 to 1.
                "max_error": float(np.abs(made - edited).max() / 2),
                "max_attention_error": float(
                    np.abs(made_attention - attention).max()
                ),
                "max_estimate_error": float(np.abs(made_units - units).max()),
                "au_error": _mean_error(read_units(made), wanted, trained),
                "operations": file.operations.counts,
                "largest_rank": file.operations.largest_rank,
            }
        )
    timed = _timed(config, trained, faces)
    for row, milliseconds in zip(rows, timed["files"], strict=True):
        row["milliseconds"] = milliseconds
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
            "au_error": _mean_error(read_units(edited), wanted, trained),
            "milliseconds": timed["tensorflow"],
        },
        "repeats": config.repeats,
        "files": rows,
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


def _keras_results(
    trained: TrainedNetwork, faces: AlignedFaces, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The model's own edits in [-1, 1], their attention, and units in 0–5."""
    run = trained.cascade_function("image", "attention")
    estimate = trained.estimator_function()
    images = 2 * faces.images - 1
    source, target = map(action_units.normalize, (faces.units, wanted))
    parts = []
    for row in range(len(faces)):
        rows = slice(row, row + 1)
        result = run(images[rows], source[rows], target[rows])
        units = action_units.denormalize(estimate(images[rows]))
        parts.append([result["image"], result["attention"][:, -1], units])
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _file_results(
    file: TfliteFile, faces: AlignedFaces, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a file."""
    last = file.info.model.model.stages
    parts = []
    for row in range(len(faces)):
        rows = slice(row, row + 1)
        result = file(
            "stages_from",
            image=faces.images[rows],
            source_action_units=faces.units[rows],
            action_units=wanted[rows],
        )
        units = file("estimate", image=faces.images[rows])["action_units"]
        parts.append(
            [
                2 * result[f"stage_{last}"] - 1,
                result[f"attention_{last}"],
                units,
            ]
        )
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _mean_error(
    read: np.ndarray, wanted: np.ndarray, trained: TrainedNetwork
) -> float:
    """Mean absolute error over the learned units, 0 to 5."""
    learned = trained.info.mask > 0
    return float(np.abs(read - wanted)[:, learned].mean())


def _timed(
    config: ParityConfig, trained: TrainedNetwork, faces: AlignedFaces
) -> dict[str, Any]:
    """Medians of `edit` in milliseconds, all contenders taking turns.

    Whatever else the machine does then meets all of them alike.
    """
    inputs = {"image": faces.images[:1], "action_units": faces.wanted()[:1]}
    contenders: dict[Any, Callable] = {
        "tensorflow": _keras_edit(trained, inputs)
    }
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
    medians = {
        name: round(1000 * statistics.median(values), 2)
        for name, values in seconds.items()
    }
    return {
        "tensorflow": medians["tensorflow"],
        "files": [
            {str(threads): medians[path, threads] for threads in config.threads}
            for path in config.files
        ],
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
