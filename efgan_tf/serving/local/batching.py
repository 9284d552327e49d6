"""Requests that arrive together, run as one batch: TensorFlow Serving's rules.

Requests to one model with the same inputs and outputs share a queue of
batches. A batch is run once it is full or has waited long enough; a queue
that is full refuses. The members of a batch share its fate, as they do in
TensorFlow Serving: where one is refused by the graph (a corrupt image, a value
out of range), all are, with the same status; where shapes or types of two
differ, none is run. Clients that send bad requests therefore disturb others:
validate before sending, or serve without batching. It could be done better, but
who tests against this server shall meet what production does.

The one departure: a request with an empty batch runs alone and is refused by
the graph. TensorFlow Serving pads its batch with the first row of it, which
there is none of.
"""

import collections
import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence

import grpc
import numpy as np
import tensorflow as tf

from efgan_tf.serving.local.metrics import Metrics
from efgan_tf.serving.local.session import Session
from efgan_tf.serving.local.settings import BatchingConfig
from efgan_tf.serving.local.status import Refused, invalid

_POOL = "batch_threads"


class _Task:
    """One request in a batch."""

    def __init__(self, feeds, fetches, timeout_ms, size):
        self.feeds = feeds
        self.fetches = fetches
        self.size = size
        self.enqueued = time.monotonic()
        self.deadline = (
            self.enqueued + timeout_ms / 1000 if timeout_ms else None
        )
        self.done = threading.Event()
        self.results: list[np.ndarray] = []
        self.error: BaseException | None = None


class _Batch:
    """Requests that run together."""

    def __init__(self):
        self.tasks: list[_Task] = []
        self.size = 0

    def add(self, task):
        self.tasks.append(task)
        self.size += task.size


@dataclasses.dataclass(frozen=True)
class _Key:
    """What requests must share to be in one batch."""

    session: Session
    inputs: frozenset[str]
    outputs: frozenset[str]


