"""Who reads action units off edited faces."""

from collections.abc import Callable

import numpy as np

from efgan_tf import action_units
from efgan_tf.editing.network import TrainedNetwork
from efgan_tf.errors import UserError
from efgan_tf.evaluation import features

Reader = Callable[[np.ndarray], np.ndarray]
"""Float32 `[n, size, size, 3]` in [-1, 1] → `[n, 17]`, 0–5."""


def load(path: str, trained: TrainedNetwork) -> tuple[Reader, str]:
    """A reader of units, and what it is, for people.

    Args:
      path: a network in a `.keras` file, such as `units.keras` of the judges
        that `efgan_tf.evaluate` trains; empty for the model's own estimator.
        Pictures are brought to its size.
      trained: the model.

    Raises:
      UserError: the file cannot be read, or is no such network.
    """
    if not path:
        told = (
            "the model's own estimator, which is no independent judge; "
            "--judge names one"
        )
        return _reader(trained.estimator), told
    network = features.load_network(path)
    features.check_input(path, network)
    if network.output_shape != (None, action_units.COUNT):
        raise UserError(
            f"--judge={path} is no judge of action units: it makes "
            f"{network.output_shape}"
        )
    return _reader(network), path


def _reader(network) -> Reader:
    return lambda images: action_units.denormalize(
        features.run_network(network, images)[0]
    )
