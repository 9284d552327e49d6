"""One loaded version of a model, closed when nobody uses it any more."""

import threading
from collections.abc import Callable
from pathlib import Path

from efgan_tf.serving.local.session import Session


class Servable:
    """A model in use, by the one who loaded it at first.

    Args:
      name: of the model.
      version: its number.
      folder: of the version.
      on_closed: called once everybody has released it.

    Attributes:
      name: of the model.
      version: its number.
      session: runs it.

    Raises:
      Exception: it cannot be loaded; which one depends on what is broken.
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
        self._users = 1
        self._lock = threading.Lock()

    def hold(self) -> "Servable":
        """Keeps it open until a `release`; only for one who knows it is."""
        with self._lock:
            self._users += 1
        return self

    def release(self) -> None:
        """Gives up one use of it; the last one closes it."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self.session.close()
            self._on_closed()
