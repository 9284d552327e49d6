"""Options of the local server."""

import dataclasses
import re
from pathlib import Path

from efgan_tf.errors import ConfigError
from efgan_tf.options import check_at_least, option, require


@dataclasses.dataclass(frozen=True)
class ServeConfig:
    """What to serve, where, and within which bounds."""

    model_dir: str = option("", "folder of the numbered versions, or of models")
    model_name: str = option("", "what clients call it; default: folder's name")
    port: int = option(8500, "of gRPC; 0 picks a free one")
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0: any")
    version_policy: str = option(
        "latest", "versions to load: latest, latest:N, all or specific:1,2"
    )
    version_labels: tuple[str, ...] = option(
        (), "names of versions, as stable=1,canary=2"
    )
    poll_seconds: float = option(1.0, "between looks for new versions")
    enable_batching: bool = option(
        False, "run requests that arrive together as one batch"
    )
    max_batch_size: int = option(16, "with batching: faces in a batch")
    batch_timeout_micros: int = option(
        2000, "with batching: how long a batch waits to be filled"
    )
    max_enqueued_batches: int = option(
        64, "with batching: batches that wait; past them UNAVAILABLE"
    )
    allowed_batch_sizes: tuple[int, ...] = option(
        (), "with batching: sizes that batches are padded to, as 1,2,4,8,16"
    )
    num_batch_threads: int = option(
        0, "batches, or requests, that run at once; 0: one for each core"
    )
    grpc_max_threads: int = option(
        64, "requests that are worked on or wait; past them RESOURCE_EXHAUSTED"
    )
    max_message_mb: int = option(64, "size of a request")
    max_image_pixels: int = option(
        25_000_000, "width times height of an encoded image, all frames"
    )
    ssl_config_file: str = option("", "keys and certificates, for TLS")
    metrics_port: int = option(
        -1, "of Prometheus metrics; 0 picks a free one; -1: none"
    )
    grace_seconds: float = option(
        30.0, "for requests in flight when the server is asked to end"
    )

    def __post_init__(self):
        require(
            bool(self.model_dir),
            "give --model_dir=FOLDER that holds the versions 1, 2, …",
        )
        check_at_least(self, 0, "port", "batch_timeout_micros", "grace_seconds")
        check_at_least(self, 0, "num_batch_threads")
        check_at_least(
            self, 1, "max_batch_size", "max_enqueued_batches",
            "grpc_max_threads", "max_message_mb", "max_image_pixels",
        )  # fmt: skip
        check_at_least(self, 0.05, "poll_seconds")
        self.labels()
        self.policy()

    @property
    def name(self) -> str:
        """What clients call the model."""
        return self.model_name or Path(self.model_dir).resolve().name

    @property
    def max_bytes(self) -> int:
        """Size of a request."""
        return self.max_message_mb * 2**20

    def labels(self) -> dict[str, int]:
        """Label → version."""
        pairs = [text.partition("=") for text in self.version_labels if text]
        for label, _, version in pairs:
            require(
                bool(label) and version.isdecimal(),
                f"--version_labels: {label}={version} is not LABEL=VERSION",
            )
        return {label: int(version) for label, _, version in pairs}

    def policy(self):
        """Which versions to load."""
        from efgan_tf.serving.local.versions import Policy

        kind, _, numbers = self.version_policy.partition(":")
        if kind == "latest" and re.fullmatch(r"[1-9]\d*|", numbers):
            return Policy(latest=int(numbers or 1))
        if self.version_policy == "all":
            return Policy()
        if kind == "specific" and re.fullmatch(r"\d+(,\d+)*", numbers):
            return Policy(specific=frozenset(map(int, numbers.split(","))))
        raise ConfigError(
            f"--version_policy={self.version_policy} is none of latest, "
            "latest:N, all, specific:1,2"
        )
