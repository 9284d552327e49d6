"""How far action units reach into an image that a fresh branch makes.

    python -m benchmarks.injection

A unit is moved over its whole range, 0 to 1. Reported is how much that changes
the color, in the outermost four pixels and in the 4×4 in the middle: the mean
over pixels, units, pictures of noise and random weights.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks import harness
from efgan_tf.models import build_branch

SIZES = (64, 128)
SEEDS = 5
EDGE = 4


def response(injection: str, size: int, seed: int) -> tuple[float, float]:
    """Mean change of the color (at the border, in the middle)."""
    keras.utils.set_random_seed(seed)
    branch = build_branch(
        size, size, 16, 4,
        injection=injection, attention_bias=-2.0, name="branch",
    )  # fmt: skip
    image = np.random.default_rng(seed).uniform(-1, 1, (1, size, size, 3))
    units = np.concatenate([np.zeros((1, 17)), np.eye(17)])
    inputs = {"image": np.repeat(image, 18, axis=0), "action_units": units}
    color = keras.ops.convert_to_numpy(branch(inputs)["color"])
    change = np.abs(color[1:] - color[:1]).mean(axis=(0, 3))
    border = np.ones((size, size), bool)
    border[EDGE:-EDGE, EDGE:-EDGE] = False
    start = (size - EDGE) // 2
    middle = change[start : start + EDGE, start : start + EDGE]
    return change[border].mean(), middle.mean()


def main() -> None:
    """Reports the changes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="", help=harness.OUT)
    report = harness.Report(parser.parse_args().out)
    rows = []
    for injection in ("concat", "film"):
        for size in SIZES:
            border, middle = np.mean(
                [response(injection, size, seed) for seed in range(SEEDS)],
                axis=0,
            )
            rows.append(
                {
                    "injection": injection, "pixels": size,
                    "border": float(border), "middle": float(middle),
                }
            )  # fmt: skip
    report.add(f"Mean change of the color, {SEEDS} draws of weights", rows, 3)
    report.write()


if __name__ == "__main__":
    main()
