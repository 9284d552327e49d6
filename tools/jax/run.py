"""The run: both phases, one after the other, within the time that there is."""

import math
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import jax

from efgan_tf.common.errors import UserError
from efgan_tf.config import Config
from tools.jax import batches, packed
from tools.jax.networks import State, start_from
from tools.jax.phase import Clock, Phase, Position
from tools.jax.report import Report

_RESERVE = 10.0  # seconds that are kept for the last scores and weights
_SECONDS_BETWEEN_LINES = 10.0


class Run:
    """A run from its first step to its last.

    Args:
      config: of the networks and the training.
      device: a `tools.jax.train.DeviceConfig`.
      start: when the program began, by `time.monotonic`.
      pool: where phase 2 is compiled while phase 1 trains.
    """

    def __init__(self, config: Config, device, start: float, pool: Executor):
        self._config, self._device = config, device
        self._start, self._pool = start, pool
        self._last_line = 0.0
        data = packed.read(Path(device.data))
        if data.train.size != config.model.image_size:
            raise UserError(
                f"--data={device.data} has pictures of {data.train.size} "
                f"pixels, --image_size is {config.model.image_size}"
            )
        self._report = Report(Path(device.out), config, data)
        self._faces = batches.on_device(data.train)
        self._say(
            f"{len(data.train)} faces, {len(data.pairs)} held-out pairs, "
            f"{jax.devices()[0].device_kind}"
        )

    def run(self) -> Position:
        """Trains; returns where it ended."""
        first, second = (
            Phase(self._config, number, self._device.chunk) for number in (1, 2)
        )
        edit = self._compile(first)
        if self._device.compile_ahead:
            later = self._pool.submit(self._compile, second)
        limit = self._device.phase1_minutes * 60
        state, position = self._train(
            first,
            edit,
            first.networks.initial_state(),
            Position(1, 0, 0),
            limit,
        )
        if not self._is_late():
            ahead = self._device.compile_ahead
            edit = later.result() if ahead else self._compile(second)
        if self._is_late():
            # Stages that never worked together are worth less than one.
            self._say("no time is left for phase 2; the weights are phase 1's")
            return position
        state = start_from(second.networks, first.networks, state)
        position = Position(2, 0, position.images)
        _, position = self._train(second, edit, state, position, 0)
        self._say(f"weights are in {self._device.out}")
        return position

    def _compile(self, phase: Phase):
        """Compiles a phase's steps and its evaluation; returns the latter."""
        start = time.monotonic()
        phase.compile(self._faces)
        edit = self._report.compile_edit(phase.networks)
        seconds = time.monotonic() - start
        self._say(
            f"phase {phase.number}: compiled in {seconds:.0f} s; the steps "
            f"need {phase.memory}"
        )
        return edit

    def _train(
        self,
        phase: Phase,
        edit,
        state: State,
        position: Position,
        limit: float,
    ) -> tuple[State, Position]:
        """Trains a phase to its end or that of its time, and scores it."""
        clock = Clock(self._seconds_for_phase(limit))
        scored = -1
        while position.step < phase.total and not clock.is_over():
            before = position
            state, position, metrics = phase.advance(
                state, self._faces, position, clock
            )
            self._note(before, position, metrics, clock.lap())
            if self._is_due(before, position):
                self._score(phase, edit, state, position)
                scored = position.step
        if scored != position.step:
            self._score(phase, edit, state, position)
        return state, position

    def _note(self, before, position, metrics, seconds) -> None:
        """Logs a chunk; now and then a line is printed too."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise UserError(
                    f"{name} is {value} before step {position.step} of phase "
                    f"{position.phase}; the newest weights are in "
                    f"{self._device.out}. Try a lower --learning_rate"
                )
        rate = (position.images - before.images) / seconds
        self._report.write(position, {**metrics, "images_per_second": rate})
        now = time.monotonic()
        if now - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = now
            told = " ".join(
                f"{name}={metrics[name]:.4g}"
                for name in sorted(metrics)
                if name.startswith(("critic/", "generator/", "estimator/"))
            )
            self._say(f"{_told(position)}: {rate:.0f} images/s, {told}")

    def _is_due(self, before: Position, position: Position) -> bool:
        every = self._config.train.sample_kimg * 1000
        return position.images // every > before.images // every

    def _score(self, phase, edit, state, position) -> None:
        scores = self._report.score(phase.networks, edit, state, position)
        self._say(
            f"{_told(position)}: held-out PSNR {scores['held_out/psnr']:.2f} "
            f"dB, without an edit {scores['held_out/psnr_no_edit']:.2f} dB "
            f"({scores['held_out/psnr_gain']:+.2f})"
        )

    def _seconds_for_phase(self, limit: float) -> float:
        """The phase's own limit or what is left of the run; 0 for neither."""
        if not self._device.minutes:
            return limit
        left = max(self._left(), 1e-3)
        return min(limit, left) if limit else left

    def _left(self) -> float:
        """Seconds until the run must score and write for the last time."""
        end = self._start + self._device.minutes * 60
        return end - _RESERVE - time.monotonic()

    def _is_late(self) -> bool:
        return bool(self._device.minutes) and self._left() <= 0

    def _say(self, line: str) -> None:
        seconds = time.monotonic() - self._start
        print(f"[{seconds:6.1f} s] {line}", file=sys.stderr, flush=True)


def _told(position: Position) -> str:
    return (
        f"phase {position.phase}, step {position.step}, "
        f"{position.images} images"
    )
