"""Cascade and estimator as one network, which all forms of a model share."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from efgan_tf.action_units import COUNT
from efgan_tf.common.errors import UserError
from efgan_tf.config import ModelConfig
from efgan_tf.models import build_cascade, dtype_policy, stage_models
from efgan_tf.models.layers import CombineAttention
from efgan_tf.models.regions import Stitch
from efgan_tf.trained.info import ModelInfo


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network of `join` with trained weights, and what it is.

    Attributes:
      keras_model: float32; its submodels are `cascade` and `estimator`.
      info: of the model.
    """

    keras_model: keras.Model
    info: ModelInfo

    @property
    def cascade(self) -> keras.Model:
        """As `efgan_tf.models.build_cascade` makes it."""
        return self.keras_model.get_layer("cascade")

    @property
    def estimator(self) -> keras.Model:
        """As `efgan_tf.models.build_estimator` makes it."""
        return self.keras_model.get_layer("estimator")

    def cascade_function(self, *outputs: str) -> Callable:
        """Image, source, target → the named outputs of `join`, as a graph.

        Traced once for batches of every size. "branches" are named singly.
        """
        whole = self.keras_model
        named = {name: whole.output[name] for name in outputs}
        named |= named.pop("branches", {})
        model = keras.Model(whole.input, named)

        def run(image, source, target):
            inputs = {
                "image": image,
                "source_action_units": source,
                "target_action_units": target,
            }
            return model(inputs, training=False)

        return tf.function(
            run, input_signature=[self._images, self._units, self._units]
        )

    def estimator_function(self) -> Callable:
        """Image → units, as a graph, likewise."""
        return tf.function(
            lambda image: self.estimator(image, training=False),
            input_signature=[self._images],
        )

    @property
    def _images(self) -> tf.TensorSpec:
        size = self.info.model.image_size
        return tf.TensorSpec((None, size, size, 3))

    @property
    def _units(self) -> tf.TensorSpec:
        return tf.TensorSpec((None, COUNT))


def join(
    cascade: keras.Model, estimator: keras.Model, config: ModelConfig
) -> keras.Model:
    """One functional model that does everything.

    Args:
      cascade: of `build_cascade`.
      estimator: of `build_estimator`.
      config: of both.

    Returns:
      `{"image": [b, size, size, 3], "source_action_units": [b, 17],
      "target_action_units": [b, 17]}` → a dict of
      `"image"`: the result;
      `"stages"`: `[b, K, size, size, 3]`, after each stage;
      `"attention"`: `[b, K, size, size, 1]`, of all stages up to each;
      `"branches"`: branch → `[b, K, size, size, 1]`, its own attention in the
        whole image's frame;
      `"action_units"`: `[b, 17]`, the estimator's for the input image.
      Scales are the networks': [-1, 1] and 0-1.
    """
    size = config.image_size
    inputs = {
        "image": keras.Input((size, size, 3), name="image"),
        "source_action_units": keras.Input(
            (COUNT,), name="source_action_units"
        ),
        "target_action_units": keras.Input(
            (COUNT,), name="target_action_units"
        ),
    }
    result = cascade(inputs)
    stages = result["stages"]
    outputs = {
        "image": result["image"],
        "stages": keras.ops.stack([stage["image"] for stage in stages], axis=1),
        "attention": _cumulative_attention(stages),
        "branches": {
            name: _branch_attention(stages, name, config)
            for name in stages[0]["branches"]
        },
        "action_units": estimator(inputs["image"]),
    }
    return keras.Model(inputs, outputs, name="efgan")


def _cumulative_attention(stages):
    attentions = [stage["attention"] for stage in stages]
    combined = [
        CombineAttention(name=f"attention_{k}")(attentions[:k])
        for k in range(1, len(stages) + 1)
    ]
    return keras.ops.stack(combined, axis=1)


def _branch_attention(stages, name, config):
    """One branch's attention in every stage, in its place in the frame."""
    attentions = [stage["branches"][name]["attention"] for stage in stages]
    if name in config.boxes:
        # Stitching a single region puts zeros around it.
        box = {name: config.boxes[name]}
        frame = Stitch(config.image_size, box, name=f"{name}_in_frame")
        attentions = [frame({name: attention}) for attention in attentions]
    return keras.ops.stack(attentions, axis=1)


def first_stages(trained: TrainedNetwork, count: int) -> TrainedNetwork:
    """A network that has only the first `count` stages.

    They make larger steps: k of them go k/count of the way, as
    `EditingModel.edit(stages=count)` has them do.

    Raises:
      UserError: there are not so many stages.
    """
    config = trained.info.model
    if not 1 <= count <= config.stages:
        raise UserError(
            f"--stages={count}: the model has {config.stages}; name a number "
            f"from 1 to {config.stages}"
        )
    config = dataclasses.replace(config, stages=count)
    with dtype_policy("float32"):
        cascade = build_cascade(config)
        kept = stage_models(trained.cascade)[:count]
        for stage, old in zip(stage_models(cascade), kept, strict=True):
            stage.set_weights(old.get_weights())
        return TrainedNetwork(
            join(cascade, trained.estimator, config),
            dataclasses.replace(trained.info, model=config),
        )
