"""The student's networks, and what of the teacher they can start from."""

import dataclasses

import keras

from efgan_tf.common.errors import UserError
from efgan_tf.config import ModelConfig
from efgan_tf.models import build_cascade, dtype_policy, stage_models
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.loading import load_network
from efgan_tf.trained.network import TrainedNetwork, join

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
    training mends); the others start at random. The estimator is the
    teacher's.

    Args:
      teacher: the trained model.
      config: shape of the student.

    Raises:
      UserError: the student would see another picture than the teacher.
    """
    theirs = dataclasses.asdict(teacher.info.model)
    for name in _SHARED:
        wanted, has = getattr(config, name), theirs[name]
        if wanted != has:
            shown = ",".join(map(str, has)) if isinstance(has, tuple) else has
            raise UserError(
                f"the student sees what its teacher sees: --{name} must be "
                f"the teacher's {shown}"
            )
    with dtype_policy("float32"):
        cascade = build_cascade(config)
        donors = stage_models(teacher.cascade)
        for number, stage in enumerate(stage_models(cascade)):
            _start(stage, donors[min(number, len(donors) - 1)])
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


def _start(stage: keras.Model, donor: keras.Model) -> None:
    """Copies every layer of every branch that both have in one size."""
    donated = dict(_branches(donor))
    for name, branch in _branches(stage):
        theirs = {
            layer.name: layer.get_weights()
            for layer in (donated[name].layers if name in donated else ())
        }
        for layer in branch.layers:
            given = theirs.get(layer.name, [])
            shapes = [tuple(weight.shape) for weight in layer.weights]
            if shapes and shapes == [weight.shape for weight in given]:
                layer.set_weights(given)


def _branches(stage: keras.Model) -> list[tuple[str, keras.Model]]:
    return [
        (layer.name, layer)
        for layer in stage.layers
        if isinstance(layer, keras.Model)
    ]
