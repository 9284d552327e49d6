"""Originals from a public host, or from clones of their repositories."""

import http.client
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from efgan_tf import __version__
from efgan_tf.common.errors import UserError
from tools.photographs.listing import Source

_ATTEMPTS = 5
_LONGEST_WAIT = 120  # seconds
_LATER = (403, 429, 500, 502, 503, 504)  # worth another attempt


class Missing(Exception):
    """The source does not have the file; says why."""


def download(address: str, source: Source, path: str, wait: float = 2) -> bytes:
    """A file at a commit from a web server.

    Args:
      address: below which OWNER/NAME/COMMIT/PATH lies.
      source: the repository and commit.
      path: of the file in it.
      wait: seconds before the second attempt; doubled before each further one.

    Raises:
      Missing: it is not there.
      UserError: the server does not answer, or asks to be left alone.
    """
    where = f"{source.repository}/{source.commit}/{path}"
    request = urllib.request.Request(
        f"{address.rstrip('/')}/{urllib.parse.quote(where)}",
        headers={"User-Agent": f"efgan_tf/{__version__}"},
    )
    problem = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(min(wait * 2 ** (attempt - 1), _LONGEST_WAIT))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {error.reason}"
            if error.code not in _LATER:
                raise Missing(problem) from error
            asked = error.headers.get("Retry-After", "")
            wait = max(wait, int(asked)) if asked.isdigit() else wait
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or repr(error)
    raise UserError(
        f"{address} does not answer ({problem}); what is done stays: run it "
        "again later, or pass --source_dir with clones"
    )


def from_clone(folder: str | Path, source: Source, path: str) -> bytes:
    """A file at a commit from a git clone at `FOLDER/OWNER/NAME`.

    What is checked out there does not matter.

    Raises:
      Missing: there is no clone, or it does not have the file.
      UserError: git is not installed.
    """
    clone = Path(folder, source.repository)
    if not clone.is_dir():
        raise Missing(f"no clone at {clone}")
    command = ["git", "-C", str(clone), "show", f"{source.commit}:{path}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UserError("--source_dir needs git; install it") from error
    if done.returncode:
        raise Missing(" ".join(done.stderr.decode(errors="replace").split()))
    return done.stdout
