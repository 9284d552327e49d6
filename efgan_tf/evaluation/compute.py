"""What a run of an ablation costs: images, updates, time, multiply-adds."""

import dataclasses
import json
import math
from collections.abc import Mapping

import keras
from keras import layers

from efgan_tf.action_units import COUNT
from efgan_tf.evaluation.ablation import Row
from efgan_tf.models import build_cascade
from efgan_tf.models.layers import ActionUnitConv2D
from efgan_tf.training.schedules import total_steps


@dataclasses.dataclass(frozen=True)
class Compute:
    """The cost of a finished row, that of a shared phase 1 included.

    Attributes:
      stages: EF-GANs in a row.
      images: seen by the critics.
      generator_updates: of the weights.
      critic_updates: likewise.
      training_seconds: without tracing, scoring and saving.
      parameters: of the network that edits.
      multiply_adds: for one edit, in convolutions and dense layers.
    """

    stages: int
    images: int
    generator_updates: int
    critic_updates: int
    training_seconds: float
    parameters: int
    multiply_adds: int


def row_compute(row: Row) -> Compute:
    """What a finished row has cost."""
    train, stages = row.config.train, row.config.model.stages
    updates = total_steps(train, 1) + total_steps(train, 2)
    seconds = _seconds(row, phases=(1, 2))
    if row.donor:
        updates += total_steps(row.donor.config.train, 1)
        seconds += _seconds(row.donor, phases=(1,))
    cascade = build_cascade(row.config.model)
    critic_updates = updates * train.n_critic
    return Compute(
        stages=stages,
        images=critic_updates * train.batch_size,
        generator_updates=updates,
        critic_updates=critic_updates,
        training_seconds=seconds,
        parameters=cascade.count_params(),
        multiply_adds=multiply_adds(cascade),
    )


def _seconds(row: Row, phases: tuple[int, ...]) -> float:
    with open(row.run_dir / "metrics.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    # Lines of scores have no time.
    return sum(
        line.get("seconds", 0) for line in lines if line["phase"] in phases
    )


def multiply_adds(model: keras.Model) -> int:
    """Of all convolutions and dense layers, for one sample.

    A transposed convolution is counted as the convolution that it is the
    transpose of; border pixels count like all others.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += multiply_adds(layer)
        elif isinstance(layer, ActionUnitConv2D):
            image, _ = layer.input
            taps = layer.kernel_size**2 * layer.filters
            total += _positions(image) * taps * image.shape[-1]
            total += layer.kernel_size**2 * taps * COUNT
        elif isinstance(layer, layers.Conv2DTranspose):
            total += _positions(layer.input) * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Conv2D):
            total += _positions(layer.output) * math.prod(layer.kernel.shape)
        elif hasattr(layer, "kernel"):
            total += math.prod(layer.kernel.shape)
    return total


def _positions(tensor) -> int:
    return math.prod(tensor.shape[1:3])


def table(rows: Mapping[str, Compute]) -> str:
    """A Markdown table, a line for each row."""
    lines = [
        "| | stages | images | generator updates | critic updates | "
        "training, minutes | parameters | multiply-adds of an edit |",
        "|---" + "|---:" * 7 + "|",
    ]
    for name, row in rows.items():
        cells = [
            name, f"{row.stages}", f"{row.images:,}",
            f"{row.generator_updates:,}", f"{row.critic_updates:,}",
            f"{row.training_seconds / 60:.1f}", f"{row.parameters:,}",
            f"{row.multiply_adds / 1e6:,.0f} M",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
