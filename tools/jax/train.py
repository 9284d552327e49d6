"""Trains under Keras's JAX backend, on a machine without TensorFlow.

    KERAS_BACKEND=jax python -m tools.jax.train --flagfile=RECIPE.flags \
        --data=FILE.npz --out=DIR --minutes=8

does both phases of `efgan_tf.train` on a file of `tools.jax.pack` and writes
the averaged weights to --out, for `tools.jax.import_weights`. It cannot be
resumed. --run_dir, --data_dir, --strategy, --checkpoint_minutes and the like
mean nothing here.
"""

import dataclasses
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import check_at_least, option, require


@dataclasses.dataclass(frozen=True)
class DeviceConfig:
    """How a run is carried out on the device."""

    data: str = option("", "file of tools.jax.pack")
    out: str = option("", "folder for weights, metrics and sample sheets")
    minutes: float = option(
        0.0,
        "from the start of the program until the weights are written, at most; "
        "0: no limit. The rates' fall is moved forward to fit",
    )
    phase1_minutes: float = option(
        0.0, "steps of phase 1, without compilation, at most; 0: no limit"
    )
    chunk: int = option(50, "steps of one call of the compiled function")
    compilation_cache: str = option(
        "", "folder in which JAX keeps what it compiled"
    )
    compile_ahead: bool = option(True, "compile phase 2 while phase 1 trains")

    def __post_init__(self):
        check_at_least(self, 0, "minutes", "phase1_minutes")
        check_at_least(self, 1, "chunk")
        require(bool(self.data), "--data must name a file of tools.jax.pack")
        require(bool(self.out), "--out must name a folder")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    start = time.monotonic()
    settings = config.from_flags(values)
    device = config.from_flags(values, DeviceConfig)
    _check_supported(settings)
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax

    if device.compilation_cache:
        jax.config.update("jax_compilation_cache_dir", device.compilation_cache)
    import keras

    require(
        keras.backend.backend() == "jax",
        f"KERAS_BACKEND is {keras.backend.backend()}; set it to jax",
    )
    from tools.jax.run import Run

    with ThreadPoolExecutor(1) as pool:
        Run(settings, device, start, pool).run()


def _check_supported(settings: config.Config) -> None:
    train = settings.train
    require(
        train.precision != "mixed_float16",
        "--precision=mixed_float16 is not supported here; mixed_bfloat16 is",
    )
    require(
        not train.critic_augment and settings.model.critic_norm == "none",
        "--critic_augment and --critic_norm are not supported here",
    )
    require(not train.init_from, "--init_from is not supported here")
    require(not settings.data.mix, "--dataset=mixed is not supported here")
    require(
        train.phase1_kimg > 0 and train.phase2_kimg > 0,
        "both phases are trained here: --phase1_kimg and --phase2_kimg must "
        "be greater than 0",
    )


if __name__ == "__main__":
    sys.exit(commands.run(main, config.Config, DeviceConfig))
