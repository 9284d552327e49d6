"""Numbers for Prometheus, under the names that TensorFlow Serving gives them.

`prometheus_client` would add `_total` to the counters' names.
"""

import bisect
import threading
from collections.abc import Sequence


class Counter:
    """Counts by labels.

    Args:
      name: as TensorFlow Serving registers it, after `/tensorflow/serving/`.
      labels: their names.
    """

    def __init__(self, name: str, labels: Sequence[str] = ()):
        self._name = _full_name(name)
        self._labels = labels
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *values: str) -> None:
        """Counts one, under the labels' values."""
        with self._lock:
            self._counts[values] = self._counts.get(values, 0) + 1

    def lines(self) -> list[str]:
        """In Prometheus's text format."""
        with self._lock:
            counts = dict(self._counts)
        return [f"# TYPE {self._name} counter"] + [
            f"{self._name}{_labels(self._labels, values)} {count}"
            for values, count in counts.items()
        ]


class Histogram:
    """How values are spread, by labels.

    Args:
      name: as in `Counter`.
      labels: their names.
      limits: upper ends of the buckets but the last, which has none.
    """

    def __init__(
        self, name: str, labels: Sequence[str], limits: Sequence[float]
    ):
        self._name = _full_name(name)
        self._labels = labels
        self._limits = limits
        self._lock = threading.Lock()
        self._points: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def add(self, value: float, *values: str) -> None:
        """Counts `value`, under the labels' values."""
        with self._lock:
            buckets, total = self._points.setdefault(
                values, ([0] * (len(self._limits) + 1), [0.0])
            )
            buckets[bisect.bisect_right(self._limits, value)] += 1
            total[0] += value

    def lines(self) -> list[str]:
        """In Prometheus's text format."""
        lines = [f"# TYPE {self._name} histogram"]
        limits = [f"{limit:g}" for limit in self._limits] + ["+Inf"]
        with self._lock:
            for values, (buckets, total) in self._points.items():
                count = 0
                for limit, more in zip(limits, buckets, strict=True):
                    count += more
                    labels = _labels((*self._labels, "le"), (*values, limit))
                    lines.append(f"{self._name}_bucket{labels} {count}")
                labels = _labels(self._labels, values)
                lines.append(f"{self._name}_sum{labels} {total[0]:g}")
                lines.append(f"{self._name}_count{labels} {count}")
        return lines


class Metrics:
    """What the server measures; times are in microseconds."""

    def __init__(self):
        times = [10 * 1.8**n for n in range(33)]
        waits = [100 * 1.2**n for n in range(52)]
        sizes = [2**n for n in range(11)]
        pool = ("thread_pool_name",)
        self.request_count = Counter("request_count", ("model_name", "status"))
        self.request_latency = Histogram(
            "request_latency", ("model_name", "API", "entrypoint"), times
        )
        self.runtime_latency = Histogram(
            "runtime_latency", ("model_name", "API", "runtime"), times
        )
        self.model_warmup_latency = Histogram(
            "model_warmup_latency", ("model_path", "status"), times
        )
        self.queuing_latency = Histogram(
            "batching_session/queuing_latency", pool, waits
        )
        self.wrapped_run_count = Counter("batching_session/wrapped_run_count")
        self.input_batch_size = Histogram(
            "batching_session/input_batch_size", (), sizes
        )
        self.processed_batch_size = Histogram(
            "batching_session/processed_batch_size", (), sizes
        )
        self.padding_size = Histogram(
            "batching_session/padding_size", ("execution_batch_size",), sizes
        )

    def page(self) -> str:
        """All of them in Prometheus's text format."""
        lines = [
            line for metric in vars(self).values() for line in metric.lines()
        ]
        return "\n".join(lines) + "\n"


def _full_name(name):
    return ":tensorflow:serving:" + name.replace("/", ":")


def _labels(names, values):
    pairs = [
        f'{name}="{_escaped(value)}"'
        for name, value in zip(names, values, strict=True)
    ]
    return f"{{{','.join(pairs)}}}"


def _escaped(value):
    value = value.replace("\\", r"\\").replace('"', r"\"")
    return value.replace("\n", r"\n")
