"""A real browser for tests of pages: headless Chromium, driven by Playwright.

Tests ask for `visit`, which opens pages; the browser is the machine's own
(Debian's package `chromium`), since Playwright's takes a download.
"""

import contextlib
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What the browser's program may be called."""

DESKTOP = (1280, 900)
PHONE = (390, 844)
"""Width and height of a window, in CSS pixels."""

HERE = "127.0.0.1"
"""Pages are served here and may ask nobody else."""

# Names are not resolved and other addresses not called, whoever asks: pages,
# their workers, or the browser itself.
_OPTIONS = (
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HERE}",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",  # a webcam that shows a test card
)


class Visit:
    """A page that is open, and what it should not have done.

    Attributes:
      page: Playwright's `Page`.
      problems: errors on the console, uncaught exceptions, requests that
        failed, and those for anybody but `HERE`; one line each.
    """

    def __init__(self, page):
        self.page = page
        self.problems: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._add(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _add(self, problem: str) -> None:
        self.problems.append(problem)

    def _console(self, message) -> None:
        if message.type == "error":
            self._add(f"console: {message.text}")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != HERE:
            self._add(f"asked outside: {url}")

    def _failed(self, request) -> None:
        # Aborted by the page itself: streams that end, downloads that begin.
        if request.failure != "net::ERR_ABORTED":
            self._add(f"failed: {request.url} ({request.failure})")

    def _answered(self, response) -> None:
        if response.status >= 400:
            self._add(f"status {response.status}: {response.url}")


@pytest.fixture(scope="module")
def chromium():
    """Playwright's `Browser`; without one, the test is skipped.

    Of a module, not of the session: Playwright keeps an event loop running,
    which would be in the way of other modules' own.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    with api.sync_playwright() as playwright:
        # Without its sandbox, Playwright's default: root cannot have one, and
        # the pages are ours.
        browser = playwright.chromium.launch(
            executable_path=program, args=list(_OPTIONS)
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def watched(browser, size: tuple[int, int], **options) -> Iterator[Visit]:
    """A new page in a window of its own, closed in the end.

    Args:
      browser: of the fixture `chromium`.
      size: `DESKTOP`, `PHONE`, or another width and height.
      **options: of Playwright's `Browser.new_context`.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, **options
    )
    try:
        yield Visit(context.new_page())
    finally:
        context.close()


@pytest.fixture
def visit(chromium):
    """`visit(url, size=DESKTOP, **options)` opens a page and returns it.

    In the end none of the pages may have had a problem.
    """
    with contextlib.ExitStack() as stack:
        visits = []

        def open_page(url: str, size=DESKTOP, **options):
            visits.append(
                stack.enter_context(watched(chromium, size, **options))
            )
            visits[-1].page.goto(url)
            return visits[-1].page

        yield open_page
        problems = [line for each in visits for line in each.problems]
    assert not problems, "\n".join(problems)
