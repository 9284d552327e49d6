"""One training step as a pure function: `efgan_tf.training.step` under JAX."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from efgan_tf.config import Config
from efgan_tf.training import objectives
from tools.jax.networks import OPTIMIZED, Networks, State

Metrics = dict[str, jax.Array]
Step = Callable[..., tuple[State, Metrics]]


def make_step(networks: Networks, config: Config) -> Step:
    """`step(state, batches, alpha, usable, schedule)` → (state, metrics).

    The arguments of the function that is returned:
      state: of the networks.
      batches: arrays `[n_critic, b, …]`, see `efgan_tf.training.objectives`.
      alpha: `[n_critic, b, 2]` in [0, 1), the gradient penalty's.
      usable: float32 `[17]`, 1 for the units that the data has.
      schedule: scalars `learning_rate` (the critics'),
        `generator_learning_rate`, `lambda_att`, `ema`.

    Its metrics are those of `efgan_tf.training.step.TrainingStep`.
    """
    update_critics = _critic_update(networks, config)
    update_generator = _generator_update(networks, config)

    def step(state, batches, alpha, usable, schedule):
        rate = schedule["learning_rate"]

        def inner(state, element):
            return update_critics(state, *element, usable, rate)

        state, metrics = jax.lax.scan(inner, state, (batches, alpha))
        metrics = {name: jnp.mean(value) for name, value in metrics.items()}
        last = {name: value[-1] for name, value in batches.items()}
        rate = schedule["generator_learning_rate"]
        trained, more = update_generator(
            state, last, usable, rate, schedule["lambda_att"]
        )
        for name in ("generator", "generator_optimizer"):
            # While it waits even Adam's moments stay as they are.
            trained[name] = [
                jnp.where(rate == 0, old, new)
                for old, new in zip(state[name], trained[name], strict=True)
            ]
        state = trained
        state["average"] = [
            average - (1 - schedule["ema"]) * (average - weight)
            for average, weight in zip(
                state["average"], state["generator"], strict=True
            )
        ]
        return state, {**metrics, **more}

    return step


def _critic_update(networks: Networks, config: Config):
    """One update of the critics and one of the estimator."""

    def update(state, batch, alpha, usable, rate):
        with networks.scope({"generator": state["generator"]}):
            outputs = objectives.generate_edit(networks.generator, batch)

        def critic_loss():
            return objectives.critic_objective(
                networks.critics,
                outputs,
                batch,
                config.model,
                config.loss,
                usable,
                alpha,
            )

        def estimator_loss():
            return objectives.estimator_objective(
                networks.estimator, batch, usable
            )

        state, metrics = _minimise(
            networks, state, "critic_optimizer", critic_loss, rate
        )
        state, more = _minimise(
            networks, state, "estimator_optimizer", estimator_loss
        )
        return state, {**metrics, **more}

    return update


def _generator_update(networks: Networks, config: Config):
    """One update of the generator, in the critics' eyes as they are now."""

    def update(state, batch, usable, rate, lambda_att):
        def loss():
            return objectives.generator_objective(
                networks.generator,
                objectives.generate_edit(networks.generator, batch),
                networks.critics,
                batch,
                config.model,
                config.loss,
                usable,
                lambda_att,
            )

        return _minimise(
            networks, state, "generator_optimizer", loss, rate, ("critics",)
        )

    return update


def _minimise(
    networks: Networks,
    state: State,
    optimizer: str,
    objective: Callable[[], tuple[jax.Array, Metrics]],
    rate: jax.Array | None = None,
    used: tuple[str, ...] = (),
) -> tuple[State, Metrics]:
    """One optimiser step on what the optimiser trains.

    Args:
      networks: whose variables the objective reads.
      state: of all of them.
      optimizer: its name.
      objective: → scalar loss and metrics, from the values in scope.
      rate: the learning rate; None keeps the optimiser's.
      used: what else the objective reads from the state.
    """
    trained = OPTIMIZED[optimizer]
    others = {name: state[name] for name in used}

    def loss(values):
        with networks.scope({**others, trained: values}):
            return objective()

    gradients, metrics = jax.grad(loss, has_aux=True)(state[trained])
    slots = _with_rate(networks, state, optimizer, rate)
    values, slots = getattr(networks, optimizer).stateless_apply(
        slots, gradients, state[trained]
    )
    return {**state, trained: values, optimizer: slots}, metrics


def _with_rate(networks, state: Mapping, optimizer: str, rate) -> list:
    """The optimiser's values, with another learning rate."""
    if rate is None:
        return state[optimizer]
    keras_optimizer = getattr(networks, optimizer)
    return [
        rate if variable.name == "learning_rate" else value
        for variable, value in zip(
            keras_optimizer.variables, state[optimizer], strict=True
        )
    ]
