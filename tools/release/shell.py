"""Runs the lines of a page as its reader would."""

import os
import signal
import subprocess
import time
from pathlib import Path


class Shell:
    """Where the lines of one page are typed.

    Args:
      folder: the repository's root.
      python: found first by `python`, `pip` and the commands beside it.
      minutes: most that a line may take.
    """

    def __init__(self, folder: Path, python: Path, minutes: float):
        self._seconds = 60 * minutes
        self._started: list[subprocess.Popen] = []
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        self._options = {
            "cwd": folder,
            "env": {**os.environ, "PATH": path, "PYTHONPATH": str(folder)},
            "stderr": subprocess.STDOUT,
            "start_new_session": True,
        }

    def run(self, command: str, log: Path) -> bool:
        """Runs a line to its end; whether it succeeded in time."""
        process = self._open(command, log)
        try:
            return process.wait(self._seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(process)

    def start(self, command: str, log: Path, ready: str) -> bool:
        """Starts a server; whether it said in time that it is ready."""
        process = self._open(command, log)
        self._started.append(process)
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline and process.poll() is None:
            if ready in log.read_text("utf-8", "replace"):
                return True
            time.sleep(0.5)
        return False

    def close(self) -> None:
        """Ends the servers."""
        for process in self._started:
            _end(process)

    def _open(self, command: str, log: Path) -> subprocess.Popen:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w") as output:
            return subprocess.Popen(
                ["bash", "-c", command], stdout=output, **self._options
            )


def _end(process: subprocess.Popen) -> None:
    """Ends a line with all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
    except ProcessLookupError:  # all of it has ended
        return
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
