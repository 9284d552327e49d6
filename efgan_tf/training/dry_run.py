"""What a run would do, before it does anything: `--dry_run`.

The memory of a step is estimated from the networks. What grows with the batch
are the activations that the generator's backward pass needs, of the edit, of
cycle and zero edit, and of the critics; weights, gradients, Adam's moments and
the average stay; and TensorFlow's traced graph takes its share of
the host's memory, layer by layer. The numbers below are fitted to peaks
measured on a CPU: `python -m benchmarks.memory` prints estimate and measurement
side by side.
"""

from pathlib import Path

import keras

from efgan_tf.common import options
from efgan_tf.common.errors import UserError
from efgan_tf.config import Config, ModelConfig
from efgan_tf.data import describe as describe_data
from efgan_tf.models import (
    build_cascade,
    build_critics,
    build_efgan,
    build_estimator,
)
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training import schedules
from efgan_tf.training.initial import initial_state

_FLOAT_BYTES = 4
_PROCESS_BYTES = 0.05 * 2**30
_GRAPH_BYTES_OF_A_LAYER = 1.5 * 2**20
# The critics' penalty differentiates them twice.
_CRITIC_GRAPHS = 3
# Of all that the layers put out, what is alive at the peak: the backward pass
# does not need everything, and has gradients of its own.
_ACTIVATION_SHARE = 0.85


def describe(config: Config) -> str:
    """The resolved config, network sizes, steps and memory, as text.

    Building the networks takes some seconds; data and run directory are not
    touched.

    Raises:
      UserError: a new run cannot start from `--init_from`.
    """
    is_new = RunDirectory(Path(config.train.run_dir)).is_new()
    initial = initial_state(config) if is_new else None
    counts = parameter_counts(config.model)
    lines = ["configuration:"]
    lines += [f"  {line}" for line in options.flag_lines(config)]
    try:
        data = describe_data(config.data, config.model.image_size)
    except UserError as error:
        data = str(error)
    lines += ["", f"data: {data}", "", "parameters:"]
    lines += [f"  {name:<20}{count:>14,}" for name, count in counts.items()]
    lines += ["", "phases:"]
    if initial and config.train.init_from:
        phase, source = initial.position.phase, config.train.init_from
        lines.append(
            f"  begins in phase {phase} from {initial.checkpoint or source}"
        )
    for phase in (1, 2):
        steps = schedules.total_steps(config.train, phase)
        images = steps * config.train.batch_size * config.train.n_critic
        stages = 1 if phase == 1 else config.model.stages
        memory_gib = step_bytes(config, stages) / 2**30
        lines.append(
            f"  phase {phase}: {steps:,} steps, {images:,} images, "
            f"{stages} stage(s), a step needs about {memory_gib:.2f} GiB"
        )
    return "\n".join(lines)


def parameter_counts(config: ModelConfig) -> dict[str, int]:
    """Network → parameters, for each branch, EF-GAN, cascade and helper.

    Keys are `branch/REGION`, `branch/refiner`, `efgan` (one stage), `cascade`
    (all of them), `critic/REGION` and `estimator`.
    """
    efgan = build_efgan(config)
    regions = ["face"]
    if config.local_branches:
        regions += config.boxes
    branches = regions + ["refiner"] * config.refiner
    counts = {
        f"branch/{branch}": efgan.get_layer(branch).count_params()
        for branch in branches
    }
    counts["efgan"] = efgan.count_params()
    counts["cascade"] = config.stages * counts["efgan"]
    for region, critic in build_critics(config).items():
        counts[f"critic/{region}"] = critic.count_params()
    counts["estimator"] = build_estimator(config).count_params()
    return counts


def step_bytes(config: Config, stages: int) -> int:
    """Bytes that training takes beyond TensorFlow's own, within 30 %.

    Args:
      config: of the run; the whole batch is assumed to be on one device.
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
    inputs = stages * (2 if config.model.local_branches else 1)
    # Half precision saves nothing here: on a CPU its casts take as much.
    outputs = passes * output_elements(cascade)
    outputs += inputs * sum(map(output_elements, critics.values()))
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
