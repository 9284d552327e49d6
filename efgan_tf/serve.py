"""Serves an exported model on this machine, for development and tests.

    python -m efgan_tf.serve --model_dir=models/efgan

The gRPC services and status codes are TensorFlow Serving's, on the same port;
in production, run TensorFlow Serving itself (serving/README.md). A version that
is exported later is loaded while this one serves. docs/serving.md says what is
the same and what is not. Ends with status 0 on SIGTERM, once the requests in
flight are answered.
"""

import sys

from absl import flags

from efgan_tf import commands, config
from efgan_tf.serving.local.serve_settings import ServeConfig


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, ServeConfig)
    commands.import_tensorflow()
    from efgan_tf.serving.local.server import LocalServer

    print(
        "For development and tests: in production run TensorFlow Serving "
        "(serving/README.md)."
    )
    with LocalServer(settings) as server:
        print(f"serving on {server.address}", flush=True)
        try:
            server.wait()
        except SystemExit:
            # SIGTERM: a server that ends when asked to has not failed.
            print("finishing the requests in flight", flush=True)


if __name__ == "__main__":
    sys.exit(commands.run(main, ServeConfig))
