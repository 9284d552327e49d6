"""Edits photos with a model on a server.

    python -m efgan_tf.client --server=localhost:8500 --image=photo.jpg \\
        --expression=happy --out=happy.png

The server is TensorFlow Serving, or python -m efgan_tf.serve, with an export of
python -m efgan_tf.export. Faces are detected, aligned and put back here; only
aligned faces and action units are sent. Except for --model, the flags are those
of python -m efgan_tf.edit. docs/client.md is the guide.
"""

import sys

from absl import flags

from efgan_tf import config as config_lib
from efgan_tf.commands import run
from efgan_tf.edit import edit_with
from efgan_tf.editing.editing_settings import (
    FaceConfig,
    PhotoConfig,
    ResultConfig,
    TargetConfig,
)
from efgan_tf.serving import Client
from efgan_tf.trained.remote.connection_settings import ConnectionConfig

CONFIGS = (
    ConnectionConfig,
    PhotoConfig,
    TargetConfig,
    FaceConfig,
    ResultConfig,
)


def main(values: flags.FlagValues) -> int | None:
    """Runs the command."""
    server, *settings = (
        config_lib.from_flags(values, config) for config in CONFIGS
    )
    with Client(server) as client:
        return edit_with(lambda: client.editor, *settings)


if __name__ == "__main__":
    sys.exit(run(main, *CONFIGS))
