"""Faces with action units: prepared, stored, and drawn in batches."""

from efgan_tf.data.samples import Faces
from efgan_tf.data.store import Prepared, describe, load_faces, prepare

__all__ = ["Faces", "Prepared", "describe", "load_faces", "prepare"]
