"""Importing faces and data is quick: TensorFlow comes when it is needed."""

import subprocess
import sys


def test_importing_does_not_import_tensorflow():
    code = (
        "import sys, efgan_tf.data.aligning, efgan_tf.data.tables, "
        "efgan_tf.faces.alignment, efgan_tf.faces.detection, "
        "efgan_tf.faces.photos, efgan_tf.prepare, efgan_tf.synthesize, "
        "efgan_tf.synthetic.render; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
