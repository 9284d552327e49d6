"""The networks and optimizers of one phase, and how they start."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.config import Config, ModelConfig, TrainConfig
from efgan_tf.models import (
    build_cascade,
    build_critics,
    build_estimator,
    dtype_policy,
    initialize_stages,
    stage_models,
)
from efgan_tf.training.cluster import Cluster
from efgan_tf.training.logs import NonFiniteError


class LossScale(tf.Module):
    """Dynamic loss scaling for `mixed_float16`, right on several replicas.

    The scale is halved at an overflow and doubled after `growth_steps`. Keras
    3's own `LossScaleOptimizer` asks the first replica alone whether
    gradients are finite, before they are reduced: under MirroredStrategy an
    overflow on a later replica is applied to the weights. Here all replicas
    are asked, and an update is skipped as a whole.
    `mixed_bfloat16` has float32's range and needs none of this.

    Args:
      initial: the first scale.
      growth_steps: updates without an overflow before the scale doubles.
    """

    MINIMUM = 1.0

    def __init__(self, initial: float = 2.0**15, growth_steps: int = 2000):
        super().__init__(name="loss_scale")
        self.growth_steps = growth_steps
        self.scale = tf.Variable(initial, trainable=False, name="scale")
        self.good_steps = tf.Variable(
            0, dtype=tf.int64, trainable=False, name="good_steps"
        )

    def update(self, finite: tf.Tensor) -> None:
        """Adapts the scale; `finite`: all gradients of all replicas are."""
        count = self.good_steps + 1
        grows = count >= self.growth_steps
        grown = tf.where(grows, self.scale * 2.0, self.scale)
        halved = tf.maximum(self.scale / 2.0, self.MINIMUM)
        keeps_counting = tf.logical_and(finite, tf.logical_not(grows))
        self.good_steps.assign(
            tf.where(keeps_counting, count, tf.zeros_like(count))
        )
        self.scale.assign(tf.where(finite, grown, halved))


def all_finite(tensors: list[tf.Tensor]) -> tf.Tensor:
    """Whether every element of every tensor is finite: bool scalar."""
    finite = [tf.reduce_all(tf.math.is_finite(t)) for t in tensors]
    return tf.reduce_all(tf.stack(finite))


@dataclasses.dataclass(frozen=True)
class Networks:
    """What trains together in one phase.

    Attributes:
      generator: the cascade, computing in `--precision`.
      average: float32 twin of the generator that holds the moving average of
        its weights; sampling, evaluation and export use it.
      critics: region → critic, float32 in every precision: the penalty's
        second derivative does not survive half precision.
      estimator: image → action units; nothing in the losses uses it.
      generator_optimizer, critic_optimizer, estimator_optimizer: Adam.
      loss_scale: of the generator's gradients; used in mixed_float16 only.
    """

    generator: keras.Model
    average: keras.Model
    critics: dict[str, keras.Model]
    estimator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    critic_optimizer: keras.optimizers.Optimizer
    estimator_optimizer: keras.optimizers.Optimizer
    loss_scale: LossScale

    @property
    def critic_variables(self) -> list:
        """Trainable variables of all critics, in a fixed order."""
        return [
            variable
            for name in sorted(self.critics)
            for variable in self.critics[name].trainable_variables
        ]

    def trackables(self) -> dict[str, Any]:
        """Everything that a checkpoint must hold, by name."""
        critics = {f"critic_{name}": net for name, net in self.critics.items()}
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "critics"
        }
        return {**fields, **critics}

    def variables(self) -> list:
        """All that `trackables` hold, in a fixed order."""
        return [
            variable
            for _, thing in sorted(self.trackables().items())
            for variable in thing.variables
        ]


def build_networks(config: Config, phase: int) -> Networks:
    """Makes a phase's networks from the seed; call in the strategy's scope.

    Phase 1 trains a cascade of one stage, phase 2 one of `--stages`.
    """
    keras.utils.set_random_seed(config.train.seed * 10 + phase)
    stages = 1 if phase == 1 else config.model.stages
    with dtype_policy(config.train.precision):
        generator = build_cascade(_with_stages(config.model, stages))
    average = build_cascade(_with_stages(config.model, stages))
    average.set_weights(generator.get_weights())
    networks = Networks(
        generator=generator,
        average=average,
        critics=build_critics(config.model),
        estimator=build_estimator(config.model),
        generator_optimizer=_adam(config.train.learning_rate),
        critic_optimizer=_adam(config.train.learning_rate),
        estimator_optimizer=keras.optimizers.Adam(1e-3),
        loss_scale=LossScale(),
    )
    if config.train.train_only:
        freeze_others(generator, config.train.train_only)
    networks.generator_optimizer.build(generator.trainable_variables)
    networks.critic_optimizer.build(networks.critic_variables)
    networks.estimator_optimizer.build(networks.estimator.trainable_variables)
    return networks


def freeze_others(model: keras.Model, parts: Sequence[str]) -> None:
    """Lets no layer learn but those whose path has one of `parts`.

    Args:
      model: whose layers may be models; a path is such as stage_1/eyes/in_norm.
      parts: text in those paths, as norm or stage_2/face.

    Raises:
      UserError: a part is in no path.
    """
    layers = dict(_paths(model))
    for part in parts:
        if not any(part in path for path in layers):
            raise UserError(
                f"--train_only: no layer's path has {part!r}; paths are such "
                f"as {', '.join(list(layers)[:3])}"
            )
    for path, layer in layers.items():
        layer.trainable = any(part in path for part in parts)


def _paths(model: keras.Model) -> Iterator[tuple[str, keras.Layer]]:
    """Path and layer of all that have weights, models entered."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            for path, inner in _paths(layer):
                yield f"{layer.name}/{path}", inner
        elif layer.weights:
            yield layer.name, layer


