"""Importing faces and data is quick: TensorFlow comes when it is needed."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "efgan_tf.data",
        "efgan_tf.data.aligning",
        "efgan_tf.data.tables",
        "efgan_tf.faces.alignment",
        "efgan_tf.faces.detection",
        "efgan_tf.faces.photos",
        "efgan_tf.prepare",
    ],
)
def test_importing_does_not_import_tensorflow(module):
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
