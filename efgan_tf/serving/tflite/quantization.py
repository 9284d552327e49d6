"""Converts and quantizes, with the operations that mobile GPUs run."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.trained.tflite.flatbuffer import Operations

Feeds = Callable[[], Iterator[tuple[str, dict[str, Any]]]]
"""Signature and its inputs, one call after the other."""

ALLOWED = frozenset(
    (
        "ADD", "CONCATENATION", "CONV_2D", "DEQUANTIZE", "DIV",
        "FULLY_CONNECTED", "LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MEAN",
        "MINIMUM", "MUL", "NEG", "PAD", "QUANTIZE", "RELU", "RELU_0_TO_1",
        "RESHAPE", "RSQRT", "SLICE", "SQUARE", "SQUARED_DIFFERENCE",
        "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE_CONV",
    )
)  # fmt: skip
"""A part of what both GPU delegates of LiteRT parse (`model_builder.cc` in
`tflite/delegates/gpu/common` and in `ml_drift_delegate/tflite`)."""

LARGEST_RANK = 4
"""Both delegates refuse a whole graph for one tensor of more axes."""


def check_operations(operations: Operations) -> None:
    """Raises a `UserError` if a mobile GPU could not run all of a file."""
    unknown = [name for name in operations.counts if name not in ALLOWED]
    if unknown:
        raise UserError(
            f"cannot convert to TFLite: the model needs {', '.join(unknown)}, "
            "which GPU delegates do not have"
        )
    if operations.largest_rank > LARGEST_RANK:
        raise UserError(
            "cannot convert to TFLite: a tensor has "
            f"{operations.largest_rank} axes, and GPU delegates know "
            f"{LARGEST_RANK}"
        )


INTEGER_OPERATIONS = {"CONV_2D", "TRANSPOSE_CONV"}
"""What int8 computes in integers: most weights and most of the work.

The rest stays float32. Eight bits are too few for the statistics of instance
normalization, show as bands in the results of heads and blending, and end where
the calibration ended: an intensity that none of its faces showed would be cut
off. XNNPACK then splits the graph into a few pieces.
"""

FLOAT_OPERATIONS = sorted(
    ALLOWED - INTEGER_OPERATIONS - {"QUANTIZE", "DEQUANTIZE"}
)


def quantized(
    converter: tf.lite.TFLiteConverter, quantization: str, feeds: Feeds
) -> bytes:
    """Converts, with builtin operations alone.

    Args:
      converter: of a SavedModel, with nothing set.
      quantization: one of `settings.QUANTIZATIONS`.
      feeds: inputs that int8 is calibrated on.

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
            denylisted_ops=FLOAT_OPERATIONS
        ),
    )
    return debugger.get_nondebug_quantized_model()
