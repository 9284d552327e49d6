"""Options of the local server."""

import dataclasses
from pathlib import Path

from efgan_tf.common.options import (
    check_at_least,
    check_finite,
    option,
    require,
)


@dataclasses.dataclass(frozen=True)
class ServeConfig:
    """What to serve, where, and within which limits."""

    model_dir: str = option("", "folder of the numbered versions")
    model_name: str = option(
        "", "name that clients use (default: the folder's name)"
    )
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0: any")
    port: int = option(8500, "of gRPC; 0 picks a free one")
    poll_seconds: float = option(1.0, "between looks for new versions")
    max_requests: int = option(
        128, "requests in flight; further ones get RESOURCE_EXHAUSTED"
    )
    max_message_mb: int = option(64, "size of a request in MiB")
    max_image_pixels: int = option(
        4096 * 4096, "of all encoded images of one request together"
    )
    grace_seconds: float = option(
        30.0, "how long requests in flight may take when the server ends"
    )

    def __post_init__(self):
        check_finite(self)
        require(
            bool(self.model_dir),
            "give --model_dir=FOLDER, which holds the versions 1, 2, …",
        )
        require(
            0 <= self.port < 65536,
            f"--port={self.port} must be within 0 and 65535",
        )
        check_at_least(self, 0.05, "poll_seconds")
        check_at_least(
            self, 1, "max_requests", "max_message_mb", "max_image_pixels"
        )
        check_at_least(self, 0, "grace_seconds")
        require(
            self.max_message_mb < 2048,
            f"--max_message_mb={self.max_message_mb} must be below 2048",
        )

    @property
    def name(self) -> str:
        """What clients call the model."""
        return self.model_name or Path(self.model_dir).resolve().name
