"""Reports how near TFLite files come to the model that they were made of.

    python -m efgan_tf.parity --model=preset:faces128 --out=phone/parity \\
        --files=phone/efgan.float16.tflite,phone/efgan.int8.tflite

Size, operations, latency (LiteRT with XNNPACK beside TensorFlow, in turns),
PSNR and largest error against the float model, and the error of the action
units, on faces that nobody trained on; as report.json and report.md.
"""

import json
import os
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands, config, outputs
from efgan_tf.serving.tflite.settings import ParityConfig


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, ParityConfig)
    outputs.check_free(Path(settings.out), settings.overwrite)
    # TensorFlow gets the cores and threads that the interpreter has.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(max(settings.threads))
    commands.quiet_tensorflow()
    from efgan_tf.serving.tflite import parity, report

    found = parity.measure(settings)
    told = report.text(found)
    with outputs.atomic_folder(settings.out, settings.overwrite) as folder:
        content = json.dumps(found, indent=2, allow_nan=False) + "\n"
        (folder / "report.json").write_text(content, "utf-8")
        (folder / "report.md").write_text(told, "utf-8")
    print(told)
    print(f"report: {Path(settings.out) / 'report.md'}")


if __name__ == "__main__":
    sys.exit(commands.run(main, ParityConfig))
