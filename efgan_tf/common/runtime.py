"""What runs networks, as this package needs it, however it is set up."""

import contextlib
import os
import sys
from collections.abc import Iterator

from efgan_tf.common.errors import UserError

# The process in which networks were first loaded, and with them their threads.
_process: int | None = None


def mark_process() -> None:
    """Marks this process as the one with networks; call before they load.

    Connections to a server count as networks, too.

    Raises:
      UserError: as `check_process`.
    """
    global _process
    check_process()
    _process = os.getpid()


def use_tensorflow() -> None:
    """Makes Keras run on TensorFlow; call before either is used.

    `KERAS_BACKEND` and `keras.json` may say otherwise, for other projects.
    GPUs' memory is allocated as it is needed, unless the user has set
    `TF_FORCE_GPU_ALLOW_GROWTH`: TensorFlow would allocate all of it at
    once, and leave none for an edit beside a training.

    Raises:
      UserError: Keras runs on something else already, or as `check_process`.
    """
    mark_process()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
        if backend != "tensorflow":
            raise UserError(
                f"Keras was imported with the backend {backend!r}, and this "
                "needs TensorFlow's: set KERAS_BACKEND=tensorflow, or import "
                "efgan_tf.common.runtime and call use_tensorflow() before Keras"
            )
    else:
        os.environ["KERAS_BACKEND"] = "tensorflow"


def check_process() -> None:
    """Raises a `UserError` in a process forked after networks were loaded.

    The threads of TensorFlow, LiteRT and gRPC are not there any more: they
    would hang for ever.
    """
    if _process not in (None, os.getpid()):
        raise UserError(
            f"process {os.getpid()} was forked after networks had been loaded "
            f"in process {_process}, and would hang: load the model in each "
            "worker instead (gunicorn without --preload), or start workers by "
            'multiprocessing.get_context("spawn")'
        )


@contextlib.contextmanager
def keras_defaults() -> Iterator[None]:
    """Builds layers as Keras does by default, then restores what was set.

    Layers of other packages follow the precision that something else is
    trained in, and the image format of `keras.json`.
    """
    import keras

    policy = keras.config.dtype_policy()
    image_format = keras.config.image_data_format()
    try:
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(image_format)
