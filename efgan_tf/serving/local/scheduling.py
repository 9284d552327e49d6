"""When a request's computation runs: at once, or when a core is free."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import grpc
import numpy as np

from efgan_tf.serving.local.session import Session
from efgan_tf.serving.local.status import Refused


class Scheduler(Protocol):
    """Runs computations."""

    def run(
        self,
        session: Session,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_ms: int,
    ) -> list[np.ndarray]:
        """As `Session.run`, once it is its turn."""

    def close(self) -> None:
        """Ends what it started."""


class Direct:
    """Each request by itself, at most so many at once.

    TensorFlow Serving runs all of them at once, and each takes longer for it.

    Args:
      at_once: how many.
    """

    def __init__(self, at_once: int):
        self._free = threading.BoundedSemaphore(at_once)

    def run(
        self,
        session: Session,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_ms: int,
    ) -> list[np.ndarray]:
        """As in `Scheduler`."""
        started = time.monotonic()
        if not self._free.acquire(
            timeout=timeout_ms / 1000 if timeout_ms else None
        ):
            raise Refused(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "Timed out waiting for notification",
            )
        try:
            if timeout_ms:
                waited = int(1000 * (time.monotonic() - started))
                timeout_ms = max(1, timeout_ms - waited)
            return session.run(feeds, fetches, timeout_ms)
        finally:
            self._free.release()

    def close(self) -> None:
        """As in `Scheduler`."""
