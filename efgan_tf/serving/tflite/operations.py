"""The operations that a file may have: those of mobile GPUs."""

from efgan_tf.common.errors import UserError
from efgan_tf.trained.tflite.flatbuffer import Operations

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


def check(operations: Operations) -> None:
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
