"""The browser that tests use: it sees what goes wrong, and stays at home."""

import functools
import http.server
import threading

import pytest

from tests.browser import HERE, PHONE, watched

_PAGE = """<!doctype html><title>{title}</title>
<link rel="icon" href="data:,"><p id="said">before</p>
<script>document.getElementById("said").textContent = "after";</script>
{body}"""

_MISTAKES = {
    "console: on purpose": '<script>console.error("on purpose")</script>',
    "status 404: ": '<img alt="" src="absent.png">',
    "asked outside: http://example.com/": (
        '<img alt="" src="http://example.com/a.png">'
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server's address → pages `0.html`, …, one for each mistake."""
    folder = tmp_path_factory.mktemp("site")
    for index, body in enumerate(["", *_MISTAKES.values()]):
        text = _PAGE.format(title=f"page {index}", body=body)
        (folder / f"{index}.html").write_text(text)
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer((HERE, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HERE}:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_a_page_without_fault_is_opened_at_the_size_of_a_phone(visit, site):
    page = visit(f"{site}/0.html", PHONE)
    assert page.title() == "page 0"
    assert page.inner_text("#said") == "after"
    assert page.evaluate("innerWidth") == PHONE[0]


@pytest.mark.parametrize("index, problem", list(enumerate(_MISTAKES, 1)))
def test_every_mistake_of_a_page_is_seen(chromium, site, index, problem):
    with watched(chromium, PHONE) as visit:
        visit.page.goto(f"{site}/{index}.html", wait_until="load")
        visit.page.wait_for_timeout(300)
        assert any(line.startswith(problem) for line in visit.problems), (
            visit.problems
        )
