"""How TFLite files are quantized."""

import dataclasses

from efgan_tf.common.options import check_at_least, option, require

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
"""From the largest and most exact to the smallest.

`none`: float32. `float16`: weights in half precision, computed in half on
GPUs and in float32 elsewhere. `dynamic`: 8-bit weights, ranges of activations
computed as the network runs. `int8`: 8-bit convolutions whose ranges are
calibrated beforehand, on representative faces; normalization stays float32.
"""


@dataclasses.dataclass(frozen=True)
class TfliteConfig:
    """What --formats=tflite writes."""

    quantize: tuple[str, ...] = option(
        ("dynamic",), "tflite: one file for each of none,float16,dynamic,int8"
    )
    representative: str = option(
        "",
        "tflite, int8: aligned faces that show the ranges of the activations: "
        "a folder of pictures or an .npz with image and action_units; "
        "rendered: rendered people; empty: those that the run was trained on, "
        "or rendered people where there is no run",
    )
    representative_faces: int = option(
        60, "tflite, int8: how many of them at most"
    )

    def __post_init__(self):
        require(bool(self.quantize), "--quantize is empty")
        for name in self.quantize:
            require(
                name in QUANTIZATIONS,
                f"--quantize: {name!r} is none of {', '.join(QUANTIZATIONS)}",
            )
        check_at_least(self, 1, "representative_faces")
