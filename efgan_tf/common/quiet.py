"""Keeps what libraries say while they start out of a command's own words."""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

# No setting silences these: they are written before settings are read. Notes
# of level I(NFO) say nothing that a user has to act on, and neither does 303,
# no CUDA driver being installed; any other error of CUDA's is shown.
_NOTES = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are"
    rb"|I\d{4} \d\d:\d\d:"
    rb"|E\d{4} \d\d:\d\d:.*failed call to cuInit: .*\(303\)"
    rb"|INFO: Created TensorFlow Lite XNNPACK delegate for CPU"
)

_lock = threading.RLock()


@contextlib.contextmanager
def start_up_notes_dropped() -> Iterator[None]:
    """Drops known notes from standard error; the rest appears at the end."""
    if sys.stderr is None:  # closed
        yield
        return
    with _lock, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            for line in held:
                if not _NOTES.match(line):
                    os.write(2, line)
