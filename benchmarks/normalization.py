"""Instance normalization in half precision: error and time of two ways.

    python -m benchmarks.normalization

Statistics are float32 in both. Either the whole map is multiplied and shifted
in its own type, or in float32 and rounded once, as the networks do. Errors are
largest and root-mean-square ones, in standard deviations of the normalized
map, against float64 on the same input; times are of a layer's forward and
backward pass, the two ways in turn.
"""

import dataclasses
import statistics
import sys
import time

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import option

RATIOS = (1, 20, 100)
"""Means of a channel, in its standard deviations."""
SHAPE = (8, 64, 64, 64)
WARM_UP = 3


@dataclasses.dataclass(frozen=True)
class NormalizationConfig:
    """What is timed."""

    repeats: int = option(30, "how often each pass is timed")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, NormalizationConfig)
    commands.import_tensorflow()
    print("| type | mean / deviation | in its type | in float32 |")
    print("|---|---|---|---|")
    for dtype in ("bfloat16", "float16"):
        for ratio in RATIOS:
            errors = [_error(way, dtype, ratio) for way in _ways(dtype, 16)]
            shown = " | ".join(f"{e.max():.4f}, {_rms(e):.4f}" for e in errors)
            print(f"| {dtype} | {ratio} | {shown} |")
    print("\n| type | in its type, ms | in float32, ms | ratio |")
    print("|---|---|---|---|")
    for dtype in ("bfloat16", "float16", "float32"):
        own, wide = _seconds(dtype, settings.repeats)
        print(
            f"| {dtype} | {1000 * own:.1f} | {1000 * wide:.1f} | "
            f"{wide / own:.2f} |"
        )


def _ways(dtype: str, channels: int):
    """The two ways, as functions of a map `[b, h, w, channels]`."""
    import tensorflow as tf

    from efgan_tf.models import layers

    def in_its_type(x):
        mean, variance = tf.nn.moments(
            tf.cast(x, tf.float32), [1, 2], keepdims=True
        )
        factor = tf.math.rsqrt(variance + layers.EPSILON)
        offset = -mean * factor
        return x * tf.cast(factor, x.dtype) + tf.cast(offset, x.dtype)

    in_float32 = layers.InstanceNormalization(dtype=dtype)
    in_float32.build((None, None, None, channels))
    return in_its_type, in_float32


def _error(way, dtype: str, ratio: float):
    """Absolute errors, `[b, h, w, c]`."""
    import numpy as np
    import tensorflow as tf

    drawn = np.random.default_rng(0).normal(ratio, 1.0, (2, 64, 64, 16))
    x = tf.cast(drawn, dtype)
    exact = tf.cast(x, tf.float64).numpy()
    exact -= exact.mean((1, 2), keepdims=True)
    exact /= np.sqrt((exact**2).mean((1, 2), keepdims=True))
    return np.abs(tf.cast(way(x), tf.float64).numpy() - exact)


def _rms(errors) -> float:
    return float((errors**2).mean() ** 0.5)


def _seconds(dtype: str, repeats: int) -> list[float]:
    """Medians of the two ways' forward and backward passes."""
    import tensorflow as tf

    x = tf.cast(tf.random.stateless_normal(SHAPE, (0, 0)), dtype)

    def pass_of(way):
        @tf.function
        def both(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(tf.square(way(x)))
            return tape.gradient(y, x)

        return both.get_concrete_function(x)

    passes = [pass_of(way) for way in _ways(dtype, SHAPE[-1])]
    taken: list[list[float]] = [[], []]
    for number in range(WARM_UP + repeats):
        for times, function in zip(taken, passes, strict=True):
            start = time.perf_counter()
            function(x).numpy()
            if number >= WARM_UP:
                times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in taken]


if __name__ == "__main__":
    sys.exit(commands.run(main, NormalizationConfig))
