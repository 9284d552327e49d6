"""Faces with action units: prepared, stored, and drawn in batches."""

from efgan_tf.data.prepared_faces import Faces, FacesPart
from efgan_tf.data.store import (
    Prepared,
    describe,
    load_faces,
    load_parts,
    prepare,
)

__all__ = [
    "Faces",
    "FacesPart",
    "Prepared",
    "describe",
    "load_faces",
    "load_parts",
    "prepare",
]
