"""How much memory a training step takes, estimated from the networks.

What grows with the batch are the activations that the generator's backward
pass needs, of the edit, of the ways back, and of the critics that judge it;
weights, gradients, Adam's moments and the average stay; and TensorFlow's traced
graph takes its share of the host's memory, layer by layer. The numbers below
are fitted to peaks measured on a CPU: `python -m benchmarks.memory`
prints estimate and measurement side by side.
"""

import keras

from efgan_tf.config import Config
from efgan_tf.models import build_cascade, build_critics, build_estimator

_FLOAT_BYTES = 4
_PROCESS_BYTES = 0.05 * 2**30
_GRAPH_BYTES_OF_A_LAYER = 1.5 * 2**20
# The critics' penalty differentiates them twice.
_CRITIC_GRAPHS = 3
# Of all that the layers put out, what is alive at the peak: the backward pass
# does not need everything, and has gradients of its own.
_ACTIVATION_SHARE = 0.85


def step_bytes(config: Config, stages: int) -> int:
    """Bytes that training takes beyond TensorFlow's own, within 30 %.

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
    graph_layers = layer_count(cascade) + _CRITIC_GRAPHS * sum(
        map(layer_count, critics.values())
    )
    loss = config.loss
    passes = 1 + (loss.lambda_cyc > 0) + (loss.lambda_zero > 0)
    judged = stages * (2 if config.model.local_branches else 1)
    # Half precision saves nothing here: on a CPU its casts take as much.
    outputs = passes * output_elements(cascade)
    outputs += judged * sum(map(output_elements, critics.values()))
    activations = outputs * config.train.batch_size * _ACTIVATION_SHARE
    return int(
        _PROCESS_BYTES
        + _GRAPH_BYTES_OF_A_LAYER * graph_layers
        + _FLOAT_BYTES * (weights + activations)
    )


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


def layer_count(model: keras.Model) -> int:
    """Layers of a model, those of the models inside it too."""
    return sum(
        layer_count(layer) if isinstance(layer, keras.Model) else 1
        for layer in model.layers
    )
