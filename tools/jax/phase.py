"""A phase of the run: many steps in one compiled call, on a timetable."""

import dataclasses
import math
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from efgan_tf.config import Config
from efgan_tf.training import schedules
from tools.jax import batches
from tools.jax.networks import Networks, State, build_networks
from tools.jax.step import Metrics, make_step


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a run is.

    Attributes:
      phase: 1 or 2.
      step: of the phase, the number of those that are done.
      images: of the whole run.
    """

    phase: int
    step: int
    images: int


class Phase:
    """The networks of one phase and its steps, compiled once.

    Args:
      config: of the run.
      number: 1 or 2.
      chunk: steps of one call, at most.
    """

    def __init__(self, config: Config, number: int, chunk: int):
        self.config = config
        self.number = number
        self.chunk = chunk
        self.total = schedules.total_steps(config.train, number)
        self.networks: Networks = build_networks(config, number)
        self._compiled = None

    def compile(self, faces: batches.Arrays) -> "Phase":
        """Compiles the steps for a split; takes minutes, and any thread."""
        start = Position(self.number, 0, 0)
        plan = self._plan(start, len(faces["images"]), Clock(0))
        function = jax.jit(self._run, donate_argnums=0)
        state = self.networks.initial_state()
        lowered = function.lower(state, faces, plan, np.int32(0))
        self._compiled = lowered.compile()
        return self

    @property
    def memory(self) -> str:
        """What the compiled steps need, if the device tells."""
        found = self._compiled.memory_analysis()
        if found is None:
            return "unknown"
        total = found.temp_size_in_bytes + found.argument_size_in_bytes
        return f"{total / 2**30:.2f} GiB"

    def advance(
        self,
        state: State,
        faces: batches.Arrays,
        position: Position,
        clock: "Clock",
        limit: int | None = None,
    ) -> tuple[State, Position, dict[str, float]]:
        """Takes a chunk's steps, or those that the phase has left.

        Args:
          state: used up.
          faces: of `batches.on_device`.
          position: in this phase.
          clock: of this phase.
          limit: steps at most.

        Returns:
          The new state and position, and the metrics' means.
        """
        count = min(limit or self.chunk, self.chunk, self.total - position.step)
        plan = self._plan(position, len(faces["images"]), clock)
        state, sums = self._compiled(state, faces, plan, np.int32(count))
        sums = jax.device_get(sums)
        metrics = {name: float(value) / count for name, value in sums.items()}
        train = self.config.train
        images = position.images + count * train.batch_size * train.n_critic
        return (
            state,
            Position(self.number, position.step + count, images),
            metrics,
        )

    def _plan(self, position: Position, faces: int, clock: "Clock") -> dict:
        """What each step of a chunk is told, stacked."""
        train = self.config.train
        per_step = train.batch_size * train.n_critic
        first = position.images
        rows = range(first, first + self.chunk * per_step)
        told = [
            {
                "number": first // per_step + ahead,
                **clock.schedule(
                    self.config,
                    self,
                    position.step + ahead,
                    first + ahead * per_step,
                ),
            }
            for ahead in range(self.chunk)
        ]
        plan = {name: np.array([row[name] for row in told]) for name in told[0]}
        number = plan.pop("number").astype(np.int32)
        plan = {name: v.astype(np.float32) for name, v in plan.items()}
        drawn = batches.samples(faces, rows, train.seed)
        sample = drawn.reshape(self.chunk, per_step)
        return {"number": number, "sample": sample, "schedule": plan}

    def _run(self, state, faces, plan, count) -> tuple[State, Metrics]:
        """The first `count` steps of a plan; metrics are summed up."""
        # Compiled for itself, so that it is traced once.
        step = jax.jit(self._step)

        def told(index):
            return jax.tree.map(lambda rows: rows[index], plan)

        def body(index, carry):
            state, sums = carry
            state, metrics = step(state, faces, told(index))
            return state, jax.tree.map(jnp.add, sums, metrics)

        shapes = jax.eval_shape(step, state, faces, told(0))[1]
        zeros = {k: jnp.zeros(v.shape, v.dtype) for k, v in shapes.items()}
        return jax.lax.fori_loop(0, count, body, (state, zeros))

    def _step(self, state, faces, told) -> tuple[State, Metrics]:
        """Draws the batches of a step and takes it."""
        train = self.config.train
        key = jax.random.fold_in(jax.random.key(train.seed), told["number"])
        data_key, alpha_key = jax.random.split(key)
        shape = (train.n_critic, train.batch_size)
        drawn = batches.draw(faces, told["sample"], data_key, train)
        drawn = {k: v.reshape(*shape, *v.shape[1:]) for k, v in drawn.items()}
        alpha = jax.random.uniform(alpha_key, (*shape, 2))
        step = make_step(self.networks, self.config)
        return step(state, drawn, alpha, faces["mask"], told["schedule"])


class Clock:
    """How far a phase is: by its images, or by its time if that is further.

    So the learning rate has fallen to 0 also where time ends a phase.

    Args:
      seconds: that the phase may take from now on; 0 for no limit.
    """

    def __init__(self, seconds: float):
        self._start = time.monotonic()
        self._seconds = seconds
        self._last = self._start  # when the chunk before this one ended
        self._longest = 0.0

    def lap(self) -> float:
        """Seconds since the last lap, or the start; call after each chunk."""
        now = time.monotonic()
        lap, self._last = now - self._last, now
        self._longest = max(self._longest, lap)
        return lap

    def is_over(self) -> bool:
        """Whether another chunk would probably take longer than there is."""
        if not self._seconds:
            return False
        left = self._start + self._seconds - time.monotonic()
        return left < self._longest

    def schedule(
        self, config: Config, phase: Phase, step: int, images: int
    ) -> Mapping[str, float]:
        """`efgan_tf.training.schedules.at_step`, as far as the phase is.

        Args:
          config: of the run.
          phase: the phase.
          step: of the phase.
          images: seen since the start of the run.
        """
        step = min(step, phase.total - 1)
        by_time = 0
        if self._seconds:
            passed = (time.monotonic() - self._start) / self._seconds
            by_time = math.floor(min(passed, 1) * phase.total)
        reached = min(max(step, by_time), phase.total)
        schedule = schedules.at_step(config, phase.number, reached, images)
        return {
            **schedule,
            "ema": schedules.ema_decay(config.train.ema, step),
        }
