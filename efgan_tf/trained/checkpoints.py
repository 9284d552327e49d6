"""Checkpoints that survive: whole, verified, a few of them.

Each is a folder `checkpoints/phase1_00000120` with TensorFlow's checkpoint of
every variable (networks, average, optimizer slots, loss scale) and
`checkpoint.json`: where in the run it is, and size and CRC-32 of each file.
It is written under another name and renamed, so that a crash or a full disk
cannot leave half of one; a damaged one is recognized and passed over.

The end of phase 1 stays for good: other runs start from it (`--init_from`).
"""

import dataclasses
import json
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from efgan_tf.common.errors import UserError, as_user_error
from efgan_tf.common.outputs import atomic_folder

_MANIFEST = "checkpoint.json"


@dataclasses.dataclass(frozen=True)
class Position:
    """Where in a run a checkpoint is.

    Attributes:
      phase: 1 or 2.
      step: generator updates done in that phase.
      images: images seen by the critics since the start of the run.
    """

    phase: int
    step: int
    images: int


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they are; made at the first save.
      keep: how many stay; older ones are deleted after a save, but for the last
      of phase 1.
    """

    def __init__(self, folder: Path, keep: int):
        self.folder = folder
        self.keep = keep

    def save(self, position: Position, objects: Mapping[str, object]) -> Path:
        """Writes a checkpoint of `objects`; deletes those beyond `keep`.

        Newer ones go too: a run goes back only past damaged ones.

        Raises:
          UserError: it cannot be written (the disk is full, say); what
            existed before is untouched.
        """
        path = self._path(position.phase, position.step)
        with (
            as_user_error(f"earlier checkpoints are safe; cannot save {path}"),
            atomic_folder(path, overwrite=True) as folder,
        ):
            tf.train.Checkpoint(**objects).write(str(folder / "variables"))
            files = {
                file.name: _fingerprint(file)
                for file in sorted(folder.iterdir())
            }
            manifest = {**dataclasses.asdict(position), "files": files}
            (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2))
        for newer in [found for found in self.paths() if found > path]:
            shutil.rmtree(newer)
        phase_1 = sorted(self.folder.glob("phase1_*"))
        for old in self.paths()[: -self.keep]:
            if old not in phase_1[-1:]:
                shutil.rmtree(old)
        return path

    def latest(self) -> tuple[Path, Position, list[str]] | None:
        """The newest checkpoint that is whole, or None without any.

        Returns:
          Its folder, its position, and a line for each damaged newer one.

        Raises:
          UserError: there are checkpoints, but none of them is whole.
        """
        problems: list[str] = []
        for path in reversed(self.paths()):
            try:
                return path, _verify(path), problems
            except ValueError as error:
                problems.append(f"{path}: {error}")
        if problems:
            raise UserError(
                f"no checkpoint in {self.folder} can be read: "
                + "; ".join(problems)
            )
        return None

    def at(self, phase: int, step: int) -> tuple[Path, Position] | None:
        """Folder and position of a certain checkpoint, or None without it.

        Raises:
          UserError: it is damaged.
        """
        path = self._path(phase, step)
        if not path.exists():
            return None
        try:
            return path, _verify(path)
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error

    def restore(self, path: Path, objects: Mapping[str, object]) -> None:
        """Restores every variable of `objects`; the checkpoint may hold others.

        Raises:
          UserError: the checkpoint is of other networks.
        """
        checkpoint = tf.train.Checkpoint(**objects)
        try:
            status = checkpoint.read(str(path / "variables"))
            status.expect_partial().assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(
                f"{path} does not fit these networks: {first}"
            ) from error

    def paths(self) -> list[Path]:
        """Checkpoint folders, oldest first."""
        return sorted(self.folder.glob("phase[0-9]_[0-9]*"))

    def _path(self, phase: int, step: int) -> Path:
        return self.folder / f"phase{phase}_{step:08}"

    def sweep(self) -> None:
        """Deletes what a killed process left of an unfinished save."""
        for pattern in (".phase*", ".efgan-*"):
            for leftover in self.folder.glob(pattern):
                # What was being replaced is put back by `outputs`.
                if not leftover.name.endswith(".old"):
                    shutil.rmtree(leftover)


def _verify(path: Path) -> Position:
    """The checkpoint's position, once its files are as they were written."""
    try:
        manifest = json.loads((path / _MANIFEST).read_text())
        files = manifest.pop("files")
        position = Position(**manifest)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("its checkpoint.json cannot be read") from None
    for name, expected in files.items():
        file = path / name
        if not file.is_file():
            raise ValueError(f"{name} is missing")
        if file.stat().st_size != expected["size"]:
            raise ValueError(f"{name} is truncated")
        if _fingerprint(file) != expected:
            raise ValueError(f"{name} is damaged")
    return position


def _fingerprint(path: Path) -> dict[str, int]:
    crc, size = 0, 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            crc, size = zlib.crc32(block, crc), size + len(block)
    return {"size": size, "crc32": crc}
