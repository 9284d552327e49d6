"""One training step: n_critic critic updates, then one of the generator.

The step is traced once. Everything that changes from step to step enters as a
tensor: the batches, the step's number (which keys all randomness) and the
schedules. Under several replicas each sees its rows of the global batch;
random numbers are drawn for the global batch and cut the same way, so that
their number changes nothing but rounding.
"""

from collections.abc import Mapping

import tensorflow as tf

from efgan_tf.config import Config
from efgan_tf.training import objectives
from efgan_tf.training.loss_scaling import all_finite
from efgan_tf.training.networks import Networks

_CRITIC_STREAM = 1  # keys the critics' randomness apart from the data's


class TrainingStep:
    """Callable that updates the networks on one element of the pipeline.

    Args:
      strategy: where the networks' variables live.
      networks: of the phase.
      config: of the run.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        networks: Networks,
        config: Config,
    ):
        self.trace_count = 0
        self._strategy = strategy
        self._networks = networks
        self._config = config
        self._replicas = strategy.num_replicas_in_sync
        self._scaled = config.train.precision == "mixed_float16"

    def __call__(
        self, batches, step: int, schedule: Mapping[str, float]
    ) -> dict[str, tf.Tensor]:
        """Runs one step.

        Args:
          batches: one element of the (distributed) pipeline, a dict with
            leading dimensions `[n_critic, batch / replicas]`.
          step: number of the step since the start of the run, from 0.
          schedule: `learning_rate`, `lambda_att`, `ema`
            (`efgan_tf.training.schedules.at_step`).

        Returns:
          Scalars by name: the losses' parts, averaged over replicas (those of
          the critics over the inner updates too).
        """
        networks = self._networks
        networks.critic_optimizer.learning_rate.assign(
            schedule["learning_rate"]
        )
        networks.generator_optimizer.learning_rate.assign(
            schedule["generator_learning_rate"]
        )
        return self._run(
            batches,
            tf.constant(step, tf.int64),
            tf.constant(schedule["lambda_att"], tf.float32),
            tf.constant(schedule["ema"], tf.float32),
        )

    @tf.function(reduce_retracing=False)
    def _run(self, batches, step, lambda_att, ema):
        self.trace_count += 1
        n_critic = self._config.train.n_critic
        names = sorted(self._critic_metric_names())
        sums = [tf.constant(0.0)] * len(names)
        for inner in tf.range(n_critic):
            draw = step * n_critic + tf.cast(inner, tf.int64)
            metrics = self._strategy.run(
                self._update_critics, args=(batches, inner, draw)
            )
            metrics = self._mean(metrics)
            sums = [
                total + metrics[name]
                for total, name in zip(sums, names, strict=True)
            ]
        critic_metrics = {
            name: total / n_critic
            for name, total in zip(names, sums, strict=True)
        }
        generator_metrics = self._update_generator(batches, lambda_att)
        self._update_average(ema)
        return {**critic_metrics, **generator_metrics}

    def critic_gradients(self, batches, inner, draw):
        """Gradients of the critics' loss in one replica, and its parts."""
        networks, config = self._networks, self._config
        batch = {key: value[inner] for key, value in batches.items()}
        outputs = objectives.generate(
            networks.generator,
            batch["image"],
            batch["action_units"],
            batch["target_action_units"],
        )
        outputs = tf.nest.map_structure(tf.stop_gradient, outputs)
        variables = _values(networks.critic_variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, metrics = objectives.critic_objective(
                networks.critics,
                outputs,
                batch,
                config.model,
                config.loss,
                batch["usable"],
                self._draw(draw),
            )
            loss = loss / self._replicas
        return tape.gradient(loss, variables), metrics

    def estimator_gradients(self, batches, inner):
        """Gradients of the estimator's loss in one replica, and the loss."""
        batch = {key: value[inner] for key, value in batches.items()}
        variables = _values(self._networks.estimator.trainable_variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, metrics = objectives.estimator_objective(
                self._networks.estimator, batch, batch["usable"]
            )
            loss = loss / self._replicas
        return tape.gradient(loss, variables), metrics

    def generator_gradients(self, batches, lambda_att):
        """Gradients of the generator's loss in one replica, and its parts.

        In mixed_float16 the loss is scaled up before differentiation and the
        gradients are scaled back in float32.
        """
        networks, config = self._networks, self._config
        batch = {key: value[-1] for key, value in batches.items()}
        variables = _values(networks.generator.trainable_variables)
        scale = networks.loss_scale.scale if self._scaled else 1.0
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, metrics = objectives.generator_objective(
                networks.generator,
                networks.critics,
                batch,
                config.model,
                config.loss,
                batch["usable"],
                lambda_att,
            )
            loss = loss * (scale / self._replicas)
        gradients = tape.gradient(loss, variables)
        if self._scaled:
            gradients = [gradient / scale for gradient in gradients]
        return gradients, metrics

    def _update_critics(self, batches, inner, draw):
        networks = self._networks
        gradients, metrics = self.critic_gradients(batches, inner, draw)
        networks.critic_optimizer.apply(gradients, networks.critic_variables)
        gradients, more = self.estimator_gradients(batches, inner)
        networks.estimator_optimizer.apply(
            gradients, networks.estimator.trainable_variables
        )
        return {**metrics, **more}

    def _update_generator(self, batches, lambda_att):
        gradients, metrics = self._strategy.run(
            self.generator_gradients, args=(batches, lambda_att)
        )
        metrics = self._mean(metrics)
        if not self._scaled:
            self._apply(gradients)
            return metrics
        self.apply_if_finite(gradients)
        scale = self._networks.loss_scale.scale.value()
        return {**metrics, "loss_scale": scale}

    def apply_if_finite(self, gradients) -> tf.Tensor:
        """Updates the generator, unless any replica's gradients overflowed.

        Then weights and optimiser stay as they are and the loss scale falls.

        Args:
          gradients: per replica, scaled back.

        Returns:
          Whether they were finite everywhere.
        """
        overflows = self._strategy.reduce(
            tf.distribute.ReduceOp.SUM,
            self._strategy.run(_overflow, args=(gradients,)),
            axis=None,
        )
        finite = tf.equal(overflows, 0.0)
        # Undone rather than made conditional: the optimiser's all-reduce does
        # not run inside tf.cond.
        optimizer = self._networks.generator_optimizer
        variables = _values(
            self._networks.generator.trainable_variables + optimizer.variables
        )
        before = [tf.identity(variable) for variable in variables]
        self._apply(gradients)
        for variable, old in zip(variables, before, strict=True):
            self._strategy.extended.update(
                variable,
                lambda new, old: new.assign(tf.where(finite, new, old)),
                args=(old,),
                group=False,
            )
        self._networks.loss_scale.update(finite)
        return finite

    def _apply(self, gradients) -> None:
        """Adam on per-replica gradients, which the optimiser adds up."""

        def apply(gradients):
            self._networks.generator_optimizer.apply(
                gradients, self._networks.generator.trainable_variables
            )

        self._strategy.run(apply, args=(gradients,))

    def _update_average(self, decay) -> None:
        """Moves the averaged weights: `a ← decay·a + (1 − decay)·w`."""
        networks = self._networks

        def move(average, weight):
            average.assign_sub((1.0 - decay) * (average - weight))

        for average, weight in zip(
            networks.average.variables,
            networks.generator.variables,
            strict=True,
        ):
            self._strategy.extended.update(
                average.value, move, args=(weight.value,), group=False
            )

    def _draw(self, draw) -> tf.Tensor:
        """This replica's rows of the step's random numbers, `[b, 2]`."""
        train = self._config.train
        numbers = tf.random.stateless_uniform(
            (train.batch_size, 2),
            seed=tf.stack(
                [tf.constant(train.seed * 16 + _CRITIC_STREAM, tf.int64), draw]
            ),
        )
        rows = train.batch_size // self._replicas
        replica = tf.distribute.get_replica_context()
        start = tf.cast(replica.replica_id_in_sync_group, tf.int32) * rows
        return numbers[start : start + rows]

    def _mean(self, metrics):
        mean = tf.distribute.ReduceOp.MEAN
        return {
            name: self._strategy.reduce(mean, value, axis=None)
            for name, value in metrics.items()
        }

    def _critic_metric_names(self) -> list[str]:
        parts = ("wasserstein", "gradient_penalty", "au", "total")
        return [f"critic/{part}" for part in parts] + ["estimator/au"]


def _overflow(gradients) -> tf.Tensor:
    """1 if a gradient of this replica is not finite, else 0."""
    return 1.0 - tf.cast(all_finite(gradients), tf.float32)


def _values(variables) -> list:
    return [variable.value for variable in variables]
