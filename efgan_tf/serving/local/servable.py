"""One loaded version of a model, closed when nobody uses it any more."""

import threading
from collections.abc import Callable
from pathlib import Path

from efgan_tf.serving.local.session import Session


class Servable:
    """A model in use.

    Args:
      name: of the model.
      version: its number.
      folder: of the version.
      on_closed: called once it is retired and nobody uses it.

    Raises:
      as `Session`.
    """

    def __init__(
        self,
        name: str,
        version: int,
        folder: Path,
        on_closed: Callable[[], None],
    ):
        self.name = name
        self.version = version
        self.session = Session(folder)
        self._on_closed = on_closed
        self._users = 1  # the one who loaded it
        self._lock = threading.Lock()

    def __enter__(self) -> "Servable":
        with self._lock:
            self._users += 1
        return self

    def __exit__(self, *error) -> None:
        self.retire()

    def retire(self) -> None:
        """Gives up one use of it; the last one closes it."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self.session.close()
            self._on_closed()
