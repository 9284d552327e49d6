"""Stopping in good order: SIGTERM and Ctrl-C end the run after the step."""

import signal
import sys
import types
from typing import Any


class StopRequest:
    """Context in which SIGTERM and SIGINT set `requested` instead of killing.

    A second Ctrl-C interrupts at once, as usual.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        for number in self.SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: types.FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.requested:
            print("\nstopping after this step", file=sys.stderr, flush=True)
        self.requested = True
