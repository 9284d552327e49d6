"""The numbered folders of a model, as far as they are complete."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

MODEL_FILE = "saved_model.pb"

_LARGEST = 2**63 - 1  # of the field in the messages


@dataclasses.dataclass(frozen=True)
class Policy:
    """Which of the versions to load; all of them by default.

    Attributes:
      latest: only so many with the highest numbers.
      specific: only these.
    """

    latest: int | None = None
    specific: frozenset[int] | None = None

    def choose(self, versions: Iterable[int]) -> set[int]:
        """Those of the versions that are wanted."""
        chosen = sorted(versions)
        if self.specific is not None:
            chosen = [v for v in chosen if v in self.specific]
        if self.latest is not None:
            chosen = chosen[-self.latest :]
        return set(chosen)


NONE = Policy(specific=frozenset())
"""The policy of a model that is not served any more."""


def find_versions(folder: Path) -> dict[int, Path]:
    """Version → folder, of those that hold a model.

    Folders with other names than plain numbers are ignored, and those that
    `MODEL_FILE` is missing in: somebody is still writing them.

    Raises:
      OSError: the folder cannot be read.
    """
    return {
        int(entry.name): entry
        for entry in folder.iterdir()
        if entry.name.isascii()
        and entry.name.isdecimal()
        and int(entry.name) <= _LARGEST
        and (entry / MODEL_FILE).is_file()
    }


def fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes while somebody writes to a folder: names, sizes, times."""
    paths = [
        os.path.join(parent, name)
        for parent, folders, files in os.walk(folder)  # skips what has gone
        for name in folders + files
    ]
    found = []
    for path in sorted(paths):
        try:
            status = os.stat(path)
        except OSError:  # it has gone in between
            continue
        found.append((path, status.st_size, status.st_mtime_ns))
    return tuple(found)
