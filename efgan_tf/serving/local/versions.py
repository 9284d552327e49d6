"""The versions of a model: numbered folders, loaded as they are needed."""

import threading
from collections.abc import Callable
from pathlib import Path

from efgan_tf.common.errors import UserError
from efgan_tf.serving.exported_model import MODEL_FILE, ExportedModel
from efgan_tf.serving.local.requests import not_found

_LARGEST = 2**63 - 1  # of the field in the messages


class Versions:
    """Loads the newest version, and others when a request names them.

    Threads may share it. A version that is replaced by a newer one is dropped
    when the last request that uses it has ended.

    Args:
      name: of the model, for messages.
      folder: of the versions.
      log: gets a line for each version that is loaded or cannot be.
    """

    def __init__(self, name: str, folder: Path, log: Callable[[str], None]):
        self._name = name
        self._folder = folder
        self._log = log
        self._changing = threading.Lock()
        # Both are replaced and never changed, so that reading needs no lock.
        self._loaded: dict[int, ExportedModel] = {}
        # Version → time of its last change, and why it cannot be loaded.
        self._failed: dict[int, tuple[int, str]] = {}

    def get(self, number: int | None = None) -> tuple[int, ExportedModel]:
        """A version and its number; the newest by default.

        Raises:
          RequestError: there is none, or it cannot be loaded.
        """
        loaded = self._loaded
        if number is None:
            number = max(loaded, default=None)
        elif number not in loaded:
            folder = find_versions(self._folder).get(number)
            if folder:
                loaded = self._load(number, folder)
        if number not in loaded:
            which = "Latest" if number is None else "Specific"
            spec = self._name if number is None else f"{self._name}, {number}"
            raise not_found(f"Servable not found for request: {which}({spec})")
        return number, loaded[number]

    def states(self) -> dict[int, str]:
        """Version → why it cannot be loaded; "" where it can be asked for."""
        failed = {number: error for number, (_, error) in self._failed.items()}
        found = find_versions(self._folder)
        return {number: failed.get(number, "") for number in found}

    def refresh(self) -> None:
        """Loads the newest version, and drops those whose folder is gone."""
        found = find_versions(self._folder)
        if not self._folder.is_dir():
            return  # a disk that is gone for a moment takes nothing away
        with self._changing:
            self._loaded = {
                number: model
                for number, model in self._loaded.items()
                if number in found
            }
        for number in sorted(found, reverse=True):
            if number in self._load(number, found[number]):
                return

    def _load(self, number: int, folder: Path) -> dict[int, ExportedModel]:
        """All loaded versions, once it was tried to load this one, too."""
        with self._changing:
            if number in self._loaded:
                return self._loaded
            changed = _last_change(folder)
            if self._failed.get(number, (None,))[0] == changed:
                return self._loaded
            failed = {n: f for n, f in self._failed.items() if n != number}
            try:
                model = ExportedModel(folder)
            except UserError as error:
                self._failed = {**failed, number: (changed, str(error))}
                self._log(str(error))
            else:
                newest = number > max(self._loaded, default=-1)
                others = {} if newest else self._loaded
                self._loaded = {**others, number: model}
                self._failed = failed
                self._log(f"loaded {folder}")
            return self._loaded


def find_versions(folder: Path) -> dict[int, Path]:
    """Version → folder, of those that hold a model.

    Folders whose names are not plain numbers are ignored, and those without
    `MODEL_FILE`: they are still being written. None if there is no `folder`.
    """
    return {
        int(path.parent.name): path.parent
        for path in folder.glob(f"[0-9]*/{MODEL_FILE}")
        if path.parent.name.isascii()
        and path.parent.name.isdecimal()
        and int(path.parent.name) <= _LARGEST
    }


def _last_change(folder: Path) -> int:
    """Time of the last change below `folder`, in nanoseconds.

    Not of modification, which copies may inherit.
    """
    times = [0]
    for path in folder.rglob("*"):
        try:
            times.append(path.stat().st_ctime_ns)
        except OSError:  # it is gone by now
            continue
    return max(times)
