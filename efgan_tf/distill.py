"""Teaches a small, fast network what a trained model makes of faces.

    python -m efgan_tf.distill --flagfile=configs/preview.flags \\
        --out=preview.keras
    python -m efgan_tf.export --model=preview.keras --formats=tflite \\
        --quantize=int8 --out=phone

The teacher edits faces of the training split to random expressions; the
student, shaped by the model's flags, learns to make the same pictures. Both
are scored on people who were held out.
"""

import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands
from efgan_tf import config as config_lib
from efgan_tf.common.outputs import check_free_file, check_writable
from efgan_tf.config import DataConfig, ModelConfig
from efgan_tf.distillation.distillation_settings import DistillConfig

CONFIGS = (DistillConfig, DataConfig, ModelConfig)


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    config, data, model = (
        config_lib.from_flags(values, cls) for cls in CONFIGS
    )
    check_free_file(Path(config.out), config.overwrite)
    check_writable(Path(config.out).parent)
    commands.import_tensorflow()
    from efgan_tf.distillation.learning import describe_scores, distill

    print(describe_scores(distill(config, data, model)))
    following = commands.next_command(
        "export",
        model=config.out,
        formats="tflite",
        quantize="int8",
        out="phone",
    )
    print(f"next: {following}")


if __name__ == "__main__":
    sys.exit(commands.run(main, *CONFIGS))
