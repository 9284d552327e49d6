"""Cascade EF-GAN in TensorFlow/Keras: facial expression editing.

    import efgan_tf

    editor = efgan_tf.load()
    edited = editor.edit("photo.jpg", expression="happy", intensity=0.8)

The commands, `python -m efgan_tf.edit` and the like, say what they do with
--help.
"""

from efgan_tf.common.errors import UserError

__all__ = ["UserError", "load"]
__version__ = "0.1.0"


def load(path="preset:photos128"):
    """An `efgan_tf.editing.editor.Editor` of a trained model.

    Args:
      path: a run's folder, a `.keras` or `.tflite` file, a SavedModel,
        `preset:NAME`, a model that comes with the package, or
        `grpc://HOST:PORT/MODEL`, one on a server.

    Raises:
      UserError: there is no model, it is damaged, it needs Keras, which does
        not run on TensorFlow, or this process was forked after networks were
        loaded.
    """
    # NumPy and the like take a moment to import; the package alone, none.
    from efgan_tf.common import runtime
    from efgan_tf.editing.editor import Editor
    from efgan_tf.trained.loading import load_model, needs_tensorflow

    if needs_tensorflow(path):
        runtime.use_tensorflow()
    else:
        runtime.mark_process()
    return Editor(load_model(path))
