"""Checks a SavedModel against the Keras networks that it was made from.

Every signature runs on 1, 3 and 32 faces. The results may differ from Keras's
by rounding alone: the loaded graph is optimized and adds in another order.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.common.errors import UserError
from efgan_tf.common.images import from_unit, to_unit
from efgan_tf.serving.exported_model import ExportedModel
from efgan_tf.trained.network import TrainedNetwork

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
"""Output → largest difference from Keras's that passes."""


@dataclasses.dataclass(frozen=True)
class Case:
    """Inputs of one signature, and what Keras makes of them.

    Attributes:
      signature: its name.
      inputs: name → float32 array, or list of bytes.
      expected: output → float32 array; of encoded images their pixels, in
        [0, 1].
    """

    signature: str
    inputs: dict[str, np.ndarray | list[bytes]]
    expected: dict[str, np.ndarray]


def check_signatures(
    folder: Path, trained: TrainedNetwork, report: Callable[[str], None] = print
) -> None:
    """Compares every signature with the Keras networks.

    Args:
      folder: of the SavedModel.
      trained: what it was made from.
      report: gets a line when the check begins, and a table of its results.

    Raises:
      UserError: a result differs by more than rounding, or the folder cannot
        be loaded.
      ValueError: the folder has a signature that is not checked here.
    """
    batches = ", ".join(map(str, BATCHES))
    report(f"comparing the signatures with the Keras model, {batches} faces")
    differences = _largest_differences(folder, trained)
    report(_table(differences))
    # Written so that NaN fails.
    failed = [
        f"{signature} {output}"
        for (signature, output), value in differences.items()
        if not value <= BOUNDS[output]
    ]
    if failed:
        raise UserError(
            f"--signature_check: {', '.join(failed)} differ from the Keras "
            "model by more than rounding, so no version was written"
        )


def _largest_differences(
    folder: Path, trained: TrainedNetwork
) -> dict[tuple[str, str], float]:
    """Signature and output → the largest difference over all batches."""
    model = ExportedModel(folder)
    cases = [case for batch in BATCHES for case in _cases(trained, batch)]
    unchecked = set(model.signatures) - {case.signature for case in cases}
    if unchecked:
        raise ValueError(f"no case for {', '.join(sorted(unchecked))}")
    found: dict[tuple[str, str], float] = {}
    for case in cases:
        results = model.run(case.signature, case.inputs)
        for name, expected in case.expected.items():
            key = case.signature, name
            difference = _difference(results[name], expected)
            found[key] = max(found.get(key, 0.0), difference)
    return found


def _difference(result: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference; infinite for other shapes and for NaN."""
    if result.dtype == object:
        result = _decoded(result)
    if result.shape != expected.shape or not np.isfinite(result).all():
        return float("inf")
    return float(np.abs(result - expected).max())


def _cases(trained: TrainedNetwork, batch: int) -> list[Case]:
    """One for each signature, on random pixels and units."""
    size = trained.info.model.image_size
    rng = np.random.default_rng(batch)
    # Whole levels, so that a PNG holds them exactly.
    pixels = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
    image = (pixels / 255).astype(np.float32)
    source, target = rng.uniform(
        0, action_units.MAX_INTENSITY, (2, batch, action_units.COUNT)
    ).astype(np.float32)
    without_source = {"image": image, "action_units": target}
    with_source = {**without_source, "source_action_units": source}
    estimated = action_units.denormalize(
        trained.estimator(from_unit(image), training=False).numpy()
    )
    from_estimate = _edited(trained, image, estimated, target)
    from_source = _edited(trained, image, source, target)
    encoded = [tf.io.encode_png(p).numpy() for p in pixels]
    return [
        Case("serving_default", without_source, _only_image(from_estimate)),
        Case("edit_from", with_source, _only_image(from_source)),
        Case(
            "edit_bytes",
            {"image_bytes": encoded, "action_units": target},
            {"image_bytes": from_estimate["image"]},
        ),
        Case("stages", without_source, from_estimate),
        Case("stages_from", with_source, from_source),
        Case("estimate", {"image": image}, {"action_units": estimated}),
    ]


def _only_image(edited):
    return {"image": edited["image"]}


def _edited(trained, image, source, target):
    """The outputs of `stages` by Keras; public scales in and out."""
    target = np.where(trained.info.au_mask > 0, target, source)
    result = trained.keras_model(
        {
            "image": from_unit(image),
            "source_action_units": action_units.normalize(source),
            "target_action_units": action_units.normalize(target),
        },
        training=False,
    )
    return {
        "image": to_unit(result["image"].numpy()),
        "stages": to_unit(result["stages"].numpy()),
        "attention": result["attention"].numpy(),
    }


def _decoded(images: np.ndarray) -> np.ndarray:
    """PNG files as float32 `[b, size, size, 3]` in [0, 1]."""
    pixels = [tf.io.decode_png(content).numpy() for content in images]
    return np.stack(pixels).astype(np.float32) / 255


def _table(differences: dict[tuple[str, str], float]) -> str:
    lines = [f"{'signature':17}{'output':13}{'largest':>9}{'allowed':>9}"]
    for (signature, output), value in differences.items():
        bound = BOUNDS[output]
        lines.append(
            f"{signature:17}{output:13}{value:9.1e}{bound:9.1e}"
            f"{'' if value <= bound else '  FAILED'}"
        )
    return "\n".join(lines)
