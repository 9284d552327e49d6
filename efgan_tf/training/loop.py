"""The loop of a training run: both phases, from where it stands to its end."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress
from efgan_tf.config import Config
from efgan_tf.data import Faces, Part
from efgan_tf.data.pipeline import training_batches
from efgan_tf.trained.checkpoints import Checkpoints, Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import schedules
from efgan_tf.training.initial import Beginning
from efgan_tf.training.logs import MetricsLog, NonFiniteError, PendingMetrics
from efgan_tf.training.networks import Networks
from efgan_tf.training.scoring import (
    Scorer,
    describe_scores,
    evaluation_set,
)
from efgan_tf.training.step import TrainingStep
from efgan_tf.training.workers import StopRequest, Workers

_EVALUATION_COUNT = 64
_SATURATED = (0.02, 0.98)

# What the pipeline raises where a file has changed under it.
_UNREAD = (tf.errors.UnknownError, tf.errors.InvalidArgumentError)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      finished: False if it was asked to stop before its end.
      position: where it is.
      checkpoint: newest checkpoint; "" on the workers that write nothing.
      sheets: newest sample sheets, one for each data set; none before the
        first.
      scores: of the averaged generator, as it is now; empty where the run is
        not finished or there are no true targets.
    """

    finished: bool
    position: Position
    checkpoint: str
    sheets: tuple[str, ...]
    scores: dict[str, float]


