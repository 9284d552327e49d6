"""Networks that read action units off a face: the estimator and the critics."""

import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
from keras import layers

from efgan_tf import action_units, geometry
from efgan_tf.config import ModelConfig
from efgan_tf.models import (
    build_critics,
    critic_crop,
    dtype_policy,
    region_units,
)
from efgan_tf.trained.checkpoints import Checkpoints
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.run_directory import RunDirectory

ESTIMATOR = "estimator"

_FINE_SIDE = 16
"""Maps of fewer pixels a side are too coarse to tell an eye from a brow."""


@dataclasses.dataclass(frozen=True, eq=False)
class UnitReader:
    """A network that reads action units, and what it sees of a face.

    Attributes:
      name: "estimator", or "critic face", "critic eyes", …
      model: `[b, height, width, 3]` in [-1, 1] → `[b, n]`, units in 0-1; a
        chain of layers.
      units: names of the n units, in the order of the output.
      region: the part that it sees, "face" for all of it.
      boxes: region → its box, in the face's pixels.
    """

    name: str
    model: keras.Model
    units: tuple[str, ...]
    region: str
    boxes: dict[str, geometry.Box]

    @property
    def title(self) -> str:
        """As sentences say it."""
        if self.name == ESTIMATOR:
            return self.name
        whole = "whole " if self.region == "face" else ""
        return f"critic of the {whole}{self.region}"

    @property
    def stem(self) -> str:
        """As files are called."""
        return self.name.replace(" ", "_")

    def crop(self, face: np.ndarray) -> np.ndarray:
        """What it sees of a face `[size, size, 3]`."""
        return critic_crop(face[None], self.region, self.boxes)[0]

    def read(self, face: np.ndarray) -> dict[str, float]:
        """Unit → its intensity, 0–5, in a face `[size, size, 3]` in [-1, 1].

        A critic's head is linear, so it may leave that range a little.
        """
        units = self.model(self.crop(face)[None], training=False)[0]
        values = action_units.denormalize(keras.ops.convert_to_numpy(units))
        return dict(zip(self.units, map(float, values), strict=True))

    @functools.cached_property
    def last_layer(self) -> str:
        """The layer whose maps become numbers: what stands before `Flatten`.

        That is the last activation. Its convolution would not do: where an
        instance normalization follows, gradients by what is normalized sum to
        0 over each map, and Grad-CAM's weights are those sums.
        """
        names = [layer.name for layer in self.model.layers]
        (flat,) = (
            index
            for index, layer in enumerate(self.model.layers)
            if isinstance(layer, layers.Flatten)
        )
        return names[flat - 1]

    @functools.cached_property
    def fine_layer(self) -> str:
        """The deepest activation that is not coarse, for LayerCAM.

        The first one where all are.
        """
        activations = [
            layer
            for layer in self.model.layers
            if isinstance(layer, layers.LeakyReLU)
        ]
        fine = [
            layer
            for layer in activations
            if min(layer.output.shape[1:3]) >= _FINE_SIDE
        ]
        return (fine or activations[:1])[-1].name


def estimator_of(trained: TrainedNetwork) -> UnitReader:
    """The estimator of a model."""
    return UnitReader(
        ESTIMATOR,
        trained.estimator,
        action_units.NAMES,
        "face",
        trained.info.model.boxes,
    )


def critics_of(source: str) -> list[UnitReader]:
    """The critics' heads for action units; none but a run keeps critics.

    Args:
      source: where the model is.

    Raises:
      UserError: the run's checkpoint is damaged or of other networks.
    """
    path = Path(source)
    if not (path / "config.json").exists():
        return []
    run = RunDirectory(path)
    config = run.read_config().model
    checkpoints = Checkpoints(run.checkpoints, keep=1)
    found = checkpoints.latest()
    if found is None:
        return []
    with dtype_policy("float32"):
        critics = build_critics(config)
    checkpoints.restore(
        found[0], {f"critic_{name}": net for name, net in critics.items()}
    )
    return [_critic(name, net, config) for name, net in critics.items()]


def _critic(
    region: str, network: keras.Model, config: ModelConfig
) -> UnitReader:
    # Without the patches' head, a chain of layers is left.
    head = keras.Model(network.input, network.output["action_units"])
    units = tuple(action_units.NAMES[i] for i in region_units(region))
    return UnitReader(f"critic {region}", head, units, region, config.boxes)
