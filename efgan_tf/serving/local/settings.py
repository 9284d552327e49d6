"""Options of the local server, most of them by TensorFlow Serving's names."""

import dataclasses
import re
from pathlib import Path

from efgan_tf.options import check_at_least, check_finite, option, require

_POLICY = re.compile(r"latest(:[1-9]\d*)?|all|specific:\d+(,\d+)*")


@dataclasses.dataclass(frozen=True)
class BatchingConfig:
    """Whether and how requests that arrive together run as one batch."""

    enable_batching: bool = option(
        False, "run requests that arrive together as one batch"
    )
    max_batch_size: int = option(8, "rows in a batch")
    batch_timeout_micros: int = option(2000, "how long a batch is waited for")
    max_enqueued_batches: int = option(
        8, "batches in a queue; past them UNAVAILABLE"
    )
    allowed_batch_sizes: tuple[int, ...] = option(
        (), "sizes that batches are padded to, as 1,2,4,8"
    )
    batching_parameters_file: str = option(
        "", "instead of the sizes and times: TensorFlow Serving's file"
    )

    def __post_init__(self):
        check_at_least(self, 1, "max_batch_size", "max_enqueued_batches")
        check_at_least(self, 0, "batch_timeout_micros")
        sizes = self.allowed_batch_sizes
        require(
            not sizes
            or (
                sizes[0] > 0
                and sizes[-1] == self.max_batch_size
                and sizes == tuple(sorted(set(sizes)))
            ),
            f"--allowed_batch_sizes={','.join(map(str, sizes))} must increase "
            f"and end with --max_batch_size={self.max_batch_size}",
        )
        given = [
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        for name in given:
            require(
                self.enable_batching,
                f"--{name} is of no use without --enable_batching",
            )
            require(
                not self.batching_parameters_file
                or name in ("enable_batching", "batching_parameters_file"),
                f"--batching_parameters_file says what --{name} would; leave "
                "it out",
            )


@dataclasses.dataclass(frozen=True)
class LimitsConfig:
    """What bounds the memory and the work."""

    grpc_max_threads: int = option(
        128, "requests in work or waiting; past them RESOURCE_EXHAUSTED"
    )
    num_batch_threads: int = option(
        0, "batches, or without batching requests, run at once; 0: cores"
    )
    max_message_mb: int = option(64, "size of a request, and of an input")
    max_image_pixels: int = option(
        4096 * 4096, "of the encoded images of a request together"
    )
    grace_seconds: float = option(
        30.0, "for requests in flight when the server is to end"
    )

    def __post_init__(self):
        check_finite(self)
        check_at_least(
            self, 1, "grpc_max_threads", "max_message_mb", "max_image_pixels"
        )
        check_at_least(self, 0, "num_batch_threads", "grace_seconds")
        require(
            self.max_message_mb < 2048,
            f"--max_message_mb={self.max_message_mb}: at most 2047",
        )

    @property
    def max_bytes(self) -> int:
        """Size of a request."""
        return self.max_message_mb * 2**20


@dataclasses.dataclass(frozen=True)
class ServeConfig:
    """What to serve, and where."""

    model_dir: str = option("", "folder of the numbered versions")
    model_name: str = option("", "what clients call it; default: folder's name")
    version_policy: str = option(
        "latest", "versions to load: latest, latest:N, all or specific:1,2"
    )
    version_labels: tuple[str, ...] = option(
        (), "names for versions, as stable=1,canary=2"
    )
    model_config_file: str = option(
        "", "instead of --model_dir: TensorFlow Serving's models.config"
    )
    poll_seconds: float = option(1.0, "between looks for new versions")
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0: any")
    port: int = option(8500, "of gRPC; 0 picks a free one")
    ssl_config_file: str = option(
        "", "TensorFlow Serving's file of keys and certificates, for TLS"
    )
    metrics_port: int = option(
        -1, "of Prometheus's page; 0 picks a free one; -1: no page"
    )
    batching: BatchingConfig = BatchingConfig()
    limits: LimitsConfig = LimitsConfig()

    def __post_init__(self):
        check_finite(self)
        require(
            bool(self.model_dir) != bool(self.model_config_file),
            "give --model_dir=FOLDER, which holds the versions 1, 2, …, or "
            "--model_config_file=FILE",
        )
        for name in ("model_name", "version_policy", "version_labels"):
            given = getattr(self, name) != getattr(ServeConfig, name)
            require(
                not (self.model_config_file and given),
                f"--model_config_file says what --{name} would; leave it out",
            )
        require(
            _POLICY.fullmatch(self.version_policy) is not None,
            f"--version_policy={self.version_policy} is none of latest, "
            "latest:N, all, specific:1,2",
        )
        for label in self.version_labels:
            require(
                re.fullmatch(r"[^=]+=\d+", label) is not None,
                f"--version_labels: {label!r} is not LABEL=VERSION",
            )
        check_at_least(self, 0.05, "poll_seconds")
        for name, lowest in (("port", 0), ("metrics_port", -1)):
            number = getattr(self, name)
            require(
                lowest <= number < 65536,
                f"--{name}={number} must be within {lowest} and 65535",
            )

    @property
    def name(self) -> str:
        """What clients call the model of `model_dir`."""
        return self.model_name or Path(self.model_dir).resolve().name