class Trainer:
    """One run, from where its checkpoints are to its end.

    Args:
      config: of the run.
      run: its directory, checked.
      strategy: where it trains.
      faces: the training split of each data set.
      held_out: the test split of each, in the same order.
      stop: whether to stop early.
      workers: of the run; by default this process is alone.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        strategy: tf.distribute.Strategy,
        faces: Sequence[Part],
        held_out: Sequence[Part],
        stop: StopRequest,
        workers: Workers | None = None,
    ):
        self.workers = workers or Workers(strategy)
        self.config = config
        self.run_directory = run
        self.strategy = strategy
        self.faces = faces
        self.held_out = held_out
        self.stop = stop
        self.checkpoints = Checkpoints(
            run.checkpoints, config.train.keep_checkpoints
        )
        self.scorer = Scorer(
            config,
            run,
            {
                part.name if len(faces) > 1 else "": evaluation_set(
                    test.faces, part.faces, _EVALUATION_COUNT
                )
                for part, test in zip(faces, held_out, strict=True)
            },
        )
        self._saved: Position | None = None
        self._newest: Path | None = None
        self._last_save = self._trained_since = time.monotonic()
        self._warned: set[str] = set()

    def run(self, begin: Beginning | None = None) -> Outcome:
        """Trains to the end, or until a stop is requested.

        Args:
          begin: where a new run begins; None goes on with the one that is
            there. The chief's alone is heeded.
        """
        networks, position = self._start(begin)
        with contextlib.ExitStack() as opened:
            with self.workers.together():
                if self.workers.is_chief:
                    self.log = MetricsLog(
                        self.run_directory.path, position.images
                    )
                    opened.callback(self.log.close)
            while True:
                position, stopped = self._train_phase(networks, position)
                if stopped or self._is_last(position.phase):
                    break
                networks, position = self._next_phase(networks, position)
        finished = self._is_finished(position)
        outcome = Outcome(finished, position, "", (), {})
        if self.workers.is_chief:
            outcome = Outcome(
                finished=finished,
                position=self._saved or position,
                checkpoint=str(self._newest),
                sheets=self.scorer.newest_sheets(),
                scores=self.scorer.measure(networks)[0] if finished else {},
            )
        # A worker that leaves early would count as lost.
        self.workers.wait()
        return outcome

    def _start(self, begin: Beginning | None) -> tuple[Networks, Position]:
        """The networks that training goes on with, and where.

        The chief has them; the others receive them from it.
        """
        path, position = None, None
        with self.workers.together():
            if self.workers.is_chief:
                self.checkpoints.sweep()
                if begin:
                    position = begin.position
                else:
                    path, position = self._newest_checkpoint()
        position = Position(
            *self.workers.of_chief(position and dataclasses.astuple(position))
        )
        networks = self._build(position.phase)
        with self.workers.together():
            if self.workers.is_chief and begin:
                begin.start(networks, self.config)
            elif path:
                self.checkpoints.restore(path, networks.trackables())
                self._saved, self._newest = position, path
        self.workers.synchronize(networks.variables())
        with self.workers.together():
            if begin and self.workers.is_chief:
                self._save(networks, position)
                # Written last: a folder with a config has a checkpoint.
                self.run_directory.write_config(self.config, *self._splits())
        return networks, position

    def _newest_checkpoint(self) -> tuple[Path, Position]:
        """The newest checkpoint, if the run's data are unchanged."""
        train, held_out = self._splits()
        self.run_directory.check_data(*train, *held_out)
        found = self.checkpoints.latest()
        if found is None:
            raise UserError(
                f"{self.run_directory.path} has no checkpoint left; train in "
                "another --run_dir"
            )
        path, position, problems = found
        for problem in problems:
            _say(f"damaged checkpoint passed over: {problem}")
        _say(f"resuming from {path}")
        return path, position

    def _splits(self) -> tuple[list[Faces], list[Faces]]:
        """What is trained on and what is held out, of each data set."""
        return (
            [part.faces for part in self.faces],
            [part.faces for part in self.held_out],
        )

    def _next_phase(
        self, trained: Networks, position: Position
    ) -> tuple[Networks, Position]:
        """Phase 2's networks, every stage started from phase 1's average."""
        networks = self._build(2)
        networks_lib.start_from(networks, trained)
        return networks, Position(2, 0, position.images)

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
        stopped = self.workers.stop(self.stop.requested)
        if position.step >= total or stopped:
            return position, stopped
        per_step = train.batch_size * train.n_critic
        step = TrainingStep(self.strategy, networks, self.config)
        batches = iter(self._batches(position))
        with self.workers.together():
            batch = _next(batches)
        pending = PendingMetrics()
        if self.workers.is_chief:
            _say(f"phase {phase}: tracing the step, which takes a while")
        progress = None
        while position.step < total and not stopped:
            metrics = step(
                batch,
                position.images // per_step,
                schedules.at_step(
                    self.config, phase, position.step, position.images
                ),
            )
            position = Position(
                phase, position.step + 1, position.images + per_step
            )
            if self.workers.is_chief:
                pending.add(position.step, metrics)
                if progress is None:  # the first step was spent on tracing
                    progress = Progress(
                        f"phase {phase}:", total * per_step,
                        done=position.step * per_step,
                    )  # fmt: skip
                    self._trained_since = time.monotonic()
                else:
                    progress.advance(per_step)
            problem = None
            try:
                if progress:
                    self._log_score_and_save(
                        networks, position, pending, progress
                    )
                # Before the workers' exchange, which reports a problem to all.
                if position.step < total:
                    batch = _next(batches)
            except UserError as error:
                problem = error
            stopped = self.workers.stop(self.stop.requested, problem)
        with self.workers.together():
            if progress:
                progress.finish()
                self._log(pending, position, progress)
                self._save(networks, position)
        return position, stopped

    def _log_score_and_save(
        self,
        networks: Networks,
        position: Position,
        pending: PendingMetrics,
        progress: Progress,
    ) -> None:
        """Logs, scores and saves, each when it is due.

        In this order: what a checkpoint follows on is written down before it,
        and a loss that is not finite stops the run before anything is made of
        it.
        """
        train = self.config.train
        ends = position.step == schedules.total_steps(train, position.phase)
        waited = time.monotonic() - self._last_save
        saves = ends or waited > train.checkpoint_minutes * 60
        scores = ends or self._sheet_is_due(position)
        if saves or scores or position.step % train.log_steps == 0:
            self._log(pending, position, progress)
        if scores:
            scored = self.scorer.score(networks, position, self.log)
            progress.say(
                f"phase {position.phase}, {position.images} images: "
                f"{describe_scores(scored)}"
            )
        if saves:
            self._save(networks, position)
        if saves or scores:
            self._trained_since = time.monotonic()

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
            dealt_to=range(first, first + replicas // self.workers.count),
        )
        return self.strategy.distribute_datasets_from_function(
            lambda context: dataset
        )

    def _log(
        self, pending: PendingMetrics, position: Position, progress: Progress
    ) -> None:
        """Writes the mean of the steps since the last line.

        And the seconds that they took, without tracing, scoring and saving.

        Raises:
          UserError: a step's loss was not finite.
        """
        try:
            metrics = pending.means()
        except NonFiniteError as error:
            raise self._diverged(error, position) from error
        if not metrics:
            return
        seconds = time.monotonic() - self._trained_since
        self._trained_since += seconds
        train = self.config.train
        before = position.images - train.batch_size * train.n_critic
        schedule = schedules.at_step(
            self.config, position.phase, position.step - 1, before
        )
        self.log.write(
            position.images,
            {**metrics, **{f"schedule/{k}": v for k, v in schedule.items()}},
            phase=position.phase,
            step=position.step,
            seconds=round(seconds, 3),
        )
        self._warn_of_saturation(metrics, position, progress)

    def _warn_of_saturation(
        self, metrics, position: Position, progress: Progress
    ) -> None:
        total = schedules.total_steps(self.config.train, position.phase)
        if position.step < self.config.loss.attention_warmup * total:
            return
        low, high = _SATURATED
        for name, value in metrics.items():
            saturated = name.startswith("attention/") and not low < value < high
            if saturated and name not in self._warned:
                self._warned.add(name)
                advice = (
                    "hardly anything is edited; lower --lambda_att"
                    if value <= low
                    else "hardly anything is kept; raise --lambda_att"
                )
                progress.say(
                    f"warning: {name} is {value:.3f} at step {position.step}: "
                    f"{advice}, if the sample sheet agrees"
                )

    def _save(self, networks: Networks, position: Position) -> None:
        """Saves a checkpoint, unless it is there or a weight is not finite."""
        if position == self._saved:
            return
        try:
            networks_lib.check_finite(networks, position.step)
        except NonFiniteError as error:
            raise self._diverged(error, position) from error
        self._newest = self.checkpoints.save(position, networks.trackables())
        self._saved, self._last_save = position, time.monotonic()

    def _diverged(self, error: NonFiniteError, position: Position) -> UserError:
        found = self.checkpoints.latest()
        kept = f"; the last good checkpoint is {found[0]}" if found else ""
        return UserError(
            f"training stopped in phase {position.phase}: {error}{kept}. Try "
            "a lower --learning_rate or --precision=float32, in another "
            "--run_dir"
        )

    def _sheet_is_due(self, position: Position) -> bool:
        every = self.config.train.sample_kimg * 1000
        per_step = self.config.train.batch_size * self.config.train.n_critic
        before = position.images - per_step
        return position.images // every > before // every

    def _is_last(self, phase: int) -> bool:
        return phase == 2 or self.config.train.phase2_kimg == 0

    def _is_finished(self, position: Position) -> bool:
        total = schedules.total_steps(self.config.train, position.phase)
        return self._is_last(position.phase) and position.step >= total


def _next(batches: Iterator) -> Any:
    """The next batch.

    Raises:
      UserError: its pictures, which are on disk, cannot be read any more.
    """
    try:
        return next(batches)
    except _UNREAD as error:
        # The first line, without the node that TensorFlow names before it.
        reason = str(error).strip().splitlines()[0].rpartition("}} ")[2]
        raise UserError(f"cannot read the prepared data: {reason}") from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
