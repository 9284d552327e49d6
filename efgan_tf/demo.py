"""Opens a page to play with a model: photos, sliders, and what they do.

    python -m efgan_tf.demo
    python -m efgan_tf.demo --model=runs/mine --port=8080

Then open the address that it prints. Needs Gradio: pip install
'efgan_tf[demo]'. Nobody but this machine reaches the page unless --host says
so; docs/demo.md tells how to serve it to others with care.
"""

import contextlib
import dataclasses
import sys

from absl import flags

from efgan_tf import config as config_lib
from efgan_tf.commands import import_tensorflow, run
from efgan_tf.common.options import check_finite, option, require
from efgan_tf.editing.editing_settings import TrainedConfig
from efgan_tf.interface import web_server
from efgan_tf.trained.loading import needs_tensorflow


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """Who may reach the page, and with what."""

    host: str = option(
        "127.0.0.1", "address to serve at; 0.0.0.0 is every one there is"
    )
    port: int = option(7860, "port to serve at; 0: any that is free")
    max_megapixels: float = option(25.0, "larger photos are refused")
    max_upload_mb: float = option(25.0, "larger files are refused, megabytes")
    root_path: str = option(
        "", "path that a proxy in front has the page at: /faces"
    )

    def __post_init__(self):
        check_finite(self)
        require(bool(self.host), "give --host=ADDRESS, 127.0.0.1 for yourself")
        require(
            0 <= self.port <= 65535, f"--port={self.port} is not within 0-65535"
        )
        for name in ("max_megapixels", "max_upload_mb"):
            require(getattr(self, name) > 0, f"--{name} must be more than 0")
        require(
            not self.root_path or self.root_path.startswith("/"),
            f"--root_path={self.root_path} must begin with a slash",
        )


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    trained = config_lib.from_flags(values, TrainedConfig)
    config = config_lib.from_flags(values, DemoConfig)
    require(bool(trained.model), "give --model=RUN, a trained model")
    with (
        web_server.gradio_at_home(),
        web_server.listen(config.host, config.port) as listener,
    ):
        if needs_tensorflow(trained.model):
            import_tensorflow()
        print(f"loading {trained.model}", flush=True)
        page = make_page(trained.model, int(config.max_megapixels * 1e6))
        max_bytes = int(config.max_upload_mb * 2**20)  # as Gradio counts
        serving = web_server.page_server(page, max_bytes, config.root_path)
        print(
            f"open {web_server.address_of(listener)} in a browser; "
            "Ctrl-C ends it",
            flush=True,
        )
        # A server that ends when it is asked to has not failed.
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            serving.run(sockets=[listener])
    print("ended")


def make_page(model: str, max_pixels: int):
    """The `gr.Blocks` of a model that has been tried once.

    Args:
      model: what `efgan_tf.load` loads.
      max_pixels: larger photos are refused.

    Raises:
      UserError: the model cannot be loaded or does not answer.
    """
    from efgan_tf import load
    from efgan_tf.interface.page import build_page
    from efgan_tf.interface.sample_photos import SAMPLES, sample_path
    from efgan_tf.interface.session import open_photo

    editor = load(model)
    # The first edit is slow, and a model that cannot edit fails now.
    session = open_photo(editor, sample_path(next(iter(SAMPLES))), 10**6)
    session.show_preset("happy")
    session.edited()
    return build_page(editor, max_pixels)


if __name__ == "__main__":
    sys.exit(run(main, TrainedConfig, DemoConfig))
