"""Checks a SavedModel against the Keras networks that it was made from.

Every signature runs on 1, 3 and 32 faces, once loaded by Python and once by the
C++ loader, which TF Serving uses too. Their answers may differ from Keras's by
rounding alone: each optimizes its graph and adds in another order.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.editing.network import TrainedNetwork
from efgan_tf.errors import UserError
from efgan_tf.serving.loaders import (
    read_signatures,
    run_in_cpp,
    run_in_python,
)

BATCHES = (1, 3, 32)

# Measured: at most 1e-6 for preset:faces128, 4e-6 for random weights; other
# processors add in other orders. A gray level is 4e-3.
BOUNDS = {
    "image": 1e-4,
    "stages": 1e-4,
    "attention": 1e-4,
    "action_units": 1e-4,
    "image_bytes": 0.51 / 255,  # rounded once
}
"""Output → how far its answers may be from Keras's."""


@dataclasses.dataclass(frozen=True)
class Question:
    """What one signature is asked, and what Keras answers.

    Attributes:
      signature: its key.
      inputs: name → float32, or bytes `S`.
      expected: output → float32; of encoded pictures what they show, in [0, 1].
    """

    signature: str
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How far one output is from Keras's at most, over all batches.

    Attributes:
      signature: its key.
      output: its name.
      differences: loader → the largest difference.
    """

    signature: str
    output: str
    differences: dict[str, float]

    @property
    def failed(self) -> bool:
        """Whether a difference is more than rounding; NaN is."""
        bound = BOUNDS[self.output]
        return not all(value <= bound for value in self.differences.values())


def check_signatures(
    folder: Path, trained: TrainedNetwork, report: Callable[[str], None] = print
) -> None:
    """Compares every signature with the Keras networks.

    Args:
      folder: of the SavedModel.
      trained: what it was made from.
      report: gets a line when it begins, and a table of what was checked.

    Raises:
      UserError: an answer differs by more than rounding, or a loader refuses
        the folder or a question.
      ValueError: the folder has a signature that is not checked here.
    """
    batches = ", ".join(map(str, BATCHES))
    report(f"comparing the signatures with the Keras model, {batches} faces")
    comparisons = compare_signatures(folder, trained)
    report(_table(comparisons))
    failed = [
        f"{row.signature} {row.output}" for row in comparisons if row.failed
    ]
    if failed:
        raise UserError(
            f"--signature_check: {', '.join(failed)} differ from the Keras "
            "model by more than rounding, so no version was written"
        )


def compare_signatures(
    folder: Path, trained: TrainedNetwork
) -> list[Comparison]:
    """Asks both loaders every question; see `check_signatures`."""
    questions = [
        question for batch in BATCHES for question in _questions(trained, batch)
    ]
    calls = [(question.signature, question.inputs) for question in questions]
    unchecked = set(read_signatures(folder)) - {key for key, _ in calls}
    if unchecked:
        raise ValueError(f"no question for {', '.join(sorted(unchecked))}")
    answers = {
        "Python": run_in_python(folder, calls),
        "C++": run_in_cpp(folder, calls),
    }
    found: dict[tuple[str, str], dict[str, float]] = {}
    for loader, results in answers.items():
        for question, result in zip(questions, results, strict=True):
            for name, expected in question.expected.items():
                row = found.setdefault(
                    (question.signature, name), dict.fromkeys(answers, 0.0)
                )
                difference = _difference(result[name], expected)
                row[loader] = max(row[loader], difference)
    return [Comparison(*key, row) for key, row in found.items()]


def _difference(answer: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference; infinite for other shapes and for NaN."""
    if answer.dtype.kind == "S":
        answer = _decoded(answer)
    if answer.shape != expected.shape or not np.isfinite(answer).all():
        return float("inf")
    return float(np.abs(answer - expected).max())


def _questions(trained: TrainedNetwork, batch: int) -> list[Question]:
    """One for each signature, on random pictures and units."""
    size = trained.info.model.image_size
    rng = np.random.default_rng(batch)
    # Of whole levels, so that a PNG holds them exactly.
    pixels = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
    image = (pixels / 255).astype(np.float32)
    source, target = rng.uniform(
        0, action_units.MAX_INTENSITY, (2, batch, action_units.COUNT)
    ).astype(np.float32)
    both = {"image": image, "action_units": target}
    given = {**both, "source_action_units": source}
    estimated = action_units.denormalize(
        trained.estimator(image * 2 - 1, training=False).numpy()
    )
    by_estimate = _edited(trained, image, estimated, target)
    from_given = _edited(trained, image, source, target)
    encoded = np.array([tf.io.encode_png(p).numpy() for p in pixels])
    return [
        Question("serving_default", both, _only_image(by_estimate)),
        Question("edit_from", given, _only_image(from_given)),
        Question(
            "edit_bytes",
            {"image_bytes": encoded, "action_units": target},
            {"image_bytes": by_estimate["image"]},
        ),
        Question("stages", both, by_estimate),
        Question("stages_from", given, from_given),
        Question("estimate", {"image": image}, {"action_units": estimated}),
    ]


def _only_image(edited):
    return {"image": edited["image"]}


def _edited(trained, image, source, target):
    """The outputs of `stages` by Keras, public scales in and out."""
    target = np.where(trained.info.mask > 0, target, source)
    result = trained.keras_model(
        {
            "image": image * 2 - 1,
            "source_action_units": action_units.normalize(source),
            "target_action_units": action_units.normalize(target),
        },
        training=False,
    )
    return {
        "image": (result["image"].numpy() + 1) / 2,
        "stages": (result["stages"].numpy() + 1) / 2,
        "attention": result["attention"].numpy(),
    }


def _decoded(pictures: np.ndarray) -> np.ndarray:
    """PNGs as float32 `[b, size, size, 3]` in [0, 1]."""
    pixels = [tf.io.decode_png(content).numpy() for content in pictures]
    return np.stack(pixels).astype(np.float32) / 255


def _table(comparisons: list[Comparison]) -> str:
    loaders = list(comparisons[0].differences)
    head = "".join(f"{loader:>9}" for loader in loaders)
    lines = [
        "largest differences:",
        f"{'signature':17}{'output':13}{head}{'allowed':>9}",
    ]
    for row in comparisons:
        values = "".join(f"{row.differences[name]:9.1e}" for name in loaders)
        lines.append(
            f"{row.signature:17}{row.output:13}{values}"
            f"{BOUNDS[row.output]:9.1e}{'  FAILED' if row.failed else ''}"
        )
    return "\n".join(lines)
