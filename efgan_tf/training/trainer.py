"""The training run: both phases, checkpoints, samples, held-out scores.

`train(config)` is the whole job of `python -m efgan_tf.train`. It resumes
where the newest whole checkpoint is, in either phase.
"""

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from efgan_tf.config import Config
from efgan_tf.data import Faces, load_faces
from efgan_tf.data.pipeline import evaluation_pairs, training_batches
from efgan_tf.errors import ConfigError, UserError
from efgan_tf.outputs import atomic_file
from efgan_tf.progress import Progress
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import samples, schedules, validation
from efgan_tf.training.checkpoints import Checkpoints, Position
from efgan_tf.training.logs import (
    MetricsLog,
    NonFiniteError,
    PendingMetrics,
)
from efgan_tf.training.loss_scaling import all_finite
from efgan_tf.training.run_directory import RunDirectory
from efgan_tf.training.step import TrainingStep
from efgan_tf.training.stopping import StopRequest

_SHEET_ROWS = 8
_EVALUATION_PAIRS = 64
_SATURATED = (0.02, 0.98)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      finished: False if it was asked to stop before its end.
      position: where it is.
      checkpoint: newest checkpoint.
      sheet: newest sample sheet, or None before the first.
      held_out: the last held-out scores.
    """

    finished: bool
    position: Position
    checkpoint: str
    sheet: str | None
    held_out: dict[str, float]


def train(config: Config) -> Outcome:
    """Trains, or goes on training, the run in `config.train.run_dir`.

    Raises:
      UserError: the configuration, the data or the run directory are at
        fault, a checkpoint cannot be saved, or a loss is not finite.
    """
    run = RunDirectory(Path(config.train.run_dir))
    run.check(config)
    _configure_tensorflow(config)
    strategy = networks_lib.make_strategy(config.train)
    replicas = strategy.num_replicas_in_sync
    if config.train.batch_size % replicas:
        raise ConfigError(
            f"--batch_size={config.train.batch_size} cannot be shared by "
            f"{replicas} replicas; choose a multiple of {replicas}"
        )
    faces = load_faces(config.data, config.model.image_size, "train")
    held_out = load_faces(config.data, config.model.image_size, "test")
    pairs = evaluation_pairs(held_out, _EVALUATION_PAIRS, seed=0)
    with StopRequest() as stop:
        return Trainer(config, run, strategy, faces, pairs, stop).run()


class Trainer:
    """One run, from where its checkpoints are to its end.

    Args:
      config: of the run.
      run: its directory, checked.
      strategy: where it trains.
      faces: the training split.
      pairs: held-out evaluation pairs.
      stop: tells when to stop early.
    """

    def __init__(
        self,
        config: Config,
        run: RunDirectory,
        strategy: tf.distribute.Strategy,
        faces: Faces,
        pairs: dict[str, np.ndarray],
        stop: StopRequest,
    ):
        self.config = config
        self.run_directory = run
        self.strategy = strategy
        self.faces = faces
        self.pairs = pairs
        self.stop = stop
        self.checkpoints = Checkpoints(
            run.checkpoints, config.train.keep_checkpoints
        )
        self.held_out: dict[str, float] = {}
        self.sheet: str | None = None
        self._warned: set[str] = set()

    def run(self) -> Outcome:
        """Trains to the end, or until a stop is requested."""
        networks, position = self._start()
        self.log = MetricsLog(self.run_directory.path, position.images)
        try:
            while True:
                position = self._train_phase(networks, position)
                if self.stop.requested or self._is_last(position.phase):
                    break
                networks, position = self._next_phase(networks, position)
        finally:
            self.log.close()
        checkpoint, position, _ = self.checkpoints.latest()
        return Outcome(
            finished=self._is_finished(position),
            position=position,
            checkpoint=str(checkpoint),
            sheet=self.sheet,
            held_out=self.held_out,
        )

    def _start(self) -> tuple[networks_lib.Networks, Position]:
        """Networks and position of the newest checkpoint, or new ones."""
        found = (
            None if self.run_directory.is_new() else self.checkpoints.latest()
        )
        if found:
            path, position, problems = found
            for problem in problems:
                _say(f"damaged checkpoint passed over: {problem}")
            _say(f"resuming from {path}")
            networks = self._build(position.phase)
            self.checkpoints.restore(path, networks.trackables())
            return networks, position
        phase = 1 if self.config.train.phase1_kimg > 0 else 2
        networks, position = self._build(phase), Position(phase, 0, 0)
        self._save(networks, position)
        # Written last: a folder with a config has a checkpoint.
        self.run_directory.write_config(self.config)
        return networks, position

    def _next_phase(
        self, trained: networks_lib.Networks, position: Position
    ) -> tuple[networks_lib.Networks, Position]:
        """Phase 2's networks, every stage started from phase 1's average."""
        networks = self._build(2)
        networks_lib.start_phase_2(networks, trained)
        return networks, Position(2, 0, position.images)

    def _build(self, phase: int) -> networks_lib.Networks:
        with self.strategy.scope():
            return networks_lib.build_networks(self.config, phase)

    def _train_phase(
        self, networks: networks_lib.Networks, position: Position
    ) -> Position:
        """Trains to the phase's end or a stop; saves and scores there."""
        train, phase = self.config.train, position.phase
        total = schedules.total_steps(train, phase)
        if position.step >= total:
            self._score(networks, position)
            return position
        per_step = train.batch_size * train.n_critic
        step = TrainingStep(
            self.strategy, networks, self.config, self.faces.mask
        )
        batches = iter(self._batches(position))
        pending = PendingMetrics()
        _say(f"phase {phase}: tracing the step, which takes a while")
        progress = None
        last_save = time.monotonic()
        while position.step < total and not self.stop.requested:
            metrics = step(
                next(batches),
                position.images // per_step,
                schedules.at_step(self.config, phase, position.step),
            )
            pending.add(position.step, metrics)
            position = Position(
                phase, position.step + 1, position.images + per_step
            )
            if progress is None:  # the first step was spent on tracing
                progress = Progress(
                    f"phase {phase}:", total * per_step,
                    done=position.step * per_step,
                )  # fmt: skip
            else:
                progress.advance(per_step)
            if position.step % train.log_steps == 0:
                self._log(pending, position)
            if self._sheet_is_due(position, per_step):
                self._score(networks, position)
            if time.monotonic() - last_save > train.checkpoint_minutes * 60:
                self._log(pending, position)
                self._save(networks, position)
                last_save = time.monotonic()
        progress.finish()
        self._log(pending, position)
        self._save(networks, position)
        if position.step >= total:
            self._score(networks, position)
        return position

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
            first_batch=position.images // train.batch_size,
            group=train.n_critic,
            replicas=self.strategy.num_replicas_in_sync,
        )
        return self.strategy.distribute_datasets_from_function(
            lambda context: dataset
        )

    def _log(self, pending: PendingMetrics, position: Position) -> None:
        """Writes the mean of the steps since the last line.

        Raises:
          UserError: a step's loss was not finite.
        """
        try:
            metrics = pending.means()
        except NonFiniteError as error:
            raise self._diverged(error) from error
        if not metrics:
            return
        schedule = schedules.at_step(
            self.config, position.phase, position.step - 1
        )
        self.log.write(
            position.images,
            {**metrics, **{f"schedule/{k}": v for k, v in schedule.items()}},
            phase=position.phase,
            step=position.step,
        )
        self._warn_of_saturation(metrics, position)

    def _warn_of_saturation(self, metrics, position: Position) -> None:
        total = schedules.total_steps(self.config.train, position.phase)
        if position.step < self.config.loss.attention_warmup * total:
            return
        low, high = _SATURATED
        for name, value in metrics.items():
            saturated = name.startswith("attention/") and not low < value < high
            if saturated and name not in self._warned:
                self._warned.add(name)
                _say(
                    f"warning: {name} is {value:.3f} at step {position.step}: "
                    + (
                        "hardly anything is edited; lower --lambda_att"
                        if value <= low
                        else "hardly anything is kept; raise --lambda_att"
                    )
                )

    def _save(
        self, networks: networks_lib.Networks, position: Position
    ) -> None:
        weights = [
            variable.value
            for network in (networks.generator, *networks.critics.values())
            for variable in network.trainable_variables
        ]
        if not bool(all_finite(weights)):
            error = NonFiniteError(position.step, "a weight", float("nan"))
            raise self._diverged(error)
        self.checkpoints.save(position, networks.trackables())

    def _diverged(self, error: NonFiniteError) -> UserError:
        found = self.checkpoints.latest()
        kept = f"; the last good checkpoint is {found[0]}" if found else ""
        return UserError(
            f"training stopped: {error}{kept}. Lower --learning_rate or use "
            "--precision=float32, in another --run_dir"
        )

    def _sheet_is_due(self, position: Position, per_step: int) -> bool:
        every = self.config.train.sample_kimg * 1000
        before = position.images - per_step
        return position.images // every > before // every

    def _score(
        self, networks: networks_lib.Networks, position: Position
    ) -> None:
        """Held-out PSNR and a sample sheet of the averaged generator."""
        outputs = samples.run_cascade(networks.average, self.pairs)
        self.held_out = validation.held_out_metrics(
            self.pairs, outputs["image"]
        )
        self.log.write(
            position.images,
            self.held_out,
            phase=position.phase,
            step=position.step,
        )
        rows, few = keras.tree.map_structure(
            lambda array: array[:_SHEET_ROWS], (dict(self.pairs), outputs)
        )
        sheet = samples.sample_sheet(rows, few, self.config.model)
        name = f"phase{position.phase}_{position.images:08}.png"
        with atomic_file(self.run_directory.samples / name) as temporary:
            Image.fromarray(sheet).save(temporary)
        self.sheet = str(self.run_directory.samples / name)
        self.log.image(position.images, "samples", sheet)
        _say(
            f"phase {position.phase}, {position.images} images: held-out PSNR "
            f"{self.held_out['held_out/psnr']:.2f} dB, without an edit "
            f"{self.held_out['held_out/psnr_no_edit']:.2f} dB"
        )

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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
