"""Networks that metrics look through, for FID and KID above all.

Any Keras model will do. Whatever it needs of its input beyond the range
[-1, 1] (a mean to subtract, another range) it does in layers of its own.
Pictures of another size than a network's are resized, bilinearly and without
aliasing, pixel centers at halves. FID's first implementation resized another
way and had other weights: numbers compare within one implementation, never
with a paper's.
"""

import hashlib
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

# Imported for its layers, which Keras finds by their registered names.
import efgan_tf.models  # noqa: F401
from efgan_tf.common import runtime
from efgan_tf.common.errors import UserError
from efgan_tf.evaluation.metrics.image_quality import check_images

DOWNLOAD = "download"
"""Instead of a path: the weights that Keras downloads."""

UNREADABLE = (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile)
"""What Keras and NumPy raise for files that are damaged or do not fit."""

BATCH_SIZE = 32
"""Pictures that go through a network at a time."""

_INCEPTION_SIZE = 299


class FeatureNetwork:
    """Turns pictures into vectors.

    Args:
      name: what reports call it.
      model: `[n, S, S, 3]` in [-1, 1] → `[n, d]`.

    Attributes:
      name: as given.
      sha256: digest of the weights, whatever file they came from.

    Raises:
      UserError: the model takes or gives something else.
    """

    def __init__(self, name: str, model: keras.Model):
        check_input(name, model)
        if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
            raise UserError(
                f"{name} must give one vector for each picture; end it with "
                "GlobalAveragePooling2D"
            )
        self.name = name
        self.sha256 = weights_sha256(model)
        self._model = model

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """`[n, height, width, 3]` in [-1, 1] → float64 `[n, d]`."""
        return run_network(self._model, images)[0].astype(np.float64)


def inception(weights: str) -> FeatureNetwork:
    """Inception-v3 up to its last pooling, 2048 features: FID's network.

    Args:
      weights: path of a file that `load_weights` reads (Keras's own is
        `inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5`), or
        `DOWNLOAD`.

    Raises:
      UserError: the file is missing or does not fit, or there is no network.
    """
    if weights != DOWNLOAD and not Path(weights).is_file():
        raise UserError(
            f"{weights} does not exist; name Inception-v3's weights"
        )
    try:
        with runtime.keras_defaults():
            model = keras.applications.InceptionV3(
                include_top=False,
                pooling="avg",
                input_shape=(_INCEPTION_SIZE, _INCEPTION_SIZE, 3),
                weights="imagenet" if weights == DOWNLOAD else None,
            )
    except Exception as error:  # Keras raises no narrower one
        if weights != DOWNLOAD:
            raise
        raise UserError(
            f"cannot download Inception-v3's weights: {first_line(error)}; "
            "give their file by --inception_weights=PATH"
        ) from error
    if weights != DOWNLOAD:
        try:
            with warnings.catch_warnings():
                # Keras but warns of layers that a file has no weights for.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(weights)
        except (*UNREADABLE, UserWarning) as error:
            raise UserError(
                f"{weights} are no weights of Inception-v3 without its top: "
                f"{first_line(error)}"
            ) from error
    return FeatureNetwork("Inception-v3 (keras.applications)", model)


