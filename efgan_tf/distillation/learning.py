"""The student's training: the teacher's pictures are what it aims at."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from efgan_tf.common.images import psnr
from efgan_tf.common.progress import Progress
from efgan_tf.config import DataConfig, ModelConfig
from efgan_tf.data import load_faces
from efgan_tf.distillation.lessons import Lessons, make_lessons
from efgan_tf.distillation.settings import DistillConfig
from efgan_tf.distillation.student import build_student, go_on_from
from efgan_tf.trained.keras_file import write_keras
from efgan_tf.trained.loading import load_network
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.training import losses, schedules, validation
from efgan_tf.training.samples import run_cascade

_HELD_OUT = 64
_DECAY = 0.5


def distill(
    config: DistillConfig, data: DataConfig, model: ModelConfig
) -> dict[str, float]:
    """Makes a student and writes it to `config.out`.

    The file is written anew at each score, so that a run that is stopped
    leaves what it has learned.

    Args:
      config: who teaches, how much, and where the student goes.
      data: the faces; the teacher edits those of the training split.
      model: shape of the student.

    Returns:
      The last scores on held-out people: `Scores.measure`.

    Raises:
      UserError: the teacher, the data or the student's shape are at fault, or
        the file cannot be written.
    """
    teacher = load_network(config.teacher)
    keras.utils.set_random_seed(config.distill_seed)
    student = build_student(teacher, model)
    if config.student:
        go_on_from(student, config.student)
    train = load_faces(data, model.image_size, "train")
    held_out = load_faces(data, model.image_size, "test", beside=[train])
    examples = validation.evaluation_set(held_out, train, _HELD_OUT)
    scores = Scores(teacher, examples)
    lessons = make_lessons(
        teacher,
        train,
        config.lessons,
        config.distill_seed,
        config.true_lessons,
    )
    last: dict[str, float] = {}
    for found in _learn(student, lessons, config, scores):
        write_keras(student, Path(config.out), overwrite=True)
        last = found
    return last


class Scores:
    """Compares student, teacher and truth on edits of held-out people.

    Args:
      teacher: the trained model.
      examples: of `validation.evaluation_set`.
    """

    def __init__(
        self, teacher: TrainedNetwork, examples: Mapping[str, np.ndarray]
    ):
        self.examples = examples
        self.wanted = run_cascade(teacher.cascade, examples)["image"]

    def measure(self, student: TrainedNetwork) -> dict[str, float]:
        """Mean PSNR in dB: student to teacher, and of all three to the truth.

        `"to_teacher"`, and where there are true targets `"student"`,
        `"teacher"` and `"no_edit"`.
        """
        edited = run_cascade(student.cascade, self.examples)["image"]
        found = {"to_teacher": float(np.mean(psnr(edited, self.wanted)))}
        true = self.examples["has_target"]
        if true.any():
            truth = self.examples["target_image"][true]
            shown = {
                "student": edited,
                "teacher": self.wanted,
                "no_edit": self.examples["image"],
            }
            for name, images in shown.items():
                found[name] = float(np.mean(psnr(images[true], truth)))
        return found


def describe_scores(scores: Mapping[str, float]) -> str:
    """The scores in a line for people."""
    line = f"{scores['to_teacher']:.2f} dB to the teacher"
    if "student" in scores:
        line += (
            f"; to the truth {scores['student']:.2f} dB, teacher "
            f"{scores['teacher']:.2f}, no edit {scores['no_edit']:.2f}"
        )
    return line


def _learn(
    student: TrainedNetwork,
    lessons: Lessons,
    config: DistillConfig,
    scores: Scores,
) -> Iterator[dict[str, float]]:
    """Trains in place; yields scores, the last of them at the end."""
    optimizer = keras.optimizers.Adam(config.student_learning_rate)
    step = _make_step(student, optimizer, config.lambda_agreement)
    size = config.student_batch_size
    total = int(np.ceil(config.student_kimg * 1000 / size)) * size
    between = config.score_kimg * 1000
    progress = Progress("student", total)
    start, seen, scored = time.monotonic(), 0, 0
    progress.say(f"before: {describe_scores(scores.measure(student))}")
    for batch in lessons.batches(size, config.distill_seed):
        share = seen / total
        if config.minutes:
            passed = (time.monotonic() - start) / (60 * config.minutes)
            share = max(share, passed)
        if share >= 1:
            break
        optimizer.learning_rate = schedules.learning_rate(
            config.student_learning_rate, share, _DECAY
        )
        loss = step(batch)
        seen += size
        progress.advance(size, f"loss {float(loss):.4f}")
        if seen - scored >= between and seen < total:
            scored, found = seen, scores.measure(student)
            progress.say(f"{seen} edits: {describe_scores(found)}")
            yield found
    progress.finish()
    yield scores.measure(student)


def _make_step(
    student: TrainedNetwork,
    optimizer: keras.optimizers.Optimizer,
    lambda_agreement: float,
) -> Callable[[Mapping[str, np.ndarray]], tf.Tensor]:
    """A traced update: batch of `Lessons.batches` → its loss."""
    cascade, estimator = student.cascade, student.estimator
    variables = cascade.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(batch):
        inputs = dict(batch)
        wanted = inputs.pop("result")
        with tf.GradientTape() as tape:
            made = cascade(inputs, training=True)["image"]
            loss = losses.l1(made, wanted)
            if lambda_agreement:
                loss += lambda_agreement * losses.action_unit_regression(
                    estimator(made, training=False),
                    estimator(wanted, training=False),
                )
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return lambda batch: step(
        {name: tf.convert_to_tensor(array) for name, array in batch.items()}
    )
