"""A run's folder: made, recognized, and protected from another config.

config.json  flags.txt  data.txt  units.json  metrics.jsonl
checkpoints/  samples/  logs/
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from efgan_tf import action_units
from efgan_tf.common import options
from efgan_tf.common.errors import ConfigError, UserError
from efgan_tf.common.outputs import atomic_file, check_writable
from efgan_tf.config import Config
from efgan_tf.data import Faces
from efgan_tf.trained.checkpoints import Checkpoints

MAY_CHANGE = {
    "run_dir", "data_dir", "source_dir", "face_landmarker", "dry_run",
    "checkpoint_minutes", "keep_checkpoints", "log_steps", "strategy",
    "replicas", "sample_kimg", "beam_runner", "beam_options",
    "worker_wait_minutes", "data_memory",
}  # fmt: skip
"""Settings that say how a run is carried out, not what it computes: they may
change when it is resumed, and differ from worker to worker."""


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Paths of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's `Config` as JSON."""
        return self.path / "config.json"

    @property
    def units(self) -> Path:
        """JSON of the units that the data can teach."""
        return self.path / "units.json"

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

    def read_config(self) -> Config:
        """The config of the run that is here.

        Raises:
          UserError: there is no run, or its `config.json` cannot be read.
        """
        if self.is_new():
            raise UserError(f"{self.path} is no run: it has no config.json")
        try:
            return options.from_json(self.config.read_text(), Config)
        except ConfigError as error:
            raise UserError(f"{self.config}: {error}") from error

    def check(self, config: Config) -> None:
        """Raises a `UserError` unless `config` may train here.

        A folder is free if it is absent, empty, or holds what a run leaves
        that died before its `config.json` was written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--run_dir={self.path} is a file; name a folder")
        if self.is_new():
            unknown_files = self._unknown_files()
            if unknown_files:
                raise UserError(
                    f"--run_dir={self.path} is not a run: it holds "
                    f"{', '.join(unknown_files[:3])} but no config.json; name "
                    "another folder"
                )
        else:
            self._check_same(config)
        check_writable(self.path)

    def _check_same(self, config: Config) -> None:
        changed = [
            line
            for line in _differences(self.read_config(), config)
            if line.partition(":")[0] not in MAY_CHANGE
        ]
        if changed:
            raise UserError(
                f"--run_dir={self.path} holds a run with other settings ("
                f"{'; '.join(changed)}); go back to those or name another "
                "folder"
            )
        if not Checkpoints(self.checkpoints, 1).paths():
            raise UserError(
                f"{self.checkpoints} holds no checkpoint, so the run cannot "
                "go on; name another --run_dir or delete this one"
            )

    def _unknown_files(self) -> list[str]:
        """Files that an unstarted run cannot have left."""
        found = list(self.path.iterdir()) if self.path.exists() else []
        if self.checkpoints in found:
            found.remove(self.checkpoints)
            found += self.checkpoints.iterdir()
        return sorted(
            str(entry.relative_to(self.path))
            for entry in found
            if entry.name not in ("flags.txt", "data.txt", "units.json")
            and not re.match(r"\.|phase[12]_00000000$", entry.name)
        )

    def check_data(self, *splits: Faces) -> None:
        """Raises a `UserError` unless the faces are those the run began with.

        Other faces would mean other batches, and people who were held out
        might be trained on.
        """
        if self.data_digest() != data_digest(*splits):
            raise UserError(
                f"the data has changed since --run_dir={self.path} began; "
                "bring it back, or name another folder"
            )

    def data_digest(self) -> str:
        """SHA-256 of the pictures, names and units that the run began with."""
        return (self.path / "data.txt").read_text().strip()

    def learned_units(self) -> tuple[str, ...]:
        """Names of the units that the run's data can teach.

        Older runs do not say; theirs are all 17.

        Raises:
          UserError: `units.json` cannot be read.
        """
        if not self.units.exists():
            return action_units.NAMES
        try:
            names = json.loads(self.units.read_text())["learned"]
            return tuple(map(action_units.canonical_name, names))
        except (
            UserError, ValueError, TypeError, KeyError, AttributeError,
        ) as error:  # fmt: skip
            raise UserError(f"{self.units} cannot be read: {error}") from error

    def write_config(
        self,
        config: Config,
        train: Sequence[Faces],
        held_out: Sequence[Faces] = (),
    ) -> None:
        """Writes what a run is made from, `config.json` last.

        Args:
          config: of the run.
          train: the split that it trains on, of each of its data sets.
          held_out: those that it is scored on, which must not change either.
        """
        with atomic_file(self.path / "data.txt") as temporary:
            temporary.write_text(data_digest(*train, *held_out) + "\n")
        au_mask = np.any([faces.au_mask > 0 for faces in train], axis=0)
        with atomic_file(self.units) as temporary:
            learned = [
                name
                for name, has in zip(action_units.NAMES, au_mask, strict=True)
                if has
            ]
            temporary.write_text(json.dumps({"learned": learned}) + "\n")
        with atomic_file(self.path / "flags.txt") as temporary:
            lines = options.flag_lines(config)
            temporary.write_text("\n".join(lines) + "\n")
        with atomic_file(self.config) as temporary:
            temporary.write_text(options.to_json(config))


def _differences(old: Config, new: Config) -> list[str]:
    """What differs; in a mix set by set, since their photos may have moved."""
    lines = options.differences(old, new)
    before, after = old.data.parts, new.data.parts
    same = [(part.name, part.share) for part in before] == [
        (part.name, part.share) for part in after
    ]
    if old.data.mix and new.data.mix and same:
        lines = [line for line in lines if not line.startswith("mix:")]
        for one, other in zip(before, after, strict=True):
            lines += options.differences(one.data, other.data)
    return list(dict.fromkeys(lines))


def data_digest(*splits: Faces) -> str:
    """SHA-256 of the pictures, names and units of some splits."""
    digest = hashlib.sha256()
    for faces in splits:
        for picture in faces.encoded:
            digest.update(picture)
        digest.update("\n".join(faces.filenames).encode())
        digest.update(faces.action_units.tobytes() + faces.au_mask.tobytes())
    return digest.hexdigest()
