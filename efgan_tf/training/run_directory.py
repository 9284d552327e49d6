"""A run's folder: made, recognised, and protected from another config.

config.json  flags.txt  checkpoints/  samples/  logs/  metrics.jsonl
"""

import dataclasses
from pathlib import Path

from efgan_tf import config as config_lib
from efgan_tf.config import Config
from efgan_tf.errors import UserError
from efgan_tf.outputs import atomic_file, check_writable

# Settings that say how a run is carried out, not what it computes: they may
# change when it is resumed.
_FREE = {
    "run_dir", "data_dir", "source_dir", "dry_run", "checkpoint_minutes",
    "keep_checkpoints", "log_steps", "strategy", "replicas", "sample_kimg",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Paths of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's `Config` as JSON."""
        return self.path / "config.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """Folder of the sample sheets."""
        return self.path / "samples"

    def is_new(self) -> bool:
        """Whether no run has been started here yet."""
        return not self.config.exists()

    def check(self, config: Config) -> None:
        """Raises a `UserError` unless `config` may train here.

        A folder is free if it is absent, empty, or holds what a run leaves
        that died before its first checkpoint.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--run_dir={self.path} is a file; name a folder")
        if self.is_new():
            strangers = sorted(
                entry.name
                for entry in (self.path.iterdir() if self.path.exists() else ())
                if entry != self.checkpoints
            )
            if strangers:
                raise UserError(
                    f"--run_dir={self.path} is not a run: it holds "
                    f"{', '.join(strangers[:3])} but no config.json; name "
                    "another folder"
                )
        else:
            self._check_same(config)
        check_writable(self.path)

    def _check_same(self, config: Config) -> None:
        old = config_lib.from_json(self.config.read_text(), Config)
        changed = [
            line
            for line in config_lib.differences(old, config)
            if line.partition(":")[0] not in _FREE
        ]
        if changed:
            raise UserError(
                f"--run_dir={self.path} holds a run with other settings ("
                f"{'; '.join(changed)}); go back to those or name another "
                "folder"
            )
        if not any(self.checkpoints.glob("*")):
            raise UserError(
                f"{self.checkpoints} is empty, so the run cannot go on; name "
                "another --run_dir or delete this one"
            )

    def write_config(self, config: Config) -> None:
        """Writes `config.json` and a `flags.txt` that can be fed back."""
        with atomic_file(self.path / "flags.txt") as temporary:
            lines = config_lib.flag_lines(config)
            temporary.write_text("\n".join(lines) + "\n")
        with atomic_file(self.config) as temporary:
            temporary.write_text(config_lib.to_json(config))
