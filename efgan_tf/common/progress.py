"""Progress of long work: how far, how fast, how long still."""

import sys
import time
from typing import TextIO


class Progress:
    """Prints `label 120/1000 (34.1 images/s, 0:26 left) note`.

    On a terminal it rewrites one line; elsewhere (a log file, CI) it prints a
    plain line every `seconds_between_lines`.

    Args:
      label: what is being done.
      total: how many units there are.
      unit: plural name of the unit.
      done: units that were done before (a resumed run): they do not count
        towards the rate.
      stream: where to print; standard error by default.
      seconds_between_lines: how often to print where there is no terminal.
    """

    def __init__(
        self,
        label: str,
        total: int,
        unit: str = "images",
        done: int = 0,
        stream: TextIO | None = None,
        seconds_between_lines: float = 15.0,
    ):
        self.label = label
        self.total = total
        self.unit = unit
        self.done = done
        self._start_done = done
        self._start = time.monotonic()
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._interval = 0.1 if self._terminal else seconds_between_lines
        self._last_print = self._start
        self._shown = ""  # on the terminal's current line

    @property
    def rate(self) -> float:
        """Units per second since the start; 0 before the first."""
        elapsed = time.monotonic() - self._start
        return (self.done - self._start_done) / elapsed if elapsed > 0 else 0.0

    def advance(self, count: int = 1, note: str = "") -> None:
        """Counts `count` more units and prints when it is time."""
        self.done += count
        if time.monotonic() - self._last_print >= self._interval:
            self._print(note)

    def say(self, text: str) -> None:
        """Prints `text` on a line of its own, above the progress."""
        if self._terminal:
            self._rewrite(f"{text}\n{self._shown}")
        else:
            print(text, file=self._stream, flush=True)

    def finish(self, note: str = "") -> None:
        """Prints the last state and ends the line."""
        self._print(note)
        if self._terminal:
            print(file=self._stream, flush=True)
            self._shown = ""

    def _print(self, note: str) -> None:
        self._last_print = time.monotonic()
        text = f"{self.label} {self.done}/{self.total}"
        if self.rate > 0:
            left = max(0, self.total - self.done) / self.rate
            text += f" ({self.rate:.3g} {self.unit}/s, {_clock(left)} left)"
        text += f" {note}" if note else ""
        if self._terminal:
            self._shown = text
            self._rewrite(text)
        else:
            print(text, file=self._stream, flush=True)

    def _rewrite(self, text: str) -> None:
        """Replaces the terminal's current line."""
        print(f"\r\x1b[K{text}", end="", file=self._stream, flush=True)


def say(line: str) -> None:
    """Prints a line for people on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
