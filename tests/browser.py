"""A real browser for tests of pages: headless Chromium, driven by Playwright.

Tests ask for `visit`, which opens pages; the browser is the machine's own
(Debian's package `chromium`), since Playwright's takes a download.
"""

import shutil
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What the browser's program may be called."""

DESKTOP = (1280, 900)
PHONE = (390, 844)
"""Width and height of a window, in CSS pixels."""

HERE = "127.0.0.1"
"""Pages are served here and may ask nobody else."""

_PATIENCE = 120_000  # milliseconds: the machine may be busy

# Names are not resolved and other addresses not called, whoever asks: pages,
# their workers, or the browser itself.
_OPTIONS = (
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HERE}",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",  # a webcam that shows a test card
)


def _watch(page, problems: list[str]) -> None:
    """Collects errors on the console, exceptions and requests that failed.

    Requests for anybody but `HERE` are problems as well. One line each.
    """

    def console(message):
        if message.type == "error":
            problems.append(f"console: {message.text}")

    def asked(sent):
        parts = urlsplit(sent.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != HERE:
            problems.append(f"asked outside: {sent.url}")

    def failed(request):
        # Aborted by the page itself: streams that end, downloads that begin.
        if request.failure != "net::ERR_ABORTED":
            problems.append(f"failed: {request.url} ({request.failure})")

    def answered(response):
        if response.status >= 400:
            problems.append(f"status {response.status}: {response.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("request", asked)
    page.on("websocket", asked)
    page.on("requestfailed", failed)
    page.on("response", answered)


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


@pytest.fixture
def visit(chromium):
    """`visit(url, size=DESKTOP, **options)` opens a page and returns it.

    Each is in a window of its own; options are those of Playwright's
    `Browser.new_context`. In the end none may have had a problem.
    """
    contexts, problems = [], []

    def open_page(url: str, size=DESKTOP, **options):
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height}, **options
        )
        contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        _watch(page, problems)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)
