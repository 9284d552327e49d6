"""The five signatures of a TFLite file, with batches of one.

| key | inputs | outputs |
|---|---|---|
| `stages` | `image`, `action_units` | `stage_1` …, `attention_1` … |
| `stages_from` | and `source_action_units` | as `stages` |
| `edit` | as `stages` | as `stages`, the last stage as `image` |
| `edit_from` | as `stages_from` | as `edit` |
| `estimate` | `image` | `action_units` |

Names, scales and meanings are those of the SavedModel's signatures
(`efgan_tf.serving.signatures`), but every shape is fixed: `image` and `stage_k`
are float32 `[1, size, size, 3]` in [0, 1], `attention_k` is
`[1, size, size, 1]`, units are `[1, 17]`, 0–5. Nothing has more than four axes
and nothing is gathered or broadcast by an operation of its own, so that GPU
delegates take the whole graph. Inputs are not checked: on a phone the app
provides them.
"""

from collections.abc import Callable

import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.common.images import from_unit, to_unit
from efgan_tf.models.layers import CombineAttention
from efgan_tf.trained.network import TrainedNetwork

EDITS = {"edit": "stages", "edit_from": "stages_from"}
"""Signature → another that it equals but for the last stage's name, `image`.
Both share one graph in the file, to save space."""


class MobileFunctions(tf.Module):
    """The functions of one model, ready for `tf.saved_model.save`.

    Args:
      trained: the model.
    """

    def __init__(self, trained: TrainedNetwork):
        super().__init__(name="efgan")
        self._weights = [
            variable.value for variable in trained.keras_model.variables
        ]
        self._cascade = _untracked(trained.cascade)
        self._estimator = _untracked(trained.estimator)
        self._au_mask = trained.info.au_mask[None]
        self._size = trained.info.model.image_size

    def functions(self) -> dict[str, tf.types.experimental.PolymorphicFunction]:
        """The signatures by their keys, but for those of `EDITS`."""
        image = tf.TensorSpec(
            (1, self._size, self._size, 3), tf.float32, "image"
        )
        target, source = map(_units, ("action_units", "source_action_units"))
        inputs = {
            "stages": (self._stages, [image, target]),
            "stages_from": (self._stages_from, [image, source, target]),
            "estimate": (self._estimate, [image]),
        }
        return {
            key: tf.function(function, input_signature=specs)
            for key, (function, specs) in inputs.items()
        }

    def _stages(self, image, action_units):
        return self._stages_from(image, self._read(image), action_units)

    def _stages_from(self, image, source_action_units, action_units):
        stages = self._run(image, source_action_units, action_units)["stages"]
        results = {}
        for k, stage in enumerate(stages, 1):
            attentions = [earlier["attention"] for earlier in stages[:k]]
            results[f"stage_{k}"] = _to_public(stage["image"])
            results[f"attention_{k}"] = CombineAttention()(attentions)
        return results

    def _estimate(self, image):
        return {"action_units": self._read(image)}

    def _read(self, image):
        units = self._estimator()(from_unit(image), training=False)
        return action_units.denormalize(units)

    def _run(self, image, source, target):
        """The cascade's outputs, for inputs in the public scales."""
        if not self._au_mask.all():
            # Units that were not learned stay as they are. Arithmetic, since
            # fewer delegates have an operation that selects.
            target = source + self._au_mask * (target - source)
        inputs = {
            "image": from_unit(image),
            "source_action_units": action_units.normalize(source),
            "target_action_units": action_units.normalize(target),
        }
        return self._cascade()(inputs, training=False)


def _untracked(model) -> Callable:
    """Hides a model from `tf.Module`, which would save its weights twice."""
    return lambda: model


def _units(name: str) -> tf.TensorSpec:
    return tf.TensorSpec((1, action_units.COUNT), tf.float32, name)


def _to_public(image):
    return tf.clip_by_value(to_unit(image), 0.0, 1.0)
