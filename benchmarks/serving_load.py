"""Load for a served model: questions, and two ways to ask many of them.

In the open loop, questions come at random times, whether or not those before
are answered, as those of many people do. How long an answer took is counted
from when its question was due: a generator that waits for a slow server would
otherwise hide how slow it was.
"""

import asyncio
import collections
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Sequence

import grpc
import grpc.aio
import numpy as np

from efgan_tf import action_units
from efgan_tf.trained.remote import calls, protos, tensors
from efgan_tf.trained.remote.connection_settings import ConnectionConfig

TOLERANCE = 1e-3
"""How far an answer may be from what it should be, images in 0-1."""

_OK = grpc.StatusCode.OK.name


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """One face to edit.

    Attributes:
      image: float32 `[1, size, size, 3]` in [0, 1].
      units: float32 `[1, 17]`, 0–5.
      content: the request as it is sent.
    """

    image: np.ndarray
    units: np.ndarray
    content: bytes


@dataclasses.dataclass
class Outcome:
    """What became of many questions.

    Attributes:
      asked: questions a second.
      seconds: from the first due time to the last answer.
      latencies: of the good answers, in seconds from when they were due.
      statuses: gRPC status → how many.
      wrong: good answers that were another question's, or nobody's.
    """

    asked: float = 0.0
    seconds: float = 0.0
    latencies: list[float] = dataclasses.field(default_factory=list)
    statuses: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )
    wrong: int = 0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Of the good answers' latencies, in seconds."""
        return float(np.percentile(self.latencies or [np.nan], share))


def make_questions(model: str, size: int, count: int) -> list[Question]:
    """Different ones: four want each picture to show four things.

    Args:
      model: its name on the server.
      size: side of its faces.
      count: how many.
    """
    config = ConnectionConfig(server="localhost:8500", model_name=model)
    rng = np.random.default_rng(0)
    questions = []
    for index in range(count):
        if index % 4 == 0:
            image = rng.random((1, size, size, 3), np.float32)
        units = rng.uniform(
            0, action_units.MAX_INTENSITY, (1, action_units.COUNT)
        ).astype(np.float32)
        request = calls.edit(config, image, units).request
        content = request.SerializeToString()
        questions.append(Question(image, units, content))
    return questions


def check_distinct(answers: Sequence[np.ndarray]) -> None:
    """Raises a ValueError if one answer could pass for another's."""
    for one, other in itertools.combinations(answers, 2):
        if np.abs(one - other).max() < 10 * TOLERANCE:
            raise ValueError("two questions have the same answer")


class Load:
    """Asks one server the same questions over and over.

    Args:
      address: of the server.
      questions: what is asked, one after the other.
      answers: what should come back, `[1, size, size, 3]` each.
      timeout: deadline of each, in seconds.

    Attributes:
      questions: as given.
    """

    def __init__(
        self,
        address: str,
        questions: Sequence[Question],
        answers: Sequence[np.ndarray],
        timeout: float,
    ):
        self._address = address
        self.questions = questions
        self._answers = answers
        self._timeout = timeout

    def open_loop(self, rate: float, seconds: float, seed: int = 0) -> Outcome:
        """Asks `rate` times a second on average, at random times."""
        rng = np.random.default_rng(seed)
        gaps = rng.exponential(1 / rate, max(1, round(rate * seconds)))

        async def run(ask: Callable[[int, float], Awaitable]) -> None:
            loop, tasks = asyncio.get_running_loop(), []
            start = loop.time()
            for index, due in enumerate(start + np.cumsum(gaps)):
                await asyncio.sleep(max(0, due - loop.time()))
                tasks.append(asyncio.create_task(ask(index, due)))
            await asyncio.gather(*tasks)

        outcome = asyncio.run(self._measured(run))
        outcome.asked = len(gaps) / gaps.sum()
        return outcome

    def closed_loop(self, callers: int, seconds: float) -> Outcome:
        """Each of some callers asks again as soon as it has its answer."""

        async def run(ask: Callable[[int, float], Awaitable]) -> None:
            loop, numbers = asyncio.get_running_loop(), itertools.count()
            end = loop.time() + seconds

            async def call() -> None:
                while loop.time() < end:
                    await ask(next(numbers), loop.time())

            await asyncio.gather(*(call() for _ in range(callers)))

        outcome = asyncio.run(self._measured(run))
        outcome.asked = outcome.statuses.total() / outcome.seconds
        return outcome

    async def _measured(self, run: Callable) -> Outcome:
        outcome, loop = Outcome(), asyncio.get_running_loop()
        # Every refusal counts: without the retries of a `Client`.
        async with grpc.aio.insecure_channel(self._address) as channel:
            await asyncio.wait_for(channel.channel_ready(), self._timeout)
            # Bytes go through as they are.
            send = channel.unary_unary(calls.PREDICT)

            async def ask(index: int, due: float) -> None:
                index %= len(self.questions)
                content = self.questions[index].content
                try:
                    answer = await send(content, timeout=self._timeout)
                except grpc.aio.AioRpcError as error:
                    outcome.statuses[error.code().name] += 1
                    return
                outcome.latencies.append(loop.time() - due)
                outcome.statuses[_OK] += 1
                outcome.wrong += not self._is_right(index, answer)

            start = loop.time()
            await run(ask)
            outcome.seconds = loop.time() - start
        return outcome

    def _is_right(self, index: int, content: bytes) -> bool:
        answer = protos.PredictResponse.FromString(content)
        image = tensors.from_proto(answer.outputs["image"])
        expected = self._answers[index]
        return (
            image.shape == expected.shape
            and np.abs(image - expected).max() <= TOLERANCE
        )
