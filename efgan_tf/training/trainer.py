"""The training run: both phases, checkpoints, samples, held-out scores.

`train(config)` is the whole job of `python -m efgan_tf.train`. It resumes
where the newest whole checkpoint is, in either phase.
"""

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from efgan_tf.config import Config
from efgan_tf.data import Faces, Part, load_parts
from efgan_tf.data.mixing import remarks
from efgan_tf.data.pipeline import training_batches
from efgan_tf.errors import ConfigError, UserError
from efgan_tf.progress import Progress
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import schedules, validation
from efgan_tf.training.checkpoints import Checkpoints, Position
from efgan_tf.training.initial import Beginning, beginning
from efgan_tf.training.logs import MetricsLog, NonFiniteError, PendingMetrics
from efgan_tf.training.networks import Networks
from efgan_tf.training.run_directory import RunDirectory
from efgan_tf.training.scoring import Scorer, told
from efgan_tf.training.step import TrainingStep
from efgan_tf.training.stopping import StopRequest

_EVALUATION_COUNT = 64
_SATURATED = (0.02, 0.98)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      finished: False if it was asked to stop before its end.
      position: where it is.
      checkpoint: newest checkpoint.
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


def train(config: Config) -> Outcome:
    """Trains, or goes on training, the run in `config.train.run_dir`.

    Raises:
      UserError: the configuration, the data or the run directory are at
        fault, a checkpoint cannot be saved, or a loss is not finite.
    """
    _configure_tensorflow(config)
    strategy = networks_lib.make_strategy(config.train)
    replicas = strategy.num_replicas_in_sync
    if config.train.batch_size % replicas:
        raise ConfigError(
            f"--batch_size={config.train.batch_size} cannot be shared by "
            f"{replicas} replicas; choose a multiple of {replicas}"
        )
    rows = config.train.batch_size // replicas
    for name in ("cycle_every", "zero_every"):
        every = getattr(config.loss, name)
        if rows % every:
            raise ConfigError(
                f"--{name}={every} must divide the {rows} images of each "
                "replica's batch (--batch_size over the replicas)"
            )
    run = RunDirectory(Path(config.train.run_dir))
    begin = beginning(config) if run.is_new() else None
    run.check(config)
    faces, held_out = (
        load_parts(config.data, config.model.image_size, split)
        for split in ("train", "test")
    )
    _check_true_targets(config, faces)
    for remark in remarks(faces, held_out):
        _say(remark)
    with StopRequest() as stop:
        trainer = Trainer(config, run, strategy, faces, held_out, stop)
        return trainer.run(begin)


class Trainer:
    """One run, from where its checkpoints are to its end.

    Args:
      config: of the run.
      run: its directory, checked.
      strategy: where it trains.
      faces: the training split of each data set.
      held_out: the test split of each, in the same order.
      stop: tells when to stop early.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        strategy: tf.distribute.Strategy,
        faces: Sequence[Part],
        held_out: Sequence[Part],
        stop: StopRequest,
    ):
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
                part.name if len(faces) > 1 else "": validation.evaluation_set(
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
            there.
        """
        networks, position = self._begin(begin) if begin else self._resume()
        self.log = MetricsLog(self.run_directory.path, position.images)
        try:
            while True:
                position = self._train_phase(networks, position)
                if self.stop.requested or self._is_last(position.phase):
                    break
                networks, position = self._next_phase(networks, position)
        finally:
            self.log.close()
        finished = self._is_finished(position)
        return Outcome(
            finished=finished,
            position=self._saved,
            checkpoint=str(self._newest),
            sheets=self.scorer.newest_sheets(),
            scores=self.scorer.measure(networks)[0] if finished else {},
        )

    def _begin(self, begin: Beginning) -> tuple[Networks, Position]:
        """New networks, or another run's, and their first checkpoint."""
        self.checkpoints.sweep()
        networks = self._build(begin.position.phase)
        with self.strategy.scope():
            begin.start(networks, self.config)
        self._save(networks, begin.position)
        # Written last: a folder with a config has a checkpoint.
        self.run_directory.write_config(self.config, *self._splits())
        return networks, begin.position

    def _splits(self) -> tuple[list[Faces], list[Faces]]:
        """What is trained on and what is held out, of each data set."""
        return (
            [part.faces for part in self.faces],
            [part.faces for part in self.held_out],
        )

    def _resume(self) -> tuple[Networks, Position]:
        """Networks and position of the newest checkpoint."""
        self.checkpoints.sweep()
        train, held_out = self._splits()
        self.run_directory.check_data(*train, *held_out)
        path, position, problems = self.checkpoints.latest()
        for problem in problems:
            _say(f"damaged checkpoint passed over: {problem}")
        _say(f"resuming from {path}")
        networks = self._build(position.phase)
        self.checkpoints.restore(path, networks.trackables())
        self._saved, self._newest = position, path
        return networks, position

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

    def _train_phase(self, networks: Networks, position: Position) -> Position:
        """Trains to the phase's end or a stop, and saves there."""
        train, phase = self.config.train, position.phase
        total = schedules.total_steps(train, phase)
        if position.step >= total or self.stop.requested:
            return position
        per_step = train.batch_size * train.n_critic
        step = TrainingStep(self.strategy, networks, self.config)
        batches = iter(self._batches(position))
        pending = PendingMetrics()
        _say(f"phase {phase}: tracing the step, which takes a while")
        progress = None
        while position.step < total and not self.stop.requested:
            metrics = step(
                next(batches),
                position.images // per_step,
                schedules.at_step(
                    self.config, phase, position.step, position.images
                ),
            )
            position = Position(
                phase, position.step + 1, position.images + per_step
            )
            pending.add(position.step, metrics)
            if progress is None:  # the first step was spent on tracing
                progress = Progress(
                    f"phase {phase}:", total * per_step,
                    done=position.step * per_step,
                )  # fmt: skip
                self._trained_since = time.monotonic()
            else:
                progress.advance(per_step)
            self._look_after(networks, position, pending, progress)
        if progress:
            progress.finish()
            self._log(pending, position, progress)
            self._save(networks, position)
        return position

    def _look_after(
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
            line = told(self.scorer.score(networks, position, self.log))
            progress.say(
                f"phase {position.phase}, {position.images} images: {line}"
            )
        if saves:
            self._save(networks, position)
        if saves or scores:
            self._trained_since = time.monotonic()

    def _batches(self, position: Position):
        """The pipeline from `position` on, dealt out to the replicas."""
        train = self.config.train
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
            replicas=self.strategy.num_replicas_in_sync,
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


def _configure_tensorflow(config: Config) -> None:
    if config.train.replicas > 1:
        networks_lib.set_logical_cpus(config.train.replicas)
    if config.train.deterministic:
        keras.utils.set_random_seed(config.train.seed)
        tf.config.experimental.enable_op_determinism()


def _check_true_targets(config: Config, faces: Sequence[Part]) -> None:
    if config.train.pairing == "paired" and not any(
        part.faces.has_true_targets() for part in faces
    ):
        raise UserError(
            "--pairing=paired needs true targets, and the data has none: no "
            "two pictures show one subject in one view; name views in the "
            "table (docs/data.md), or pass --pairing=random --lambda_paired=0"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