class Batching:
    """Collects requests into batches and runs these.

    Args:
      options: the bounds.
      at_once: how many batches run at the same time.
      metrics: where sizes and waits are counted.
    """

    def __init__(self, options: BatchingConfig, at_once: int, metrics: Metrics):
        self._options = options
        self._metrics = metrics
        self._changed = threading.Condition()
        self._queues: dict[_Key, collections.deque[_Batch]] = {}
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(at_once)
        ]
        for thread in self._threads:
            thread.start()

    def run(
        self,
        session: Session,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_ms: int,
    ) -> list[np.ndarray]:
        """As in `Scheduler`."""
        size = _rows(feeds)
        self._metrics.input_batch_size.add(size)
        if not size:
            return session.run(feeds, fetches, timeout_ms)
        task = _Task(feeds, fetches, timeout_ms, size)
        key = _Key(session, frozenset(feeds), frozenset(fetches))
        with self._changed:
            self._enqueue(task, key)
            self._changed.notify()
        task.done.wait()
        if task.error:
            raise task.error
        return task.results

    def close(self) -> None:
        """As in `Scheduler`; what waits is still run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _enqueue(self, task, key):
        most = self._options.max_batch_size
        if task.size > most:
            raise invalid(
                f"Task size {task.size} is larger than maximum input batch "
                f"size {most}"
            )
        queue = self._queues.setdefault(key, collections.deque())
        if not queue:
            queue.append(_Batch())
        elif queue[-1].size + task.size > most:
            if len(queue) >= self._options.max_enqueued_batches:
                raise Refused(
                    grpc.StatusCode.UNAVAILABLE,
                    "The batch scheduling queue to which this task was "
                    f"submitted is full; currently {len(queue)} batches "
                    "enqueued and max_enqueued_batches is "
                    f"{self._options.max_enqueued_batches}",
                )
            queue.append(_Batch())
        queue[-1].add(task)

    def _work(self):
        while True:
            with self._changed:
                found = self._next()
            if not found:
                return
            key, batch = found
            try:
                self._process(key.session, batch)
            except Exception as error:  # theirs, not this thread's
                for task in batch.tasks:
                    task.error = error
            for task in batch.tasks:
                task.done.set()

    def _next(self):
        """The next batch that is due; None once everything is done."""
        while True:
            wait = None
            for key, queue in self._queues.items():
                left = self._time_left(queue)
                if left <= 0:
                    return self._taken(key, queue)
                wait = left if wait is None else min(wait, left)
            if self._closed and not self._queues:
                return None
            self._changed.wait(wait)

    def _time_left(self, queue):
        """Seconds until the first batch of a queue is due."""
        first = queue[0]
        full = first.size >= self._options.max_batch_size
        if len(queue) > 1 or full or self._closed:
            return 0
        age = time.monotonic() - first.tasks[0].enqueued
        return self._options.batch_timeout_micros / 1e6 - age

    def _taken(self, key, queue):
        batch = queue.popleft()
        # The other queues come first next time.
        del self._queues[key]
        if queue:
            self._queues[key] = queue
            self._changed.notify()
        return key, batch

    def _process(self, session, batch):
        now = time.monotonic()
        for task in batch.tasks:
            self._metrics.queuing_latency.add(
                1e6 * (now - task.enqueued), _POOL
            )
        timeout_ms = _batch_timeout_ms(batch, now)
        padding = self._padding(batch)
        feeds = _merged(batch, padding)
        fetches = sorted({name for t in batch.tasks for name in t.fetches})
        self._metrics.wrapped_run_count.add()
        size = batch.size + padding
        self._metrics.processed_batch_size.add(size)
        self._metrics.padding_size.add(padding, str(size))
        results = session.run(feeds, fetches, timeout_ms)
        _split(batch, dict(zip(fetches, results, strict=True)), size)

    def _padding(self, batch):
        for size in self._options.allowed_batch_sizes:
            if size >= batch.size:
                return size - batch.size
        return 0


def _rows(feeds):
    """Size of a request: of the first dimension of all its inputs."""
    if not feeds:
        raise invalid("Batching Run() must have at least one input tensor")
    sizes = set()
    for value in feeds.values():
        if not value.ndim:
            raise invalid(
                "Batching Run() input tensors must have at least one dimension"
            )
        sizes.add(value.shape[0])
    if len(sizes) > 1:
        raise invalid(
            "Batching Run() input tensors must have equal 0th-dimension size"
        )
    return sizes.pop()


def _batch_timeout_ms(batch, now):
    """What is left to the member with the latest deadline; 0: for ever."""
    deadlines = [task.deadline for task in batch.tasks]
    if None in deadlines:
        return 0
    left = max(deadlines) - now
    if left <= 0:
        raise Refused(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Run() timeout exceeded while waiting in batching queue",
        )
    return max(1, int(1000 * left))


def _merged(batch, padding):
    """The inputs of all members; the last one's first row is the padding."""
    merged = {}
    for name in batch.tasks[0].feeds:
        values = [task.feeds[name] for task in batch.tasks]
        _check_alike(name, values)
        values += [values[-1][:1]] * padding
        merged[name] = np.concatenate(values) if len(values) > 1 else values[0]
    return merged


def _check_alike(name, values):
    for value in values[1:]:
        if value.shape[1:] != values[0].shape[1:]:
            raise Refused(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Tensors with name '{name}' from different tasks have "
                "different shapes and padding is turned off.Set "
                "pad_variable_length_inputs to true, or ensure that all "
                "tensors with the same namehave equal dimensions starting "
                "with the first dim.",
            )
        if value.dtype != values[0].dtype:
            first, other = (
                tf.dtypes.as_dtype(v.dtype).name for v in (values[0], value)
            )
            raise Refused(
                grpc.StatusCode.INTERNAL,
                "Tensor concat operation failed: INVALID_ARGUMENT: Cannot "
                "concatenate tensors that have different data types. Got "
                f"{first} and {other}.",
            )


def _split(batch, results, size):
    """Gives each member its rows."""
    for value in results.values():
        if not value.ndim:
            raise _unsplittable("Batched output tensor has 0 dimensions")
        if value.shape[0] != size:
            raise _unsplittable(
                "Batched output tensor's 0th dimension does not equal the sum "
                "of the 0th dimension sizes of the input tensors"
            )
    start = 0
    for task in batch.tasks:
        rows = slice(start, start + task.size)
        task.results = [results[name][rows] for name in task.fetches]
        start += task.size


def _unsplittable(message):
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
