"""The six signatures of an exported model, which share one graph.

| key | inputs | outputs |
|---|---|---|
| `serving_default` | `image`, `action_units` | `image` |
| `edit_from` | `image`, `source_action_units`, `action_units` | `image` |
| `edit_bytes` | `image_bytes`, `action_units` | `image_bytes` |
| `stages` | `image`, `action_units` | `image`, `stages`, `attention` |
| `stages_from` | as `edit_from` | `image`, `stages`, `attention` |
| `estimate` | `image` | `action_units` |

`image` is float32 `[b, size, size, 3]` in [0, 1], an aligned face, and
`action_units` float32 `[b, 17]`, 0–5. `image_bytes` is a string `[b]`: in, a
JPEG or PNG of an aligned face (square, of up to 2048 pixels a side, resized
where needed); out, a PNG. `stages` is `[b, K, size, size, 3]` in [0, 1],
`attention` `[b, K, size, size, 1]` in [0, 1], after each stage, of all stages
up to it together. Where the source's units are needed and not given, the
estimator finds them in the graph.

TF Serving checks neither shapes nor values, so the graph does, and refuses with
INVALID_ARGUMENT: other shapes, an empty batch, batches of different sizes,
values that are not finite, units beyond 0–5, and images beyond [0, 1] (by more
than `TOLERANCE`, which is clipped; images in 0–255 or [-1, 1] would give wrong
results without an error).
"""

import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.common.images import to_unit
from efgan_tf.trained.network import TrainedNetwork

TOLERANCE = 1e-3
"""How far rounding may take an image beyond [0, 1], or a unit beyond 0–5."""

MAX_BYTES = 16 * 2**20
"""Of one encoded image."""

MAX_SIDE = 2048
"""In pixels, of one encoded image: 12 MB once it is decoded."""

# A PNG's first chunk must be its header, or its sides are not at byte 16.
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff"