def load_network(path: str | Path) -> keras.Model:
    """A model in a `.keras` file; runs no code of the file's.

    Raises:
      UserError: missing, or damaged.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist; name a .keras file")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except UNREADABLE as error:
        raise UserError(
            f"{path} cannot be loaded: {first_line(error)}"
        ) from error


def weights_sha256(
    model: keras.Model, further: Sequence[np.ndarray] = ()
) -> str:
    """SHA-256 of the weights' shapes and float32 values, in their order.

    Names are left out: Keras counts them up within a process.
    """
    digest = hashlib.sha256()
    for array in [*model.get_weights(), *further]:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, np.float32).tobytes())
    return digest.hexdigest()


def run_network(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """A model's outputs for pictures, batch by batch.

    Args:
      model: `[n, S, S, 3]` in [-1, 1] → one or several tensors.
      images: `[n, height, width, 3]` in [-1, 1]; resized if need be.

    Returns:
      The outputs in the model's order, first axis n.

    Raises:
      ValueError: see `check_images`.
    """
    check_images(images)
    side = model.inputs[0].shape[1:3]
    sizes = side if None not in side else images.shape[1:3]
    batches = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = np.float32(images[start : start + BATCH_SIZE])
        if batch.shape[1:3] != sizes:
            batch = keras.ops.image.resize(
                batch,
                sizes,
                interpolation="bilinear",
                antialias=True,
                data_format="channels_last",
            )
        outputs = model.predict_on_batch(keras.ops.convert_to_numpy(batch))
        batches.append(keras.tree.flatten(outputs))
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def check_input(name: str | Path, model: keras.Model) -> None:
    """Raises a `UserError` unless `model` takes pictures and nothing else."""
    shape = model.inputs[0].shape
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] != 3:
        raise UserError(f"{name} must take pictures [n, S, S, 3], not {shape}")


def first_line(error: Exception) -> str:
    """What an error says, without the rest of a long message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class Lpips:
    """LPIPS by a network and its channel weights.

    The authors' numbers need their networks, as they are: for VGG16 a
    `keras.Model` from pictures through `Rescaling` to torchvision's means and
    deviations to the outputs of block1_conv2, block2_conv2, block3_conv3,
    block4_conv3 and block5_conv3, with torchvision's kernels transposed by
    (2, 3, 1, 0), saved as `.keras`; and of their `vgg.pth` an `.npz` whose
    `lin0` … `lin4` are `lin0.model.1.weight` … flattened.

    Args:
      network: path of a `.keras` model, `[n, S, S, 3]` in [-1, 1] → feature
        maps `[n, h, w, c]`, one or several.
      weights: path of an `.npz`: `lin0`, `lin1`, … of c numbers at least 0.

    Attributes:
      name: the network's file.
      sha256: digest of the network's weights and the channel weights.

    Raises:
      UserError: a file is missing, damaged, or does not fit the other.
    """

    def __init__(self, network: str | Path, weights: str | Path):
        self._model = load_network(network)
        check_input(network, self._model)
        shapes = [output.shape for output in self._model.outputs]
        if any(len(shape) != 4 for shape in shapes):
            raise UserError(f"{network} must give feature maps, not vectors")
        widths = [shape[-1] for shape in shapes]
        self._weights = _channel_weights(Path(weights), widths)
        self.name = Path(network).name
        self.sha256 = weights_sha256(self._model, self._weights)

    def __call__(self, images: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Distance of `[n, height, width, 3]` in [-1, 1] to `reference`: `[n]`.

        Raises:
          ValueError: see `check_images`.
        """
        check_images(images, reference)
        distances = []
        for start in range(0, len(images), BATCH_SIZE):  # maps are large
            maps, true_maps = (
                run_network(self._model, x[start : start + BATCH_SIZE])
                for x in (images, reference)
            )
            distances.append(lpips(maps, true_maps, self._weights))
        return np.concatenate(distances)


def _channel_weights(path: Path, widths: Sequence[int]) -> list[np.ndarray]:
    """`lin0`, `lin1`, … of an `.npz`, checked against the feature maps."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [np.ravel(file[f"lin{i}"]) for i in range(len(widths))]
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist; name LPIPS's weights"
        ) from None
    except (*UNREADABLE, AttributeError) as error:
        raise UserError(
            f"{path} cannot be loaded: {first_line(error)}"
        ) from error
    for i, (weights, width) in enumerate(zip(found, widths, strict=True)):
        if len(weights) != width or not np.all(
            (weights >= 0) & np.isfinite(weights)
        ):
            raise UserError(
                f"{path}: lin{i} must be {width} numbers, none below 0"
            )
    return found


def lpips(
    features: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> np.ndarray:
    """The distance of each picture to its reference.

    Zhang et al., "The unreasonable effectiveness of deep features as a
    perceptual metric", CVPR 2018, equation 1: at every place of every layer
    the channels are scaled to length 1; squared differences, weighted by
    channel, are averaged over the places and summed over the layers. The
    weights are those that multiply squares, as the authors' files hold them.

    Args:
      features: one `[n, h, w, c]` for each layer.
      reference: the same of the other pictures.
      weights: one `[c]` for each layer, at least 0.

    Returns:
      float64 `[n]`, at least 0; 0 for equal features.

    Raises:
      ValueError: the numbers of layers differ, or a feature is not finite.
    """
    distances = [
        np.mean((_unit(x) - _unit(y)) ** 2 @ np.float64(w), axis=(1, 2))
        for x, y, w in zip(features, reference, weights, strict=True)
    ]
    return np.sum(distances, axis=0)


def _unit(features: np.ndarray) -> np.ndarray:
    """Channels scaled to length 1; where all are 0 they stay so."""
    features = np.asarray_chkfinite(features, np.float64)
    length = np.linalg.norm(features, axis=-1, keepdims=True)
    return features / (length + 1e-10)
