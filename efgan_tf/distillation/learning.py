"""The student: which of the teacher's weights it starts from, and its training.

It learns to make the teacher's pictures.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.common.images import psnr
from efgan_tf.common.progress import Progress
from efgan_tf.config import DataConfig, ModelConfig
from efgan_tf.data import load_faces
from efgan_tf.distillation.distillation_settings import DistillConfig
from efgan_tf.distillation.examples import Examples, make_examples
from efgan_tf.models import (
    build_cascade,
    critic_crop,
    dtype_policy,
    stage_models,
)
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.keras_file import write_keras
from efgan_tf.trained.loading import load_network
from efgan_tf.trained.network import TrainedNetwork, join
from efgan_tf.training import losses, schedules
from efgan_tf.training.held_out_scores import evaluation_set, run_cascade

_SEED = 0  # of weights and examples
_HELD_OUT = 64
_DECAY = 0.5


def distill(
    config: DistillConfig, data: DataConfig, model: ModelConfig
) -> dict[str, float]:
    """Makes a student and writes it to `config.out`.

    The file is written anew at each score, so that a run that is stopped
    leaves what it has learned.

    Args:
      config: the teacher, the training's length, and the student's file.
      data: the faces; the teacher edits those of the training split.
      model: shape of the student.

    Returns:
      The last scores on held-out people: `StudentScores.measure`.

    Raises:
      UserError: the teacher, the data or the student's shape are at fault, or
        the file cannot be written.
    """
    teacher = load_network(config.teacher)
    keras.utils.set_random_seed(_SEED)
    student = build_student(teacher, model)
    if config.student:
        go_on_from(student, config.student)
    train = load_faces(data, model.image_size, "train")
    held_out = load_faces(data, model.image_size, "test", beside=[train])
    pairs = evaluation_set(held_out, train, _HELD_OUT)
    scores = StudentScores(teacher, pairs)
    examples = make_examples(
        teacher,
        train,
        config.examples,
        _SEED,
        config.ground_truth_share,
    )
    last: dict[str, float] = {}
    for found in _learn(student, examples, config, scores):
        write_keras(student, Path(config.out), overwrite=True)
        last = found
    return last


class StudentScores:
    """Compares student, teacher and ground truth on edits of held-out people.

    Args:
      teacher: the trained model.
      pairs: of `evaluation_set`.
    """

    def __init__(
        self, teacher: TrainedNetwork, pairs: Mapping[str, np.ndarray]
    ):
        self.pairs = pairs
        self.teacher_edits = run_cascade(teacher.cascade, pairs)["image"]

    def measure(self, student: TrainedNetwork) -> dict[str, float]:
        """Mean PSNR in dB: student to teacher, all three to ground truth.

        `"to_teacher"`, and where there is ground truth `"student"`,
        `"teacher"` and `"no_edit"`.
        """
        edited = run_cascade(student.cascade, self.pairs)["image"]
        found = {"to_teacher": float(np.mean(psnr(edited, self.teacher_edits)))}
        known = self.pairs["has_ground_truth"]
        if known.any():
            ground_truth = self.pairs["ground_truth"][known]
            shown = {
                "student": edited,
                "teacher": self.teacher_edits,
                "no_edit": self.pairs["image"],
            }
            for name, images in shown.items():
                found[name] = float(np.mean(psnr(images[known], ground_truth)))
        return found


def describe_scores(scores: Mapping[str, float]) -> str:
    """The scores in a line for people."""
    line = f"{scores['to_teacher']:.2f} dB to the teacher"
    if "student" in scores:
        line += (
            f"; to ground truth {scores['student']:.2f} dB, teacher "
            f"{scores['teacher']:.2f}, no edit {scores['no_edit']:.2f}"
        )
    return line


def _learn(
    student: TrainedNetwork,
    examples: Examples,
    config: DistillConfig,
    scores: StudentScores,
) -> Iterator[dict[str, float]]:
    """Trains in place; yields scores, the last of them at the end."""
    optimizer = keras.optimizers.Adam(config.student_learning_rate)
    step = _make_step(student, optimizer)
    size = config.student_batch_size
    total = int(np.ceil(config.student_kimg * 1000 / size)) * size
    between = config.score_kimg * 1000
    progress = Progress("student", total)
    start, seen, scored = time.monotonic(), 0, 0
    progress.say(f"before: {describe_scores(scores.measure(student))}")
    for batch in examples.batches(size, _SEED):
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
) -> Callable[[Mapping[str, np.ndarray]], tf.Tensor]:
    """A traced update: batch of `Examples.batches` → its loss."""
    cascade, estimator = student.cascade, student.estimator
    variables = cascade.trainable_variables
    boxes = student.info.model.boxes
    optimizer.build(variables)

    @tf.function
    def step(batch):
        inputs = dict(batch)
        target = inputs.pop("result")
        with tf.GradientTape() as tape:
            edited = cascade(inputs, training=True)["image"]
            # An edit changes little outside eyes, nose and mouth: each box
            # counts as much as the whole picture.
            loss = losses.l1(edited, target)
            for region in boxes:
                crops = (
                    critic_crop(i, region, boxes) for i in (edited, target)
                )
                loss += losses.l1(*crops)
            loss += losses.action_unit_regression(
                estimator(edited, training=False),
                estimator(target, training=False),
            )
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return lambda batch: step(
        {name: tf.convert_to_tensor(array) for name, array in batch.items()}
    )


_SHARED = (
    "image_size", "estimator_width", "box_eyes", "box_nose", "box_mouth",
)  # fmt: skip
"""What a student cannot choose: it sees the teacher's picture, and takes its
estimator over."""


def build_student(
    teacher: TrainedNetwork, config: ModelConfig
) -> TrainedNetwork:
    """A network of another shape that starts from the teacher's weights.

    Layers of its branches that a branch of the teacher has in the same size
    are copied (a residual block that is left out is simply not there, which
    training makes up for); the others start at random. The estimator is the
    teacher's.

    Args:
      teacher: the trained model.
      config: shape of the student.

    Raises:
      UserError: the student would see another picture than the teacher.
    """
    theirs = dataclasses.asdict(teacher.info.model)
    for name in _SHARED:
        own, teachers = getattr(config, name), theirs[name]
        if own != teachers:
            shown = teachers
            if isinstance(teachers, tuple):
                shown = ",".join(map(str, teachers))
            raise UserError(
                f"the student sees what its teacher sees: --{name} must be "
                f"the teacher's {shown}"
            )
    with dtype_policy("float32"):
        cascade = build_cascade(config)
        sources = stage_models(teacher.cascade)
        for number, stage in enumerate(stage_models(cascade)):
            _start(stage, sources[min(number, len(sources) - 1)])
        network = join(cascade, teacher.estimator, config)
    return TrainedNetwork(network, ModelInfo(config, teacher.info.learned))


def go_on_from(student: TrainedNetwork, path: str) -> None:
    """Gives a student the weights of an earlier one.

    Raises:
      UserError: there is none, or it has another shape.
    """
    earlier = load_network(path)
    if earlier.info.model != student.info.model:
        raise UserError(
            f"--student={path} has another shape than the flags say"
        )
    student.cascade.set_weights(earlier.cascade.get_weights())


def _start(stage: keras.Model, source: keras.Model) -> None:
    """Copies every layer of every branch that both have in one size."""
    trained = dict(_branches(source))
    for name, branch in _branches(stage):
        theirs = {
            layer.name: layer.get_weights()
            for layer in (trained[name].layers if name in trained else ())
        }
        for layer in branch.layers:
            weights = theirs.get(layer.name, [])
            shapes = [tuple(weight.shape) for weight in layer.weights]
            if shapes and shapes == [weight.shape for weight in weights]:
                layer.set_weights(weights)


def _branches(stage: keras.Model) -> list[tuple[str, keras.Model]]:
    return [
        (layer.name, layer)
        for layer in stage.layers
        if isinstance(layer, keras.Model)
    ]
