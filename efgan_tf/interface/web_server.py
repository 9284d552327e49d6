"""Serves the page until it is stopped; makes no request to other machines."""

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from typing import cast

from efgan_tf.common.errors import UserError

_LAST_WORDS = 2  # seconds that open connections have when the server ends

_OLDEST_GRADIO = (6, 31)

_REFUSALS = {
    errno.EADDRINUSE: "--port={port} is in use; name another one, or 0 for "
    "any that is free",
    errno.EADDRNOTAVAIL: "--host={host} is no address of this machine",
    errno.EACCES: "--port={port} needs more rights; name one above 1023",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that visitors can reach, before anything slow is loaded.

    Args:
      host: a name or an address of this machine.
      port: 0 for any that is free.

    Raises:
      UserError: the address cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address, family=family)
    except socket.gaierror as error:
        raise UserError(f"--host={host} is no known address") from error
    except OSError as error:
        message = _REFUSALS.get(error.errno or 0, "--host={host}: {error}")
        raise UserError(
            message.format(host=host, port=port, error=error.strerror)
        ) from error


def address_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it: `http://127.0.0.1:7860`."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def gradio_at_home() -> Iterator[None]:
    """Gradio, imported inside, neither calls home nor keeps anyone's files.

    Raises:
      UserError: it is not installed.
    """
    settings = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_MCP_SERVER": "False",
        "HF_HUB_OFFLINE": "1",
    }
    with tempfile.TemporaryDirectory(prefix="efgan_demo_") as folder:
        os.environ.update(settings, GRADIO_TEMP_DIR=folder)
        try:
            import gradio
        except ImportError as error:
            raise UserError(
                "the page needs Gradio: pip install 'efgan_tf[demo]'"
            ) from error
        major, minor = map(int, gradio.__version__.split(".")[:2])
        if (major, minor) < _OLDEST_GRADIO:
            raise UserError(
                f"Gradio {gradio.__version__} is too old for the page: "
                "pip install -U 'efgan_tf[demo]'"
            )
        yield


def page_server(page, max_bytes: int, root_path: str = ""):
    """A `uvicorn.Server` of a page; `run(sockets=[listener])` serves it.

    Args:
      page: of `build_page`.
      max_bytes: larger files are refused.
      root_path: where a proxy in front has the page: "/faces".
    """
    import fastapi
    import gradio as gr
    import uvicorn
    from starlette.routing import Mount

    from efgan_tf.interface.layout import page_css, page_theme

    app = gr.mount_gradio_app(
        fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,  # would keep the pictures in the browser
        root_path=root_path,
        show_error=False,
        max_file_size=max_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        theme=page_theme(),
        css=page_css(),
    )
    (mount,) = [each for each in app.routes if isinstance(each, Mount)]
    pages = cast(gr.routes.App, mount.app)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets=None):
            pages.stop_event.set()  # closes the pages that are open
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=_LAST_WORDS
        )
    )
