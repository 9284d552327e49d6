"""The cascade: a large change of expression in several small steps.

Stage k edits the result of stage k-1 towards
`y_k = y_src + k/K · (y_tgt - y_src)`, with weights of its own.
"""

import keras
from keras import layers

from efgan_tf.action_units import COUNT
from efgan_tf.config import ModelConfig
from efgan_tf.models.generator import build_efgan
from efgan_tf.models.layers import CombineAttention, InterpolateUnits


def build_cascade(
    config: ModelConfig, stages: int | None = None
) -> keras.Model:
    """K EF-GANs, one after the other.

    Args:
      config: shape of the networks.
      stages: how many are built, `config.stages` if not said. Fewer stages
        make larger steps: K' of them go k/K' of the way each.

    Returns:
      `{"image": [b, size, size, 3], "source_action_units": [b, 17],
      "target_action_units": [b, 17]}` → a dict of
      `"image"`: the last stage's;
      `"attention"`: of all stages together;
      `"stages"`: a list of K dicts as `build_efgan` returns them, each with
      `"action_units"`, the stage's target y_k.
      The stages are the submodels `stage_1` … `stage_K`.
    """
    count = config.stages if stages is None else stages
    size = config.image_size
    image = keras.Input((size, size, 3), name="image")
    source = keras.Input((COUNT,), name="source_action_units")
    target = keras.Input((COUNT,), name="target_action_units")
    targets = InterpolateUnits(
        stages=count, dtype="float32", name="stage_action_units"
    )(source, target)
    outputs, x, before = [], image, source
    for stage, stage_target in enumerate(targets, start=1):
        branch_units = stage_target
        if config.au_input == "difference":
            branch_units = layers.Subtract(
                dtype="float32", name=f"stage_{stage}_difference"
            )([stage_target, before])
        efgan = build_efgan(config, name=f"stage_{stage}")
        result = efgan({"image": x, "action_units": branch_units})
        outputs.append({**result, "action_units": stage_target})
        x, before = result["image"], stage_target
    attention = CombineAttention(dtype="float32", name="attention")(
        [result["attention"] for result in outputs]
    )
    return keras.Model(
        {
            "image": image,
            "source_action_units": source,
            "target_action_units": target,
        },
        {"image": x, "attention": attention, "stages": outputs},
        name="cascade",
    )


def stage_models(cascade: keras.Model) -> list[keras.Model]:
    """The EF-GANs of a cascade, first to last."""
    count = cascade.get_layer("stage_action_units").stages
    return [cascade.get_layer(f"stage_{k + 1}") for k in range(count)]


def initialize_stages(cascade: keras.Model, trained: keras.Model) -> None:
    """Gives every stage the weights of one trained EF-GAN.

    The authors report that a cascade does not train from scratch; phase 1
    trains a single EF-GAN, and this begins phase 2.

    Args:
      cascade: of any number of stages, changed in place.
      trained: an EF-GAN or a cascade of one stage, of the same shape.

    Raises:
      ValueError: `trained` has several stages or another shape.
    """
    stages = stage_models(cascade)
    weights = trained.get_weights()
    for stage in stages:
        if [w.shape for w in stage.weights] != [w.shape for w in weights]:
            raise ValueError(
                f"{trained.name} is not one EF-GAN of the cascade's shape"
            )
        stage.set_weights(weights)
