"""Settings of TFLite files: how they are quantised, how they are measured."""

import dataclasses

from efgan_tf.editing.presets import DEFAULT
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
        60, "tflite, int8: how many of them at most"
    )

    def __post_init__(self):
        require(bool(self.quantize), "--quantize names nothing")
        for name in self.quantize:
            require(
                name in QUANTIZATIONS,
                f"--quantize: {name!r} is none of {', '.join(QUANTIZATIONS)}",
            )
        check_at_least(self, 1, "representative_faces")


@dataclasses.dataclass(frozen=True)
class ParityConfig:
    """Which files are compared with which model, on which faces."""

    files: tuple[str, ...] = option((), "the .tflite files to measure")
    model: str = option(
        DEFAULT, "the model that they were made of: preset:NAME, run or .keras"
    )
    stages: int = option(0, "as given to the export; 0: all")
    out: str = option("", "folder of the report")
    overwrite: bool = option(False, "replace a report that is there")
    representative: str = option(
        "",
        "held-out aligned faces: a folder of pictures, an .npz with image and "
        "action_units, or rendered; empty: those that the run held out, or "
        "rendered people where there is no run",
    )
    faces: int = option(64, "how many of them at most")
    judge: str = option(
        "",
        "who reads action units off the edits: units.keras of a data set's "
        "judges (DATA_DIR/judges); empty: the model's own estimator",
    )
    threads: tuple[int, ...] = option((1, 2), "threads to time with")
    repeats: int = option(30, "how often each file is timed")

    def __post_init__(self):
        require(bool(self.files), "give --files=FILE.tflite,…")
        require(bool(self.out), "give --out=FOLDER, where the report goes")
        check_at_least(self, 0, "stages")
        check_at_least(self, 1, "faces", "repeats")
        require(
            bool(self.threads) and min(self.threads) >= 1,
            "--threads must be at least 1 each",
        )
