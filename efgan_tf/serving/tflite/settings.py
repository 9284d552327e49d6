"""Settings of TFLite files: how they are quantised, and from which faces."""

import dataclasses

from efgan_tf.options import check_at_least, option, require

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
"""In the order of their size and of what they lose.

`none`: float32. `float16`: weights in half precision, computed in half on
GPUs and in float32 elsewhere. `dynamic`: 8-bit weights, ranges of activations
found as the network runs. `int8`: 8-bit convolutions whose ranges are known
beforehand, from representative faces; normalisation stays float32.
"""


@dataclasses.dataclass(frozen=True)
class TfliteConfig:
    """What --formats=tflite makes."""

    quantize: tuple[str, ...] = option(
        ("dynamic",), "tflite: one file for each of none,float16,dynamic,int8"
    )
    representative: str = option(
        "",
        "tflite, int8: aligned faces that show the ranges of the activations: "
        "a folder of pictures or an .npz with image and action_units; "
        "rendered: made for it; empty: those that the run learned from, or "
        "rendered ones where there is no run",
    )
    representative_faces: int = option(
        100, "tflite, int8: how many of them at most"
    )

    def __post_init__(self):
        require(bool(self.quantize), "--quantize names nothing")
        for name in self.quantize:
            require(
                name in QUANTIZATIONS,
                f"--quantize: {name!r} is none of {', '.join(QUANTIZATIONS)}",
            )
        check_at_least(self, 1, "representative_faces")
