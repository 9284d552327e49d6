"""Makes a preset's file of a trained model, and prints its manifest's facts.

    python -m tools.make_preset --model=FILE.keras --name=faces128

Large tensors are rounded to 8 bits each and stored in half precision, which
then compresses well: every preset stays in the repository's history. The file
lands in efgan_tf/presets; manifest and card are written by hand, and then
python -m tools.make_graphs makes the graph with which it edits.
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import action_units, commands, config
from efgan_tf.common.options import option, require

_LEAST_SIZE = 1000
_AMPLIFIABLE = ("film", "difference")
FOLDER = Path(__file__).parents[1] / "efgan_tf" / "presets"


@dataclasses.dataclass(frozen=True)
class PresetConfig:
    """What is made of which model."""

    model: str = option("", "a .keras file, or a run's folder")
    name: str = option("", "of the preset")
    gains: str = option(
        "", "units to show more strongly than was trained, as AU04=1.2"
    )

    def __post_init__(self):
        require(bool(self.model and self.name), "give --model and --name")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, PresetConfig)
    commands.import_tensorflow()
    from efgan_tf.trained.keras_file import read_keras
    from efgan_tf.trained.presets import write_weights
    from efgan_tf.trained.runs import read_run

    source, path = Path(settings.model), FOLDER / f"{settings.name}.npz"
    trained = read_run(source) if source.is_dir() else read_keras(source)
    gains = action_units.parse(settings.gains)
    form = trained.info.model
    require(
        not gains or (form.au_injection, form.au_input) == _AMPLIFIABLE,
        "--gains needs a model with --au_injection=film, --au_input=difference",
    )
    amplify(trained.cascade, gains)
    for model in (trained.cascade, trained.estimator):
        model.set_weights([rounded(each) for each in model.get_weights()])
    write_weights(trained, path)
    facts = {
        "size": trained.info.model.image_size,
        "stages": trained.info.model.stages,
        "parameters": trained.keras_model.count_params(),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    print(json.dumps({settings.name: facts}, indent=2))


def amplify(cascade, gains: Mapping[str, float]) -> None:
    """Multiplies what the FiLM layers of a cascade see of units.

    With `au_input="difference"` edits change a unit by that factor more.

    Args:
      cascade: with `au_injection="film"`.
      gains: unit → factor.
    """
    for variable in cascade.weights:
        if variable.ndim == 2:  # FiLM kernels alone, `[17, 2 · channels]`
            rows = variable.numpy()
            for unit, gain in gains.items():
                rows[action_units.NAMES.index(unit)] *= gain
            variable.assign(rows)


def rounded(weights: np.ndarray) -> np.ndarray:
    """Weights in 8 bits: whole multiples, -127 to 127, of a power of two.

    Small tensors, which do not count, stay as they are.
    """
    largest = np.abs(weights).max()
    if weights.size < _LEAST_SIZE or largest == 0:
        return weights
    step = 2.0 ** np.ceil(np.log2(largest / 127))
    return np.float32(np.round(weights / step) * step)


if __name__ == "__main__":
    sys.exit(commands.run(main, PresetConfig))
