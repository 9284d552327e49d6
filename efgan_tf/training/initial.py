"""Initial weights of a new run: random ones, or trained ones.

`--init_from` names another run, whose critics are used too, or a model
without critics: a preset or a `.keras` file.
"""

import dataclasses
from pathlib import Path

from efgan_tf import config as config_lib
from efgan_tf.common import options
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.config import Config, ModelConfig
from efgan_tf.trained.checkpoints import Checkpoints, Position
from efgan_tf.trained.network import TrainedNetwork
from efgan_tf.trained.presets import PREFIX
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import networks as networks_lib
from efgan_tf.training import schedules

# What may differ between a run and the one that it starts from: the stages
# are checked for themselves, the bias is the start of a weight.
_OWN_SETTINGS = {"stages", "attention_bias"}

_OF_CRITICS = {"critic_width", "critic_norm"}
"""Settings that a model without critics does not share."""


@dataclasses.dataclass(frozen=True)
class InitialState:
    """Where a new run begins.

    Attributes:
      position: its first; its phase says which networks there are.
      checkpoint: of another run, whose networks are taken over; or None.
      stages: of the averaged cascade in that checkpoint.
      train_only: which layers learned there: its optimizer's shapes.
      model: without critics, whose networks are taken over instead; or None.
    """

    position: Position
    checkpoint: Path | None = None
    stages: int = 1
    train_only: tuple[str, ...] = ()
    model: TrainedNetwork | None = None

    def copy_weights(
        self, networks: networks_lib.Networks, config: Config
    ) -> None:
        """Copies trained weights, if there are any, to the new networks."""
        if self.model:
            networks_lib.copy_generator_and_estimator(
                networks, self.model.cascade, self.model.estimator
            )
        if self.checkpoint is None:
            return
        there = {"stages": self.stages, "train_only": self.train_only}
        trained = networks_lib.build_networks(
            config_lib.replace(config, there), phase=2
        )
        Checkpoints(self.checkpoint.parent, keep=1).restore(
            self.checkpoint, trained.trackables()
        )
        networks_lib.start_from(networks, trained)


def initial_state(config: Config) -> InitialState:
    """Where a new run of `config` begins; reads, and writes nothing.

    Without phase 1 it takes over the end of another run's phase 1, with that
    run's count of images: its batches are then those of that run's own phase
    2. With phase 1 it takes over the other run as it is now: a single EF-GAN
    trains on in phase 1, a cascade in phase 2. A model without critics goes on
    likewise, and a single EF-GAN may become a cascade.

    Raises:
      UserError: `--init_from` names nothing that is trained, one of other
        networks, or a run that is not far enough.
    """
    train = config.train
    first = Position(1 if train.phase1_kimg > 0 else 2, 0, 0)
    if not train.init_from:
        return InitialState(first)
    if train.init_from.startswith(PREFIX) or Path(train.init_from).is_file():
        return _from_model(config, first)
    parent = RunDirectory(Path(train.init_from))
    parent_config = parent.read_config()
    _check_shapes(config, parent_config.model, _OWN_SETTINGS)
    if train.phase1_kimg > 0:
        return _as_it_is(config, parent, parent_config)
    return _end_of_phase_1(parent, parent_config)


def _from_model(config: Config, first: Position) -> InitialState:
    """From a preset or a `.keras` file."""
    from efgan_tf.trained.loading import load_network

    trained = load_network(config.train.init_from)
    model = trained.info.model
    _check_shapes(config, model, _OWN_SETTINGS | _OF_CRITICS)
    if model.stages == 1:
        return InitialState(first, model=trained)
    _check_cascade(config, model.stages, "")
    return InitialState(Position(2, 0, 0), model=trained)


def _check_shapes(config: Config, parent: ModelConfig, own: set[str]) -> None:
    differences = [
        line
        for line in options.differences(parent, config.model)
        if line.partition(":")[0] not in own
    ]
    if differences:
        raise UserError(
            f"--init_from={config.train.init_from} has other networks ("
            f"{'; '.join(differences)}); use its settings"
        )


def _end_of_phase_1(
    parent: RunDirectory, parent_config: Config
) -> InitialState:
    last = schedules.total_steps(parent_config.train, phase=1)
    if not last:
        raise UserError(
            f"--init_from={parent.path} has no phase 1; with --phase1_kimg "
            "above 0 a run starts from its cascade"
        )
    found = Checkpoints(parent.checkpoints, keep=1).at(1, last)
    if found is None:
        raise UserError(
            f"--init_from={parent.path} has no checkpoint of the end of its "
            f"phase 1, step {last}; train it that far"
        )
    path, position = found
    learned = parent_config.train.train_only
    return InitialState(
        Position(2, 0, position.images), path, train_only=learned
    )


def _as_it_is(
    config: Config, parent: RunDirectory, parent_config: Config
) -> InitialState:
    found = Checkpoints(parent.checkpoints, keep=1).latest()
    if found is None:
        raise UserError(f"--init_from={parent.path} has no checkpoint")
    path, position, problems = found
    for problem in problems:
        say(f"damaged checkpoint passed over: {problem}")
    stages = parent_config.model.stages if position.phase == 2 else 1
    learned = parent_config.train.train_only
    if stages == 1:
        return InitialState(Position(1, 0, 0), path, train_only=learned)
    _check_cascade(
        config, stages,
        ", or --phase1_kimg=0 to start from the end of its phase 1",
    )  # fmt: skip
    return InitialState(Position(2, 0, 0), path, stages, learned)


def _check_cascade(config: Config, stages: int, hint: str) -> None:
    """Raises a `UserError` unless a cascade of so many stages can train on."""
    name = f"--init_from={config.train.init_from} is a cascade of {stages}"
    if stages != config.model.stages:
        raise UserError(f"{name} stages: pass --stages={stages}{hint}")
    if config.train.phase2_kimg == 0:
        raise UserError(
            f"{name} stages, which trains in phase 2, and --phase2_kimg is 0"
        )
