"""The layers that know where an image's regions are: cropping and stitching.

Boxes are fixed when a layer is made, so that every shape and mask is static.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from efgan_tf import geometry
from efgan_tf.models.layers import register


@register
class Crop(keras.layers.Layer):
    """The pixels inside a box.

    Args:
      box: `(top, left, height, width)` in pixels.
    """

    def __init__(self, box: tuple[int, int, int, int], **kwargs):
        super().__init__(**kwargs)
        self.box = geometry.Box(*box)

    def call(self, image):
        return geometry.crop(image, self.box)

    def get_config(self):
        return {**super().get_config(), "box": tuple(self.box)}


class _BoxLayer(keras.layers.Layer):
    """What layers that know an image's boxes have in common.

    Args:
      size: side of the image in pixels.
      boxes: region → `(top, left, height, width)` in pixels.
    """

    def __init__(
        self,
        size: int,
        boxes: Mapping[str, tuple[int, int, int, int]],
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = size
        self.boxes = {
            region: geometry.Box(*box) for region, box in boxes.items()
        }
        self.coverage = geometry.coverage(size, self.boxes)[None]

    def get_config(self):
        boxes = {region: tuple(box) for region, box in self.boxes.items()}
        return {**super().get_config(), "size": self.size, "boxes": boxes}


@register
class Stitch(_BoxLayer):
    """Puts regions back in their places; where they overlap, their mean.

    Called with a dict region → `[b, height, width, c]` and, if the rest is not
    to be 0, the whole image `[b, size, size, c]` that it is taken from.
    """

    def call(self, parts, rest=None):
        share = 1 / np.maximum(self.coverage, 1)
        total = 0.0
        if rest is not None:
            total = rest * (self.coverage == 0).astype("float32")
        for region, box in self.boxes.items():
            below = self.size - box.top - box.height
            right = self.size - box.left - box.width
            total += ops.pad(
                parts[region] * geometry.crop(share, box),
                ((0, 0), (box.top, below), (box.left, right), (0, 0)),
            )
        return total


@register
class MeanInBoxes(_BoxLayer):
    """The refiner's base: mean of global and stitched inside the boxes.

    Outside it is the global result alone: there the stitched image is the
    source, and half a source would leave a ghost of the old expression.
    """

    def call(self, whole, stitched):
        half = np.where(self.coverage > 0, np.float32(0.5), np.float32(0))
        return whole + half * (stitched - whole)
