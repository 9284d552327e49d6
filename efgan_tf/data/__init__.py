"""Faces with action units: prepared, stored, and drawn in batches."""

from efgan_tf.data.prepared_faces import Faces, Part
from efgan_tf.data.store import (
    Prepared,
    describe,
    load_faces,
    load_parts,
    prepare,
)

__all__ = [
    "Faces",
    "Part",
    "Prepared",
    "describe",
    "load_faces",
    "load_parts",
    "prepare",
]
