"""A page whose model is on a server, and the server goes away."""

import contextlib
import threading

import pytest

from efgan_tf.editing.editor import Editor
from efgan_tf.interface import web_server
from efgan_tf.interface.sample_photos import sample_path
from efgan_tf.trained.remote.connection import Connection
from tests.browser import HERE
from tests.serving.servers import serving
from tests.trained.conftest import make_exported

EDIT = "#viewer img.edit"


@pytest.fixture
def model_server():
    """A server's address, and what ends it."""
    with contextlib.ExitStack() as running:
        served = serving(make_exported().out / "efgan")
        server, _ = running.enter_context(served)
        yield server.address, running.close


@pytest.fixture
def site(model_server, detector):
    """The address of a page that edits with the served model."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    # Long enough for a busy machine's first edit.
    model = Connection(f"grpc://{model_server[0]}/efgan", timeout=20.0).model
    with web_server.gradio_at_home(), web_server.listen(HERE, 0) as listener:
        from efgan_tf.interface.page import build_page

        page = build_page(Editor(model, detector), 10**6)
        serving = web_server.page_server(page, 10**6)
        thread = threading.Thread(target=serving.run, args=([listener],))
        thread.start()
        try:
            yield web_server.address_of(listener)
        finally:
            serving.should_exit = True
            thread.join()


def test_the_page_goes_on_without_its_model(visit, site, model_server):
    address, end = model_server
    page = visit(site)
    status = page.locator("#status p")
    page.set_input_files("#photo input[type=file]", sample_path("One person"))
    page.wait_for_selector(f"{EDIT}[src^=data]")
    page.get_by_role("button", name="Happy").click()
    status.filter(has_text="Changed: ").wait_for()
    before = page.get_attribute(EDIT, "src")
    end()
    page.get_by_role("button", name="Angry").click()
    status.filter(has_text=address).wait_for()
    assert page.get_attribute(EDIT, "src") == before
    page.get_by_role("button", name="Reset to the photo").click()
    status.filter(has_text="As in the photo").wait_for()
