"""How the converter is told to quantise."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

Feeds = Callable[[], Iterator[tuple[str, dict[str, Any]]]]
"""Signature and its inputs, one call after the other."""

FLOAT_OPERATIONS = (
    "MEAN", "SQUARED_DIFFERENCE", "SQUARE", "RSQRT", "SUB", "MUL", "ADD", "DIV",
    "LOG", "MAXIMUM", "MINIMUM", "LOGISTIC", "TANH",
)  # fmt: skip
"""What int8 leaves in float32: the statistics of instance normalisation, whose
small numbers eight bits cannot tell apart, and the heads' and blending's
arithmetic, where they would show as bands. Left in float32, XNNPACK also takes
the whole graph in a few pieces, which is faster."""


def quantized(
    converter: tf.lite.TFLiteConverter, quantization: str, feeds: Feeds
) -> bytes:
    """Converts, with builtin operations alone.

    Args:
      converter: of a SavedModel, with nothing set.
      quantization: one of `settings.QUANTIZATIONS`.
      feeds: inputs that int8 is calibrated with.

    Returns:
      The file's bytes.
    """
    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    converter.target_spec.supported_ops = [builtins]
    if quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization != "int8":
        return converter.convert()
    converter.representative_dataset = feeds
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        builtins,
    ]
    # The debugger is the one public way to name operations that stay float.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=feeds,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=list(FLOAT_OPERATIONS)
        ),
    )
    return debugger.get_nondebug_quantized_model()
