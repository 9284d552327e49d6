"""A run's newest checkpoint as a network to edit with.

Only the averaged generator and the estimator are built and read: no critics,
no optimizers, no data, whatever strategy and precision it was trained with.
"""

import dataclasses
from pathlib import Path

from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.models import build_cascade, build_estimator, dtype_policy
from efgan_tf.trained.checkpoints import Checkpoints
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.network import TrainedNetwork, join
from efgan_tf.trained.run_directory import RunDirectory


def read_run(path: Path) -> TrainedNetwork:
    """The network of the run in folder `path`, computing in float32.

    A run that is still in phase 1 gives a cascade of one stage. A damaged
    checkpoint is passed over for an older one, with a line on standard error.

    Raises:
      UserError: there is no run or no checkpoint, or none that is whole.
    """
    run = RunDirectory(path)
    config = run.read_config().model
    checkpoints = Checkpoints(run.checkpoints, keep=1)
    found = checkpoints.latest()
    if found is None:
        raise UserError(
            f"{run.checkpoints} holds no checkpoint; train on, or name "
            "another run"
        )
    checkpoint, position, problems = found
    for problem in problems:
        say(f"damaged checkpoint passed over: {problem}")
    if position.phase == 1:
        config = dataclasses.replace(config, stages=1)
    with dtype_policy("float32"):
        cascade, estimator = build_cascade(config), build_estimator(config)
        checkpoints.restore(
            checkpoint, {"average": cascade, "estimator": estimator}
        )
        network = join(cascade, estimator, config)
    return TrainedNetwork(network, ModelInfo(config, run.learned_units()))