class Signatures(tf.Module):
    """The functions of one model, ready for `tf.saved_model.save`.

    It holds the variables themselves and not the Keras models, with which
    every weight would be written twice.

    Args:
      trained: the model.

    Attributes:
      cascade: images, source and target units → `"stages"`, `"attention"`, in
        the networks' scales. The signatures are made of it, and
        `efgan_tf.trained.saved_models` calls it.
      estimator: images → units, likewise.
    """

    def __init__(self, trained: TrainedNetwork):
        super().__init__(name="efgan")
        self._weights = [
            variable.value for variable in trained.keras_model.variables
        ]
        self._size = trained.info.model.image_size
        self._au_mask = trained.info.au_mask
        self._image = tf.TensorSpec(
            (None, self._size, self._size, 3), tf.float32, "image"
        )
        self.cascade = trained.cascade_function("stages", "attention")
        self.estimator = trained.estimator_function()

    def functions(self) -> dict[str, tf.types.experimental.PolymorphicFunction]:
        """The signatures by their keys."""
        image, units = self._image, _units("action_units")
        source = _units("source_action_units")
        encoded = tf.TensorSpec((None,), tf.string, "image_bytes")
        inputs = {
            "serving_default": (self._edit, [image, units]),
            "edit_from": (self._edit_from, [image, source, units]),
            "edit_bytes": (self._edit_bytes, [encoded, units]),
            "stages": (self._stages, [image, units]),
            "stages_from": (self._stages_from, [image, source, units]),
            "estimate": (self._estimate, [image]),
        }
        return {
            key: tf.function(function, input_signature=specs)
            for key, (function, specs) in inputs.items()
        }

    def _edit(self, image, action_units):
        return {"image": self._stages(image, action_units)["image"]}

    def _edit_from(self, image, source_action_units, action_units):
        result = self._stages_from(image, source_action_units, action_units)
        return {"image": result["image"]}

    def _edit_bytes(self, image_bytes, action_units):
        image = tf.map_fn(
            self._decoded,
            tf.ensure_shape(image_bytes, (None,)),
            fn_output_signature=tf.TensorSpec(self._image.shape[1:]),
        )
        edited = self._edit(image, action_units)["image"]
        pixels = tf.cast(tf.round(edited * 255), tf.uint8)
        return {"image_bytes": tf.io.encode_png(pixels)}

    def _stages(self, image, action_units):
        image, target = self._checked(image, action_units=action_units)
        return self._run(image, self.estimator(image), target)

    def _stages_from(self, image, source_action_units, action_units):
        return self._run(
            *self._checked(
                image,
                source_action_units=source_action_units,
                action_units=action_units,
            )
        )

    def _estimate(self, image):
        (image,) = self._checked(image)
        return {"action_units": action_units.denormalize(self.estimator(image))}

    def _run(self, image, source, target):
        """The cascade on checked inputs, its results in the public scale."""
        # Units that were not learned stay as they are.
        target = tf.where(self._au_mask > 0, target, source)
        result = self.cascade(image, source, target)
        stages = tf.clip_by_value(to_unit(result["stages"]), 0.0, 1.0)
        return {
            "image": stages[:, -1],
            "stages": stages,
            "attention": result["attention"],
        }

    def _checked(self, image, **units):
        """Inputs in the networks' scales, after the checks.

        Args:
          image: as given to the signature.
          **units: vectors of units by the names of their inputs.

        Returns:
          `[image, *units]`.
        """
        image = tf.ensure_shape(image, self._image.shape)
        count = tf.shape(image)[0]
        checks = [
            _asserted(count > 0, "the batch is empty"),
            _within(image, 1.0, "image"),
        ]
        for name, vector in units.items():
            vector = tf.ensure_shape(vector, (None, action_units.COUNT))
            checks += [
                _asserted(
                    tf.shape(vector)[0] == count,
                    f"image and {name} differ in their batch dimension",
                ),
                _within(vector, action_units.MAX_INTENSITY, name),
            ]
        with tf.control_dependencies(checks):
            return [
                2 * tf.clip_by_value(image, 0.0, 1.0) - 1,
                *[
                    tf.clip_by_value(action_units.normalize(vector), 0.0, 1.0)
                    for vector in units.values()
                ],
            ]

    def _decoded(self, image_bytes):
        """One JPEG or PNG as float32 `[size, size, 3]` in [0, 1].

        A small file can unfold into gigabytes: its header is read first.
        """
        short = _asserted(
            tf.strings.length(image_bytes) <= MAX_BYTES,
            f"image_bytes is longer than {MAX_BYTES} bytes",
        )
        with tf.control_dependencies([short]):
            sides = _sides(image_bytes)
        checks = [
            _asserted(
                sides[0] == sides[1],
                "image_bytes is not square, so not an aligned face",
            ),
            _asserted(
                tf.reduce_all((sides > 0) & (sides <= MAX_SIDE)),
                f"image_bytes has more than {MAX_SIDE} pixels a side",
            ),
        ]
        with tf.control_dependencies(checks):
            # The one decoder whose result has three axes for every format.
            pixels = tf.io.decode_image(
                image_bytes, channels=3, expand_animations=False
            )
        image = tf.cast(pixels, tf.float32) / 255
        side = (self._size, self._size)
        return tf.image.resize(image, side, antialias=True)


def _sides(image_bytes):
    """The sides that the header of a JPEG or PNG gives, int32 `[2]`.

    A PNG's first chunk is its header, with the sides at byte 16 (ISO 15948).
    """
    is_png = tf.strings.substr(image_bytes, 0, len(_PNG)) == _PNG
    is_jpeg = tf.strings.substr(image_bytes, 0, len(_JPEG)) == _JPEG
    known = _asserted(
        is_png | is_jpeg, "image_bytes is neither a JPEG nor a PNG"
    )

    def of_png():
        header = tf.strings.substr(image_bytes, 16, 8)
        return tf.io.decode_raw(header, tf.int32, little_endian=False)

    def of_jpeg():
        return tf.image.extract_jpeg_shape(image_bytes)[:2]

    with tf.control_dependencies([known]):
        return tf.ensure_shape(tf.cond(is_png, of_png, of_jpeg), [2])


def _units(name):
    return tf.TensorSpec((None, action_units.COUNT), tf.float32, name)


def _asserted(condition, message):
    return tf.debugging.Assert(condition, [message])


def _within(values, largest, name):
    """Asserts that values lie within 0 and `largest`; NaN does not."""
    inside = tf.abs(values - largest / 2) <= largest / 2 + TOLERANCE
    return _asserted(
        tf.reduce_all(inside),
        f"{name} must be finite and within 0 and {largest:g}",
    )
