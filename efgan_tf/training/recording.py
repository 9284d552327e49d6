"""What a run leaves in its folder: logs, scores, sample sheets, checkpoints."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import Progress, say
from efgan_tf.config import Config
from efgan_tf.data import FacesPart
from efgan_tf.trained.checkpoints import Checkpoints, Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import schedules
from efgan_tf.training.held_out_scores import (
    Scorer,
    describe_scores,
    evaluation_set,
)
from efgan_tf.training.logs import MetricsLog, NonFiniteError, PendingMetrics
from efgan_tf.training.networks import Networks

_EVALUATION_COUNT = 64
_SATURATED = (0.02, 0.98)


@dataclasses.dataclass
class Recorder:
    """Reads and writes a run's folder, on the chief alone.

    Attributes:
      config: of the run.
      run: its directory, checked.
      faces: the training split of each data set.
      held_out: the test split of each, in the same order.
      saved: position of the newest checkpoint; None before the first.
      newest: its folder.
    """

    config: Config
    run: RunDirectory
    faces: Sequence[FacesPart]
    held_out: Sequence[FacesPart]
    saved: Position | None = None
    newest: Path | None = None

    def __post_init__(self):
        examples = {
            part.name if len(self.faces) > 1 else "": evaluation_set(
                test.faces, part.faces, _EVALUATION_COUNT
            )
            for part, test in zip(self.faces, self.held_out, strict=True)
        }
        self.scorer = Scorer(self.config, self.run, examples)
        self._train = [part.faces for part in self.faces]
        self._test = [part.faces for part in self.held_out]
        self._checkpoints = Checkpoints(
            self.run.checkpoints, self.config.train.keep_checkpoints
        )
        self._checkpoints.sweep()
        self._pending = PendingMetrics()
        self._progress: Progress | None = None
        self._last_save = self._trained_since = time.monotonic()
        self._warned: set[str] = set()

    def find_newest(self) -> Position:
        """Where the newest checkpoint is, if the run's data are unchanged."""
        self.run.check_data(*self._train, *self._test)
        found = self._checkpoints.latest()
        if found is None:
            raise UserError(
                f"{self.run.path} has no checkpoint left; train in another "
                "--run_dir"
            )
        self.newest, self.saved, problems = found
        for problem in problems:
            say(f"damaged checkpoint passed over: {problem}")
        say(f"resuming from {self.newest}")
        return self.saved

    def restore(self, networks: Networks) -> None:
        """Gives the networks the variables of the checkpoint that was found."""
        assert self.newest
        self._checkpoints.restore(self.newest, networks.trackables())

    def begin(self, networks: Networks, position: Position) -> None:
        """Saves the first checkpoint of a new run, and then its config.

        A folder with a config has a checkpoint.
        """
        self._save(networks, position)
        self.run.write_config(self.config, self._train, self._test)

    def open_log(self, images: int) -> MetricsLog:
        """Opens the log, which the caller closes, behind so many images."""
        self._log_file = MetricsLog(self.run.path, images)
        return self._log_file

    def after_step(
        self,
        networks: Networks,
        position: Position,
        metrics: Mapping[str, tf.Tensor],
        schedule: Mapping[str, float],
    ) -> None:
        """Logs, scores and saves, each when it is due.

        In this order: what a checkpoint follows on is written down before it,
        and a loss that is not finite stops the run before anything is made of
        it.
        """
        train, phase = self.config.train, position.phase
        per_step = train.batch_size * train.n_critic
        total = schedules.total_steps(train, phase)
        self._pending.add(position.step, metrics)
        self._schedule = schedule
        if self._progress is None:  # the first step was spent on tracing
            self._progress = Progress(
                f"phase {phase}:", total * per_step,
                done=position.step * per_step,
            )  # fmt: skip
            self._trained_since = time.monotonic()
        else:
            self._progress.advance(per_step)
        ends = position.step == total
        waited = time.monotonic() - self._last_save
        every, before = train.sample_kimg * 1000, position.images - per_step
        saves = ends or waited > train.checkpoint_minutes * 60
        scores = ends or position.images // every > before // every
        if saves or scores or position.step % train.log_steps == 0:
            self._log(position)
        if scores:
            scored = self.scorer.score(networks, position, self._log_file)
            self._progress.say(
                f"phase {phase}, {position.images} images: "
                f"{describe_scores(scored)}"
            )
        if saves:
            self._save(networks, position)
        if saves or scores:
            self._trained_since = time.monotonic()

    def end_phase(self, networks: Networks, position: Position) -> None:
        """Logs and saves where a phase has ended or was stopped."""
        if self._progress:
            self._progress.finish()
            self._log(position)
            self._save(networks, position)
            self._progress = None

    def _log(self, position: Position) -> None:
        """Writes the mean of the steps since the last line.

        And the seconds that they took, without tracing, scoring and saving.
        """
        with self._divergence_as_user_error(position):
            metrics = self._pending.means()
        if not metrics:
            return
        seconds = time.monotonic() - self._trained_since
        self._trained_since += seconds
        schedule = {f"schedule/{k}": v for k, v in self._schedule.items()}
        self._log_file.write(
            position.images,
            {**metrics, **schedule},
            phase=position.phase,
            step=position.step,
            seconds=round(seconds, 3),
        )
        self._warn_of_saturation(metrics, position)

    def _warn_of_saturation(
        self, metrics: Mapping[str, float], position: Position
    ) -> None:
        total = schedules.total_steps(self.config.train, position.phase)
        if position.step < self.config.loss.attention_warmup * total:
            return
        low, high = _SATURATED
        for name, value in metrics.items():
            saturated = name.startswith("attention/") and not low < value < high
            if saturated and name not in self._warned and self._progress:
                self._warned.add(name)
                advice = "edited; lower" if value <= low else "kept; raise"
                self._progress.say(
                    f"warning: {name} is {value:.3f} at step {position.step}: "
                    f"hardly anything is {advice} --lambda_att, if the sample "
                    "sheet agrees"
                )

    def _save(self, networks: Networks, position: Position) -> None:
        """Saves a checkpoint, unless it is there or a weight is not finite."""
        if position == self.saved:
            return
        with self._divergence_as_user_error(position):
            networks_lib.check_finite(networks, position.step)
        self.newest = self._checkpoints.save(position, networks.trackables())
        self.saved, self._last_save = position, time.monotonic()

    @contextlib.contextmanager
    def _divergence_as_user_error(self, position: Position) -> Iterator[None]:
        """A number that is not finite becomes a `UserError`."""
        try:
            yield
        except NonFiniteError as error:
            found = self._checkpoints.latest()
            kept = f"; the last good checkpoint is {found[0]}" if found else ""
            raise UserError(
                f"training stopped in phase {position.phase}: {error}{kept}. "
                "Try a lower --learning_rate or --precision=float32, in "
                "another --run_dir"
            ) from error
