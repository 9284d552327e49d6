"""What the workers of a run exchange, which of them writes, and how it stops.

The first one, the chief, alone reads and writes the run's folder: the others
receive the weights from it. Where there is one worker, nothing is exchanged.

Keras does not support `MultiWorkerMirroredStrategy` in `fit` (keras-team/keras
issue 20585). The training step here is its own: gradients are divided by the
number of all replicas and added up by the optimizer's all-reduce, which works
across machines as it does across devices.
"""

import contextlib
import json
import re
import signal
import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.training.cluster import Cluster, WorkerLostError

_LONGEST_TEXT = 4000
_SUM = tf.distribute.ReduceOp.SUM

# What collectives raise when a worker has gone or its connection has.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# Mistakes of this process raise these, too. Where it is another worker, they
# say so in words of TensorFlow's executor of collectives, of gRPC or of NCCL.
_PERHAPS_LOST = (
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)
_EXCHANGE = re.compile(
    "Collective ops is aborted|GRPC error information|NCCL|heartbeats"
)


class Workers:
    """The workers of a run.

    Args:
      strategy: which they train under.
      cluster: them; None for a run of one process.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None
    ):
        self._strategy = strategy
        self.count = len(cluster.addresses) if cluster else 1
        self.index = cluster.index if cluster else 0

    @property
    def is_chief(self) -> bool:
        """Whether this process reads and writes the run's folder."""
        return self.index == 0

    def all_gather(self, text: str) -> list[str]:
        """The texts of all workers, in their order; all must call it.

        Args:
          text: of this worker; what is beyond 4,000 bytes is cut.
        """
        if self.count == 1:
            return [text]
        table = np.zeros((self.count, _LONGEST_TEXT), np.float32)
        encoded = text.encode()[:_LONGEST_TEXT]
        table[self.index, : len(encoded)] = np.frombuffer(encoded, np.uint8)
        rows = self._all_reduce(table).astype(np.uint8)
        return [
            row.tobytes().rstrip(b"\0").decode(errors="ignore") for row in rows
        ]

    def broadcast(self, value: Any) -> Any:
        """The chief's value, which must be JSON; all must call it."""
        text = json.dumps(value) if self.is_chief else ""
        return json.loads(self.all_gather(text)[0])

    @contextlib.contextmanager
    def collective_errors(self) -> Iterator[None]:
        """Raises a user's mistake inside, on any worker, on all of them.

        All workers must enter it; what is inside must not exchange anything.
        """
        problem = None
        try:
            yield
        except UserError as error:
            problem = error
        self.raise_everywhere(problem)

    def raise_everywhere(self, problem: UserError | None) -> None:
        """Raises the first of the workers' problems on all of them, if any.

        Raises:
          UserError: a worker has one.
        """
        if self.count > 1 and not self._any(problem is not None):
            return
        problems = self.all_gather(str(problem) if problem else "")
        if problem:  # what every worker finds needs no name
            raise problem
        for index, text in enumerate(problems):
            if text:
                raise UserError(f"worker {index}: {text}")

    def any_stop_requested(
        self, requested: bool, problem: UserError | None = None
    ) -> bool:
        """Whether any worker was asked to stop; all must call it.

        Args:
          requested: whether this one was.
          problem: this one's, if any.

        Raises:
          UserError: a worker has a problem.
        """
        if self.count == 1:
            self.raise_everywhere(problem)
            return requested
        stops, problems = self._all_reduce(
            np.array([requested, problem is not None], np.float32)
        )
        if problems:
            self.raise_everywhere(problem)
        return bool(stops)

    def barrier(self) -> None:
        """Returns once all workers have called it."""
        self._any(False)

    def check_same(self, value: str, problem: str) -> None:
        """Raises a `UserError`, on all workers, unless they have one value.

        Args:
          value: of this worker.
          problem: what to say of those that differ from the chief.
        """
        values = self.all_gather(value)
        others = [k for k, found in enumerate(values) if found != values[0]]
        if others:
            raise UserError(
                f"worker {', '.join(map(str, others))} and worker 0: {problem}"
            )

    def synchronize(self, variables: Iterable[tf.Variable]) -> None:
        """Gives the chief's values of some variables to all workers."""
        if self.count == 1:
            return
        for variable in variables:
            value = variable.numpy()
            wide = np.int64 if value.dtype.kind in "iu" else np.float32
            sent = value if self.is_chief else np.zeros_like(value)
            variable.assign(
                self._all_reduce(sent.astype(wide)).astype(value.dtype)
            )

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Raises a `WorkerLostError` if another worker goes away inside."""
        try:
            yield
        except (*_LOST, *_PERHAPS_LOST) as error:
            lost = isinstance(error, _LOST) or _EXCHANGE.search(str(error))
            if self.count == 1 or not lost:
                raise
            text = str(error).strip()
            aborted = re.search("Collective ops is aborted.*", text)
            reason = aborted[0] if aborted else text.splitlines()[-1]
            raise WorkerLostError(
                f"worker {self.index} of {self.count} has lost another one "
                f"({reason[:200]}); start all of them again: they go on "
                "from the newest checkpoint"
            ) from error

    def _any(self, value: bool) -> bool:
        if self.count == 1:
            return value
        return bool(self._all_reduce(np.array([value], np.float32))[0])

    def _all_reduce(self, array: np.ndarray) -> np.ndarray:
        """The sum of an array over the workers."""
        return self._strategy.reduce(_SUM, tf.identity(array), None).numpy()


class StopRequest:
    """Context in which SIGTERM and SIGINT set `requested` instead of killing.

    A second Ctrl-C interrupts at once, as usual.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        for number in self.SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: types.FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.requested:
            say("\nstopping after this step")
        self.requested = True
