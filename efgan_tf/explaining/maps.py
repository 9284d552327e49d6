"""Which pixels is an action unit read from? With tf-keras-vis.

Maps are float32 `[n, height, width]` in the pixels of what a network sees, one
for each of n units, at least 0 and not normalized: 0 says that a pixel does not
matter, other values compare within a map only.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from keras import ops
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

from efgan_tf.explaining.receptive_fields import (
    Place,
    interpolation_matrices,
    place,
)
from efgan_tf.explaining.unit_readers import UnitReader

_NOISE = 0.1
"""Deviation of SmoothGrad's noise as a share of the picture's range."""

_SCORED = 24
"""Maps, those that vary most, that ScoreCAM tries: "Faster Score-CAM"."""


def smoothgrad(
    reader: UnitReader,
    face: np.ndarray,
    units: Sequence[str],
    samples: int,
    seed: int = 0,
) -> np.ndarray:
    """|d unit / d pixel|, the mean over noisy copies (Smilkov et al. 2017).

    Args:
      reader: the network.
      face: float32 `[size, size, 3]` in [-1, 1].
      units: names of those to explain.
      samples: noisy copies.
      seed: of the noise.

    Returns:
      Maps `[n, height, width]`, the largest of the three channels.
    """
    saliency = Saliency(_listed(reader.model), ReplaceToLinear())
    with _seeded(seed):
        maps = saliency(
            *_scored(reader, face, units),
            smooth_samples=samples,
            smooth_noise=_NOISE,
            normalize_map=False,
        )
    return np.asarray(maps, np.float32)


def gradcam(
    reader: UnitReader, face: np.ndarray, units: Sequence[str]
) -> np.ndarray:
    """Last maps weighted by their mean gradients (Selvaraju et al. 2017)."""
    return _weighed(Gradcam, reader.last_layer, reader, face, units)


def gradcam_plus_plus(
    reader: UnitReader, face: np.ndarray, units: Sequence[str]
) -> np.ndarray:
    """Likewise, weighing positive gradients pixel by pixel (2018)."""
    return _weighed(GradcamPlusPlus, reader.last_layer, reader, face, units)


def layercam(
    reader: UnitReader, face: np.ndarray, units: Sequence[str]
) -> np.ndarray:
    """Finer maps, each pixel weighted by its own gradient (Jiang 2021)."""
    return _weighed(Layercam, reader.fine_layer, reader, face, units)


def scorecam(
    reader: UnitReader, face: np.ndarray, units: Sequence[str]
) -> np.ndarray:
    """Last maps weighted by what is read of the face seen through each."""
    model, crop = _pairs(reader.model), reader.crop(face)[None]
    # Already in its place, so that the masks cover what the maps saw.
    last = reader.model.get_layer(reader.last_layer).output
    placed = Place(*interpolation_matrices(reader.model, reader.last_layer))
    placed(last)
    cam = Scorecam(model)
    with _quiet_keras():
        maps = [
            cam(
                _only(reader.units.index(name), len(reader.units)),
                crop,
                penultimate_layer=placed,
                seek_penultimate_conv_layer=False,
                max_N=min(_SCORED, last.shape[-1]),
                expand_cam=False,
                normalize_cam=False,
            )
            for name in units
        ]
    return np.concatenate(maps).astype(np.float32)


CAMS: dict[str, Callable[..., np.ndarray]] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "layercam": layercam,
    "scorecam": scorecam,
}
"""Method → its function: `(reader, face, units)` → maps."""


def _weighed(method, layer, reader, face, units) -> np.ndarray:
    """Maps of a method of the Grad-CAM family."""
    cam = method(_listed(reader.model), ReplaceToLinear())
    maps = cam(
        *_scored(reader, face, units),
        penultimate_layer=layer,
        # The layer is named; a search would take its convolution instead.
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    matrices = interpolation_matrices(reader.model, layer)
    return place(np.asarray(maps, np.float32), *matrices)


def _scored(reader, face, units) -> tuple[CategoricalScore, np.ndarray]:
    """A score for each unit, and as many copies of what the network sees."""
    crop = reader.crop(face)
    score = CategoricalScore([reader.units.index(name) for name in units])
    return score, np.repeat(crop[None], len(units), axis=0)


def _listed(model: keras.Model) -> keras.Model:
    """The same model, called with a list of one picture as here is done."""
    return keras.Model([model.inputs[0]], model.outputs[0])


def _pairs(model: keras.Model) -> keras.Model:
    """The model with one output `[b, 2]` for each unit.

    ScoreCAM takes the softmax of each output, for classes that exclude one
    another; units do not. The softmax of (log y, log(1 - y)) is (y, 1 - y).
    """
    units = ops.clip(model.outputs[0], 1e-6, 1 - 1e-6)
    pairs = ops.log(ops.stack([units, 1 - units], axis=-1))
    return keras.Model(
        [model.inputs[0]], [pairs[:, i] for i in range(units.shape[1])]
    )


def _only(index: int, count: int) -> list[Callable]:
    """Scores of `count` outputs of `_pairs`: one counts, the others do not."""

    def unit(pair):
        return pair[:, 0]

    def nothing(pair):
        return 0 * pair[:, 0]

    return [unit if i == index else nothing for i in range(count)]


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """tf-keras-vis draws from NumPy's global generator; it is put back."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


@contextlib.contextmanager
def _quiet_keras() -> Iterator[None]:
    """Keeps `Model.predict` from drawing progress bars."""
    before = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if before:
            keras.config.enable_interactive_logging()
