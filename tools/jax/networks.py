"""The networks of a phase under JAX, and their variables as a pytree.

The twin of `efgan_tf.training.networks`, which is TensorFlow's.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import keras
import numpy as np

from efgan_tf.config import Config, TrainConfig
from efgan_tf.models import (
    build_cascade,
    build_critics,
    build_estimator,
    dtype_policy,
    initialize_stages,
)

State = dict[str, list[jax.Array]]
"""The values of all variables by the name of what they belong to."""

_CARRIED = (
    "critics", "estimator", "critic_optimizer", "estimator_optimizer",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Networks:
    """What trains together in one phase; variables tell names and shapes.

    Attributes:
      generator: the cascade, computing in `--precision`.
      average: float32 twin of it, whose values are the moving average.
      critics: region → critic.
      estimator: image → action units.
      generator_optimizer, critic_optimizer, estimator_optimizer: Adam.
    """

    generator: keras.Model
    average: keras.Model
    critics: dict[str, keras.Model]
    estimator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    critic_optimizer: keras.optimizers.Optimizer
    estimator_optimizer: keras.optimizers.Optimizer

    @property
    def variables(self) -> dict[str, list[keras.Variable]]:
        """All variables, grouped as in `State`."""
        names = [field.name for field in dataclasses.fields(self)]
        owners = {name: [getattr(self, name)] for name in names}
        owners["critics"] = [net for _, net in sorted(self.critics.items())]
        return {
            name: [v for owner in group for v in owner.variables]
            for name, group in owners.items()
        }

    def initial_state(self) -> State:
        """Copies, on the device, of what the variables start from."""
        return {
            name: [jnp.asarray(np.asarray(v.value)) for v in group]
            for name, group in self.variables.items()
        }

    def scope(self, state: Mapping[str, list]) -> keras.StatelessScope:
        """In which the variables named in `state` have its values."""
        variables = self.variables
        return keras.StatelessScope(
            state_mapping=[
                pair
                for name, values in state.items()
                for pair in zip(variables[name], values, strict=True)
            ]
        )


def build_networks(config: Config, phase: int) -> Networks:
    """Makes a phase's networks from the seed, as `efgan_tf.training` does.

    Their variables lie on the host.
    """
    with _quick_initializers():
        return _build_networks(config, phase)


def _build_networks(config: Config, phase: int) -> Networks:
    train = config.train
    keras.utils.set_random_seed(train.seed * 10 + phase)
    stages = 1 if phase == 1 else config.model.stages
    model = dataclasses.replace(config.model, stages=stages)
    with dtype_policy(train.precision):
        generator = build_cascade(model)
    average = build_cascade(model)
    average.set_weights(generator.get_weights())
    networks = Networks(
        generator=generator,
        average=average,
        critics=build_critics(model),
        estimator=build_estimator(model),
        generator_optimizer=_adam(train),
        critic_optimizer=_adam(train),
        estimator_optimizer=keras.optimizers.Adam(
            train.estimator_learning_rate
        ),
    )
    variables = networks.variables
    for optimizer, trained in OPTIMIZED.items():
        getattr(networks, optimizer).build(variables[trained])
    return networks


OPTIMIZED = {
    "generator_optimizer": "generator",
    "critic_optimizer": "critics",
    "estimator_optimizer": "estimator",
}
"""What each optimiser trains. No network has a weight that is not trained."""


def start_from(networks: Networks, trained: Networks, state: State) -> State:
    """Where phase 2 starts: `efgan_tf.training.networks.start_from`.

    Every stage is phase 1's averaged EF-GAN; critics and estimator go on with
    their optimisers, the generator's starts anew.

    Args:
      networks: of phase 2.
      trained: of phase 1.
      state: of phase 1, at its end.
    """
    trained.average.set_weights(state["average"])
    for cascade in (networks.generator, networks.average):
        initialize_stages(cascade, trained.average)
    carried = {name: state[name] for name in _CARRIED}
    return {**networks.initial_state(), **carried}


@contextlib.contextmanager
def _quick_initializers() -> Iterator[None]:
    """Each shape's initializer is compiled, to run once: in a second's part."""
    name = "jax_disable_most_optimizations"
    jax.config.update(name, True)
    try:
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            yield
    finally:
        jax.config.update(name, False)


def _adam(train: TrainConfig) -> keras.optimizers.Adam:
    return keras.optimizers.Adam(
        train.learning_rate, beta_1=train.beta_1, beta_2=train.beta_2
    )
