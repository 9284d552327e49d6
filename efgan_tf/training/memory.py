"""How much memory a training step takes, estimated from the networks.

What a step holds at its peak: the weights with gradients, Adam's moments and
average; and the activations that the generator's backward pass needs, of the
edit, of the ways back, and of the critics that judge it. The factors are
fitted to measured peaks (`python -m benchmarks.memory` prints both).
"""

import keras

from efgan_tf.config import Config
from efgan_tf.models import build_cascade, build_critics, build_estimator

_FLOAT_BYTES = 4
# Layers' outputs that are alive at once, as a share of all of them: those
# that the backward pass does not need are freed, gradients come on top.
_GENERATOR_SHARE = 1.0
_CRITIC_SHARE = 1.0


def step_bytes(config: Config, stages: int) -> int:
    """Bytes of a training step beyond the process's own, within 30 %.

    Args:
      config: of the run; the whole batch is taken to be on one device.
      stages: of the cascade that trains: 1 in phase 1.
    """
    cascade = build_cascade(config.model, stages=stages)
    critics = build_critics(config.model)
    estimator = build_estimator(config.model)
    # Weights, gradients and Adam's two moments; the generator's average too.
    weights = 5 * cascade.count_params() + 4 * sum(
        network.count_params() for network in (*critics.values(), estimator)
    )
    loss = config.loss
    passes = 1 + (loss.lambda_cyc > 0) + (loss.lambda_zero > 0)
    judged = stages * (2 if config.model.local_branches else 1)
    half = config.train.precision != "float32"
    activations = _GENERATOR_SHARE * passes * output_elements(cascade) / (
        1 + half
    ) + _CRITIC_SHARE * judged * sum(
        output_elements(critic) for critic in critics.values()
    )
    batch = config.train.batch_size
    return int(_FLOAT_BYTES * (weights + batch * activations))


def output_elements(model: keras.Model) -> int:
    """Numbers that a model's layers put out for one sample."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += output_elements(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            for tensor in keras.tree.flatten(layer.output):
                elements = 1
                for side in tensor.shape[1:]:
                    elements *= side
                total += elements
    return total
