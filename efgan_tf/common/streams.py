"""What is printed reaches any terminal, file or pipe, or ends in quiet."""

import contextlib
import os
import select
import sys
from collections.abc import Callable

CLOSED_PIPE_STATUS = 141
"""What the shell reports of a program that a closed pipe has ended."""


def guarded(main: Callable[[], int]) -> int:
    """Runs a command; returns its exit status.

    Letters that the output's encoding lacks are printed as `\\u5199`. Where the
    reader of a pipe has gone (`| head`), the command ends with
    `CLOSED_PIPE_STATUS`. What is printed to a closed output goes nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed
            setattr(sys, name, open(os.devnull, "w"))
        elif hasattr(stream, "reconfigure"):  # tests have others
            stream.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        if not _silence_closed():
            raise
        return CLOSED_PIPE_STATUS


def _silence_closed() -> bool:
    """Points output that nobody reads to nowhere; whether there is any.

    Python would try it again when it ends, and complain.
    """
    found = False
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):  # it is no file
            if _has_no_reader(stream.fileno()):
                found = True
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
    return found


def _has_no_reader(number: int) -> bool:
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    lost = select.POLLERR | select.POLLHUP
    return any(events & lost for _, events in poll.poll(0))
