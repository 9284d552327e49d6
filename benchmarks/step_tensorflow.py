"""Worker of `benchmarks.step`: our networks and training step.

Run by its path, so that it times whichever `efgan_tf` PYTHONPATH leads to.
"""

import inspect
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from harness import serve

from efgan_tf import config as config_lib
from efgan_tf.training import networks as networks_lib
from efgan_tf.training.step import TrainingStep

SCHEDULE = {
    "learning_rate": 1e-4, "generator_learning_rate": 1e-4,
    "lambda_att": 0.05, "ema": 0.999,
}  # fmt: skip


def main(phase: int, names: list[str], arguments: list[str]) -> None:
    """Serves the named tasks for the run that `arguments` describe."""
    values = _flag_values()
    config_lib.define_flags(values)
    values(["step", *arguments])
    config = config_lib.from_flags(values, config_lib.Config)
    strategy = networks_lib.make_strategy(config.train)
    with strategy.scope():
        networks = networks_lib.build_networks(config, phase)
    batches = _batches(config)
    parts = strategy, networks, config
    if "usable" in inspect.signature(TrainingStep).parameters:  # before mixes
        parts += (np.ones(17, np.float32),)
    step = TrainingStep(*parts)

    def train(rate):
        schedule = {**SCHEDULE, "generator_learning_rate": rate}
        metrics = step(batches, 0, schedule)
        return float(metrics["critic/total"])

    generator, batch = networks.generator, {k: v[0] for k, v in batches.items()}
    weights = generator.trainable_variables
    inputs = {
        "image": batch["image"],
        "source_action_units": batch["action_units"],
        "target_action_units": batch["target_action_units"],
    }

    @tf.function
    def infer():
        return generator(inputs, training=False)["image"]

    @tf.function
    def update_generator():
        def update():
            gradients, _ = step.generator_gradients(
                batch, tf.constant(0.05), tf.constant(0, tf.int64)
            )
            networks.generator_optimizer.apply(gradients, weights)

        strategy.run(update)
        return tf.constant(0.0)

    image = tf.random.normal((2, 64, 64, 256))
    kernel = tf.random.normal((3, 3, 256, 256))

    @tf.function
    def convolve():
        return tf.nn.conv2d(image, kernel, 1, "SAME")

    tasks = {
        "inference": lambda: infer().numpy(),
        "critics": lambda: train(0.0),
        "generator": lambda: update_generator().numpy(),
        "step": lambda: train(1e-4),
        "ceiling": lambda: convolve().numpy(),
    }
    facts = {
        "versions": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
        "batch": config.train.batch_size,
        "parameters": generator.count_params(),
        "multiply_adds": multiply_adds(generator),
        "ceiling_multiply_adds": 2 * 64 * 64 * 9 * 256 * 256,
    }
    serve({name: tasks[name] for name in names}, facts)


def _flag_values() -> flags.FlagValues:
    try:
        from efgan_tf.common.flag_files import FlagValues  # finds nested files
    except ImportError:
        from absl.flags import FlagValues
    return FlagValues()


def multiply_adds(model: keras.Model) -> int:
    """Of the convolutions of one image."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif len(getattr(layer, "kernel", np.zeros(0)).shape) == 4:
            moved = isinstance(layer, keras.layers.Conv2DTranspose)
            maps = layer.input if moved else layer.output
            total += int(np.prod((*layer.kernel.shape, *maps.shape[1:3])))
    return total


def _batches(config):
    """Random pictures and units of one step."""
    draw = np.random.default_rng(0)
    shape = (config.train.n_critic, config.train.batch_size)
    pictures = (*shape, config.model.image_size, config.model.image_size, 3)
    arrays = {
        "image": draw.uniform(-1, 1, pictures),
        "ground_truth": draw.uniform(-1, 1, pictures),
        "action_units": draw.uniform(0, 1, (*shape, 17)),
        "target_action_units": draw.uniform(0, 1, (*shape, 17)),
        "has_ground_truth": np.ones(shape),
        "au_mask": np.ones((*shape, 17)),
    }
    before = {  # names in commits before au_mask
        "target_image": "ground_truth",
        "has_target": "has_ground_truth",
        "usable": "au_mask",
    }
    arrays |= {old: arrays[name] for old, name in before.items()}
    return {
        key: tf.constant(value, tf.float32) for key, value in arrays.items()
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:])