def start_from(networks: Networks, trained: Networks) -> None:
    """Copies trained weights to new networks: phase 2's, or another run's.

    Critics and estimator go on with their optimizers. The generator's own
    optimizer starts anew, since its variables are other ones.

    Raises:
      ValueError: as `copy_generator_and_estimator`.
    """
    copy_generator_and_estimator(networks, trained.average, trained.estimator)
    for name, critic in networks.critics.items():
        critic.set_weights(trained.critics[name].get_weights())
    for name in ("critic_optimizer", "estimator_optimizer"):
        old, new = getattr(trained, name), getattr(networks, name)
        for source, destination in zip(
            old.variables, new.variables, strict=True
        ):
            destination.assign(source)
    networks.loss_scale.scale.assign(trained.loss_scale.scale)


def copy_generator_and_estimator(
    networks: Networks, cascade: keras.Model, estimator: keras.Model
) -> None:
    """Copies a trained cascade and its estimator to new networks.

    Every stage starts from the one EF-GAN, or from its own where there are as
    many.

    Raises:
      ValueError: `cascade` has another number of stages and not one, or other
        shapes.
    """
    count = len(stage_models(cascade))
    for new in (networks.generator, networks.average):
        if len(stage_models(new)) == count:
            new.set_weights(cascade.get_weights())
        else:
            initialize_stages(new, cascade)
    networks.estimator.set_weights(estimator.get_weights())


def check_finite(networks: Networks, step: int) -> None:
    """Raises a `NonFiniteError` if a variable of any network is not finite."""
    for name, thing in networks.trackables().items():
        values = [tf.convert_to_tensor(v) for v in thing.variables]
        floats = [value for value in values if value.dtype.is_floating]
        if not bool(all_finite(floats)):
            raise NonFiniteError(step, f"a variable of {name}", float("nan"))


def make_strategy(
    config: TrainConfig, cluster: Cluster | None = None
) -> tf.distribute.Strategy:
    """The strategy of `--strategy` on the available devices.

    `--replicas` splits a machine without accelerators into logical CPUs; it
    must be called before TensorFlow has started its devices then.

    Args:
      config: of the run.
      cluster: of `multi_worker`; returns once all its workers are connected.
    """
    accelerators = tf.config.list_physical_devices("GPU")
    if config.strategy == "multi_worker":
        if cluster is None:
            raise ValueError("multi_worker needs a cluster")
        return tf.distribute.MultiWorkerMirroredStrategy(
            tf.distribute.cluster_resolver.SimpleClusterResolver(
                tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
                task_type="worker",
                task_id=cluster.index,
                num_accelerators={"GPU": len(accelerators)},
                rpc_layer="grpc",
            )
        )
    if config.strategy == "one_device":
        device = "GPU:0" if accelerators else "CPU:0"
        return tf.distribute.OneDeviceStrategy(device)
    if accelerators:
        return tf.distribute.MirroredStrategy()
    replicas = max(1, config.replicas)
    if replicas > len(tf.config.list_logical_devices("CPU")):
        raise ValueError("set_logical_cpus() must come first")
    return tf.distribute.MirroredStrategy(
        [f"CPU:{index}" for index in range(replicas)]
    )


def set_logical_cpus(count: int) -> None:
    """Splits the CPU into `count` devices; before TensorFlow starts them."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )


def _with_stages(model: ModelConfig, stages: int) -> ModelConfig:
    return dataclasses.replace(model, stages=stages)


def _adam(rate: float) -> keras.optimizers.Adam:
    return keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.999)
