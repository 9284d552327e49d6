"""The loop of a training run: both phases, from where it stands to its end."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.config import Config
from efgan_tf.data import FacesPart
from efgan_tf.data.pipeline import training_batches
from efgan_tf.trained.checkpoints import Position
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import schedules
from efgan_tf.training.initial import InitialState
from efgan_tf.training.networks import Networks
from efgan_tf.training.recording import Recorder
from efgan_tf.training.step import TrainingStep
from efgan_tf.training.workers import StopRequest, Workers

# What the pipeline raises where a file has changed under it.
_UNREAD = (tf.errors.UnknownError, tf.errors.InvalidArgumentError)


@dataclasses.dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
      finished: False if it was asked to stop before its end.
      position: where it is.
      checkpoint: newest checkpoint; "" on the workers that write nothing.
      sheets: newest sample sheets, one for each data set.
      scores: of the averaged generator; empty where the run is not finished or
        there is no ground truth.
    """

    finished: bool
    position: Position
    checkpoint: str = ""
    sheets: tuple[str, ...] = ()
    scores: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Trainer:
    """One run, from where its checkpoints are to its end.

    Attributes:
      config: of the run.
      strategy: where it trains.
      faces: the training split of each data set.
      stop: whether to stop early.
      workers: of the run.
      recorder: of its folder, on the chief; None on the others.
    """

    config: Config
    strategy: tf.distribute.Strategy
    faces: Sequence[FacesPart]
    stop: StopRequest
    workers: Workers
    recorder: Recorder | None

    def run(self, initial: InitialState | None = None) -> RunOutcome:
        """Trains to the end, or until a stop is requested.

        Args:
          initial: where a new run begins; None goes on with the one that is
            there. Only the chief's is used.
        """
        last = 2 if self.config.train.phase2_kimg else 1
        networks, position = self._start(initial)
        with contextlib.ExitStack() as opened:
            with self.workers.collective_errors():
                if self.recorder:
                    log = self.recorder.open_log(position.images)
                    opened.enter_context(contextlib.closing(log))
            while True:
                position, stopped = self._train_phase(networks, position)
                if stopped or position.phase == last:
                    break
                # Every stage starts from phase 1's average.
                trained, networks = networks, self._build(2)
                networks_lib.start_from(networks, trained)
                position = Position(2, 0, position.images)
        total = schedules.total_steps(self.config.train, position.phase)
        finished = position.phase == last and position.step >= total
        outcome = RunOutcome(finished, position)
        if self.recorder:
            scorer = self.recorder.scorer
            outcome = RunOutcome(
                finished=finished,
                position=self.recorder.saved or position,
                checkpoint=str(self.recorder.newest),
                sheets=scorer.newest_sheets(),
                scores=scorer.measure(networks)[0] if finished else {},
            )
        # A worker that leaves early would count as lost.
        self.workers.barrier()
        return outcome

    def _start(self, initial: InitialState | None) -> tuple[Networks, Position]:
        """The networks that training goes on with, and where.

        The chief has them; the others receive them from it.
        """
        place = None
        with self.workers.collective_errors():
            if self.recorder:
                found = (
                    initial.position if initial else self.recorder.find_newest()
                )
                place = dataclasses.astuple(found)
        position = Position(*self.workers.broadcast(place))
        networks = self._build(position.phase)
        with self.workers.collective_errors():
            if self.recorder and initial:
                initial.copy_weights(networks, self.config)
            elif self.recorder:
                self.recorder.restore(networks)
        self.workers.synchronize(networks.variables())
        with self.workers.collective_errors():
            if self.recorder and initial:
                self.recorder.begin(networks, position)
        return networks, position

    def _build(self, phase: int) -> Networks:
        with self.strategy.scope():
            return networks_lib.build_networks(self.config, phase)

    def _train_phase(
        self, networks: Networks, position: Position
    ) -> tuple[Position, bool]:
        """Trains to the phase's end or a stop, and saves there.

        Returns:
          Where it is then, and whether it was asked to stop.
        """
        train, phase = self.config.train, position.phase
        total = schedules.total_steps(train, phase)
        stopped = self.workers.any_stop_requested(self.stop.requested)
        if position.step >= total or stopped:
            return position, stopped
        per_step = train.batch_size * train.n_critic
        step = TrainingStep(self.strategy, networks, self.config)
        batches = iter(self._batches(position))
        with self.workers.collective_errors():
            batch = _next(batches)
        if self.workers.is_chief:
            say(f"phase {phase}: tracing the step, which takes a while")
        while position.step < total and not stopped:
            schedule = schedules.at_step(
                self.config, phase, position.step, position.images
            )
            metrics = step(batch, position.images // per_step, schedule)
            position = Position(
                phase, position.step + 1, position.images + per_step
            )
            problem = None
            try:
                if self.recorder:
                    self.recorder.after_step(
                        networks, position, metrics, schedule
                    )
                # Before the workers' exchange, which reports a problem to all.
                if position.step < total:
                    batch = _next(batches)
            except UserError as error:
                problem = error
            stopped = self.workers.any_stop_requested(
                self.stop.requested, problem
            )
        with self.workers.collective_errors():
            if self.recorder:
                self.recorder.end_phase(networks, position)
        return position, stopped

    def _batches(self, position: Position):
        """The pipeline from `position` on, for this process's replicas."""
        train = self.config.train
        replicas = self.strategy.num_replicas_in_sync
        first = self.workers.index * replicas // self.workers.count
        dataset = training_batches(
            self.faces,
            batch_size=train.batch_size,
            seed=train.seed,
            pairing=train.pairing,
            target_noise=train.target_noise,
            flip=train.flip,
            mix_targets=train.mix_targets,
            first_batch=position.images // train.batch_size,
            group=train.n_critic,
            replicas=replicas,
            replica_range=range(first, first + replicas // self.workers.count),
        )
        return self.strategy.distribute_datasets_from_function(
            lambda context: dataset
        )


def _next(batches: Iterator) -> Any:
    """The next batch; a `UserError` if it cannot be read from disk."""
    try:
        return next(batches)
    except _UNREAD as error:
        # The first line, without the node that TensorFlow names before it.
        reason = str(error).strip().splitlines()[0].rpartition("}} ")[2]
        raise UserError(f"cannot read the prepared data: {reason}") from error
