"""Makes a `.keras` file of what `tools.jax.train` wrote; under TensorFlow.

    python -m tools.jax.import_weights --source=DIR --out=FILE.keras

`efgan_tf.load` and all commands with --model take the file.
"""

import dataclasses
import json
import sys
from pathlib import Path

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import options
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import option, require
from tools.jax import weights


@dataclasses.dataclass(frozen=True)
class ImportConfig:
    """What is made of which weights."""

    source: str = option("", "folder that tools.jax.train wrote")
    out: str = option("", "the file to write, ending in .keras")
    overwrite: bool = option(False, "replace a file that exists")

    def __post_init__(self):
        require(bool(self.source), "--source must name a folder")
        require(self.out.endswith(".keras"), "--out must name a .keras file")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    import_config = config.from_flags(values, ImportConfig)
    commands.quiet_tensorflow()
    from efgan_tf.trained.keras_file import write_keras

    trained = read_network(Path(import_config.source))
    path = Path(import_config.out)
    write_keras(trained, path, import_config.overwrite)
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


def read_network(folder: Path):
    """The `efgan_tf.trained.network.TrainedNetwork` of a folder, float32.

    Raises:
      UserError: a file is missing, damaged or of other networks.
    """
    from efgan_tf.models import build_cascade, build_estimator, dtype_policy
    from efgan_tf.trained.info import ModelInfo
    from efgan_tf.trained.network import TrainedNetwork, join

    try:
        run = options.from_json(
            (folder / "config.json").read_text(), config.Config
        )
        facts = json.loads((folder / "data.json").read_text())
        model = dataclasses.replace(run.model, stages=facts["stages"])
        learned = tuple(facts["learned"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder} cannot be read: {error}") from error
    arrays = weights.read(folder)
    with dtype_policy("float32"):
        cascade, estimator = build_cascade(model), build_estimator(model)
        for name, network in {
            "cascade": cascade, "estimator": estimator,
        }.items():  # fmt: skip
            try:
                network.set_weights(arrays.get(name, []))
            except ValueError as error:
                raise UserError(
                    f"{folder}: its weights do not fit its config.json: {error}"
                ) from error
        network = join(cascade, estimator, model)
    return TrainedNetwork(network, ModelInfo(model, learned))


if __name__ == "__main__":
    sys.exit(commands.run(main, ImportConfig))
