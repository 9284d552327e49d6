"""The page that Prometheus reads."""

import http.server
import threading

from efgan_tf.serving.local.metrics import Metrics

PATH = "/monitoring/prometheus/metrics"

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """Serves the metrics over HTTP, one reader after the other.

    Args:
      metrics: what is told.
      host: address to listen on.
      port: 0 picks a free one.

    Raises:
      OSError: the port cannot be had.
    """

    def __init__(self, metrics: Metrics, host: str, port: int):
        self._server = http.server.HTTPServer((host, port), _handler(metrics))
        self._thread = threading.Thread(
            target=self._server.serve_forever, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(metrics):
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 5  # seconds: nobody keeps the others waiting

        def do_GET(self):
            if self.path.partition("?")[0] != PATH:
                self.send_error(http.HTTPStatus.NOT_FOUND)
                return
            content = metrics.page().encode()
            self.send_response(http.HTTPStatus.OK)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass  # a line for each scrape helps nobody

    return Handler
