"""Who reads action units off edited faces."""

from collections.abc import Callable

import numpy as np

from efgan_tf import action_units
from efgan_tf.editing.network import TrainedNetwork
from efgan_tf.errors import UserError

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
    import keras

    # Imported for its layers, which Keras finds by their registered names.
    import efgan_tf.models  # noqa: F401

    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(f"--judge={path} cannot be loaded: {first}") from error
    shapes = network.input_shape, network.output_shape
    if len(shapes[0]) != 4 or shapes[1] != (None, action_units.COUNT):
        raise UserError(
            f"--judge={path} is no judge of action units: it makes "
            f"{shapes[1]} of {shapes[0]}"
        )
    return _reader(network), path


def _reader(network) -> Reader:
    side = network.input_shape[1]

    def read(images):
        if images.shape[1] != side:
            import cv2

            shrunk = [
                cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
                for image in images
            ]
            images = np.stack(shrunk)
        units = network.predict(images, batch_size=32, verbose=0)
        return action_units.denormalize(units)

    return read
