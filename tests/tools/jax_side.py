"""What `test_jax_training` has done by a process that runs Keras on JAX.

    python -m tests.tools.jax_side TASK FOLDER

reads `config.json` and `TASK_given.npz` from the folder and writes
`TASK_found.npz` there. `python -m tests.tools.jax_side train FLAGS` is
`tools.jax.train`. In either case there is no TensorFlow.
"""

import os
import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # so that importing it fails
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
# Compiled in half the time, and run once.
os.environ["XLA_FLAGS"] = (
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)

import numpy as np  # noqa: E402

from efgan_tf import commands  # noqa: E402
from efgan_tf.common import options  # noqa: E402
from efgan_tf.config import Config  # noqa: E402
from tools.jax import train  # noqa: E402


def nested(arrays, name):
    """`name/key/…` → dict by key, of arrays or (keys are numbers) lists."""
    own = {
        key.removeprefix(f"{name}/"): arrays[key]
        for key in sorted(arrays)
        if key.startswith(f"{name}/")
    }
    if not any("/" in key for key in own):
        return own
    groups: dict[str, list] = {}
    for key, array in own.items():
        groups.setdefault(key.partition("/")[0], []).append(array)
    return groups


def take_step(config, given):
    """One whole step from given weights, batches and random numbers."""
    import jax

    from tools.jax.networks import build_networks
    from tools.jax.step import make_step

    networks = build_networks(config, phase=2)
    state, metrics = jax.jit(make_step(networks, config))(
        nested(given, "state"),
        nested(given, "batches"),
        given["alpha"],
        given["usable"],
        nested(given, "schedule"),
    )
    found = {f"metrics/{name}": value for name, value in metrics.items()}
    for name, values in state.items():
        for index, value in enumerate(values):
            found[f"state/{name}/{index:04}"] = value
    return found


def edit(config, given):
    """The cascade's stages and the estimator's units, from given weights."""
    import jax
    import keras

    from tools.jax.networks import build_networks

    networks = build_networks(config, phase=2)
    trained = nested(given, "weights")
    networks.average.set_weights(trained["cascade"])
    networks.estimator.set_weights(trained["estimator"])

    @jax.jit
    def run(inputs):
        outputs = networks.average(inputs, training=False)
        return {
            "stages": keras.ops.stack(
                [stage["image"] for stage in outputs["stages"]], axis=1
            ),
            "action_units": networks.estimator(inputs["image"], training=False),
        }

    return run(nested(given, "inputs"))


def main(task: str, folder: Path) -> None:
    with np.load(folder / f"{task}_given.npz") as arrays:
        given = dict(arrays)
    config = options.from_json((folder / "config.json").read_text(), Config)
    found = {"take_step": take_step, "edit": edit}[task](config, given)
    np.savez(
        folder / f"{task}_found.npz",
        **{name: np.asarray(value) for name, value in found.items()},
    )


if __name__ == "__main__":
    if sys.argv[1] == "train":
        sys.exit(
            commands.run(
                train.main, Config, train.DeviceConfig, argv=sys.argv[1:]
            )
        )
    main(sys.argv[1], Path(sys.argv[2]))
