"""Importing faces and data is quick: TensorFlow comes when it is needed."""

import subprocess
import sys

MODULES = (
    "commands", "config", "data.aligning", "data.tables", "edit",
    "faces.detection", "faces.photos", "geometry", "prepare",
    "synthesize", "synthetic.render", "train",
)  # fmt: skip


def test_importing_does_not_import_tensorflow():
    names = ", ".join(f"efgan_tf.{module}" for module in MODULES)
    code = f"import sys, {names}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
