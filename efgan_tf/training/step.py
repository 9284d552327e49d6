"""One training step: n_critic critic updates, then one of the generator.

    for each of the first n_critic − 1 batches:
        edit the batch
        update critics and estimator
    for the last batch:
        edit the batch, recorded on the generator's tape
        update critics and estimator, not recorded
        differentiate the generator's loss, by the updated critics
    update the generator and the average of its weights

While the generator waits for new critics, all batches go through the loop.
The critics' last update and the generator's share one forward pass of the
generator, whose weights do not change in between.

The step is traced once. Everything that changes from step to step enters as a
tensor: the batches, the step's number (which keys all randomness) and the
schedules. Under several replicas each sees its rows of the global batch;
random numbers are drawn for the global batch and cut the same way, so that
their number changes nothing but rounding.
"""

import functools
from collections.abc import Mapping

import tensorflow as tf

from efgan_tf.config import Config
from efgan_tf.training import augmentation, objectives
from efgan_tf.training.networks import Networks, all_finite

# They key the step's randomness apart from the data's: of the penalty, and of
# what critics see in their own step and in the generator's.
_CRITIC_STREAM, _CRITIC_AUGMENT, _GENERATOR_AUGMENT = 1, 2, 3


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
        self._critic_metrics: list[str] = []  # set as the loop is traced
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
          schedule: `learning_rate`, `generator_learning_rate`, `lambda_att`,
            `ema` (`efgan_tf.training.schedules.at_step`). While the
            generator's rate is 0 only critics and estimator are updated.

        Returns:
          Scalars by name: the losses' parts, averaged over replicas (those of
          the critics over the inner updates too).
        """
        critics = self._networks.critic_optimizer
        generator = self._networks.generator_optimizer
        critics.learning_rate.assign(schedule["learning_rate"])
        generator.learning_rate.assign(schedule["generator_learning_rate"])
        number = tf.constant(step, tf.int64)
        if not schedule["generator_learning_rate"]:
            return self._run_critics(batches, number)
        return self._run(
            batches,
            number,
            tf.constant(schedule["lambda_att"], tf.float32),
            tf.constant(schedule["ema"], tf.float32),
        )

    @tf.function(reduce_retracing=False)
    def _run(self, batches, step, lambda_att, ema):
        """All critics' updates and the generator's."""
        self.trace_count += 1
        n_critic = self._config.train.n_critic
        sums = self._critic_updates(batches, step, n_critic - 1)
        gradients, metrics = self._strategy.run(
            self._last_update_in_replica, args=(batches, lambda_att, step)
        )
        metrics = self._mean(metrics)
        metrics |= {
            name: (total + metrics[name]) / n_critic
            for name, total in sums.items()
        }
        if self._scaled:
            self.apply_if_finite(gradients)
            metrics["loss_scale"] = self._networks.loss_scale.scale.value()
        else:
            self._apply(gradients)
        self._update_average(ema)
        return metrics

    @tf.function(reduce_retracing=False)
    def _run_critics(self, batches, step):
        """All critics' updates, none of the generator."""
        n_critic = self._config.train.n_critic
        sums = self._critic_updates(batches, step, n_critic)
        return {name: total / n_critic for name, total in sums.items()}

    def _critic_updates(self, batches, step, count: int):
        """`count` updates of critics and estimator; sums of their metrics."""
        if not count:
            return {}
        sums = tf.constant(0.0)
        for inner in tf.range(count):
            # Only tracing the loop shows how many metrics there are.
            tf.autograph.experimental.set_loop_options(
                shape_invariants=[(sums, tf.TensorShape(None))]
            )
            draw = step * self._config.train.n_critic + tf.cast(inner, tf.int64)
            sums += self._critic_update(batches, inner, draw)
        names = self._critic_metrics
        sums = tf.ensure_shape(sums, [len(names)])
        return dict(zip(names, tf.unstack(sums), strict=True))

    def _critic_update(self, batches, inner, draw) -> tf.Tensor:
        """A critic update alone: its metrics' means over replicas, `[n]`.

        Their names go to `_critic_metrics`, since a loop carries tensors alone.
        """
        metrics = self._strategy.run(
            self._critic_update_in_replica, args=(batches, inner, draw)
        )
        metrics = self._mean(metrics)
        self._critic_metrics = list(metrics)
        return tf.stack(list(metrics.values()))

    def _critic_update_in_replica(self, batches, inner, draw):
        """A critic update alone, in one replica; returns metrics."""
        batch = _inner(batches, inner)
        outputs = objectives.generate_edit(self._networks.generator, batch)
        return self._update_critics(batch, outputs, draw)

    def _last_update_in_replica(self, batches, lambda_att, step):
        """The last critic update and the generator's gradients and metrics."""
        batch = _inner(batches, self._config.train.n_critic - 1)
        return self.generator_gradients(
            batch, lambda_att, step, update_critics=True
        )

    def generator_gradients(
        self, batch, lambda_att, step, update_critics: bool = False
    ):
        """Gradients of the generator's loss in one replica, and its parts.

        In mixed_float16 the loss is scaled up before differentiation and the
        gradients are scaled back in float32.

        Args:
          batch: this replica's rows.
          lambda_att: scalar, the weight of the mean attention.
          step: int64 scalar, number of the step.
          update_critics: do the step's last update of critics and estimator
            before the generator's loss; both use one forward pass of the
            generator. The metrics then hold the critics' parts too.
        """
        networks, config = self._networks, self._config
        variables = _values(networks.generator.trainable_variables)
        scale = networks.loss_scale.scale if self._scaled else 1.0
        critic_metrics = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = objectives.generate_edit(networks.generator, batch)
            if update_critics:
                draw = (step + 1) * config.train.n_critic - 1
                with tape.stop_recording():
                    critic_metrics = self._update_critics(batch, outputs, draw)
            loss, metrics = objectives.generator_objective(
                networks.generator,
                outputs,
                networks.critics,
                batch,
                config.model,
                config.loss,
                batch["au_mask"],
                lambda_att,
                self._augment(step, _GENERATOR_AUGMENT),
            )
            loss = loss * (scale / self._replicas)
        gradients = tape.gradient(loss, variables)
        if self._scaled:
            gradients = [gradient / scale for gradient in gradients]
        return gradients, {**critic_metrics, **metrics}

    def _update_critics(self, batch, outputs, draw):
        """Updates critics and estimator in one replica; returns metrics."""
        networks = self._networks
        gradients, metrics = self.critic_gradients(batch, outputs, draw)
        networks.critic_optimizer.apply(gradients, networks.critic_variables)
        gradients, more = self.estimator_gradients(batch)
        networks.estimator_optimizer.apply(
            gradients, networks.estimator.trainable_variables
        )
        return {**metrics, **more}

    def critic_gradients(self, batch, outputs, draw):
        """Gradients of the critics' loss in one replica, and its parts.

        Args:
          batch: this replica's rows.
          outputs: of the generator for them (`objectives.generate_edit`).
          draw: int64 scalar, number of the critics' update.
        """
        networks, config = self._networks, self._config
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
                batch["au_mask"],
                self._draw(draw),
                self._augment(draw, _CRITIC_AUGMENT),
            )
            loss = loss / self._replicas
        return tape.gradient(loss, variables), metrics

    def estimator_gradients(self, batch):
        """Gradients of the estimator's loss in one replica, and the loss."""
        variables = _values(self._networks.estimator.trainable_variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, metrics = objectives.estimator_objective(
                self._networks.estimator, batch, batch["au_mask"]
            )
            loss = loss / self._replicas
        return tape.gradient(loss, variables), metrics

    def apply_if_finite(self, gradients) -> tf.Tensor:
        """Updates the generator, unless any replica's gradients overflowed.

        Then weights and optimizer stay as they are and the loss scale falls.

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
        # Undone rather than made conditional: the optimizer's all-reduce does
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
        """Adam on per-replica gradients, which the optimizer adds up."""

        def apply(gradients):
            self._networks.generator_optimizer.apply(
                gradients, self._networks.generator.trainable_variables
            )

        self._strategy.run(apply, args=(gradients,))

    def _update_average(self, decay) -> None:
        """Moves the averaged weights: `a ← decay·a + (1 − decay)·w`."""
        averages = self._networks.average.variables
        weights = self._networks.generator.variables

        def move(average, weight):
            average.assign_sub((1.0 - decay) * (average - weight))

        for average, weight in zip(averages, weights, strict=True):
            self._strategy.extended.update(
                average.value, move, args=(weight.value,), group=False
            )

    def _augment(self, draw, stream: int) -> augmentation.Augment:
        """How this replica's crops are changed before critics see them."""
        train = self._config.train
        if not train.critic_augment:
            return augmentation.unchanged
        return functools.partial(
            augmentation.augment,
            numbers=self._draw(draw, stream, augmentation.NUMBERS),
            kinds=train.critic_augment,
        )

    def _draw(
        self, draw, stream: int = _CRITIC_STREAM, count: int = 2
    ) -> tf.Tensor:
        """This replica's rows of the step's random numbers, `[b, count]`."""
        train = self._config.train
        key = tf.constant(train.seed * 16 + stream, tf.int64)
        numbers = tf.random.stateless_uniform(
            (train.batch_size, count), seed=tf.stack([key, draw])
        )
        rows = train.batch_size // self._replicas
        replica = tf.distribute.get_replica_context()
        start = tf.cast(replica.replica_id_in_sync_group, tf.int32) * rows
        return numbers[start : start + rows]

    def _mean(self, metrics):
        """Means over the replicas, which exchange all of them at once."""
        names = list(metrics)
        stacked = self._strategy.run(
            lambda metrics: tf.stack([metrics[name] for name in names]),
            args=(metrics,),
        )
        means = self._strategy.reduce(
            tf.distribute.ReduceOp.MEAN, stacked, axis=None
        )
        return dict(zip(names, tf.unstack(means, len(names)), strict=True))


def _overflow(gradients) -> tf.Tensor:
    """1 if a gradient of this replica is not finite, else 0."""
    return 1.0 - tf.cast(all_finite(gradients), tf.float32)


def _inner(batches, inner):
    """The batch of the critics' update `inner` (from 0) of a step."""
    return {key: value[inner] for key, value in batches.items()}


def _values(variables) -> list:
    return [variable.value for variable in variables]
