"""What several GPUs or machines bring: a model of the step, from its bytes.

    python -m benchmarks.scaling --flagfile=configs/method.flags

Counts what a training step exchanges, from the networks themselves, and
predicts from it, for each link and number of GPUs, how long that takes and
what share of the time is left for training. Each GPU has --batch_size images.
--step_ms is the measured step of one GPU on its batch; without it the table
says which step would keep 90 % for training.

The model: all-reduce in a ring, 2·(n − 1)/n of the bytes over each GPU's link,
plus a latency for each of its 2·(n − 1) hops; nothing of it overlaps with
arithmetic, since every update waits for it.
"""

import dataclasses
import sys
from collections.abc import Sequence

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import option

_FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True)
class ScalingConfig:
    """What is predicted."""

    gpus: tuple[str, ...] = option(("8", "64"), "numbers of GPUs")
    links: tuple[str, ...] = option(
        ("300", "50", "12.5", "1.25"),
        "gigabytes a second that a GPU's link carries each way",
    )
    latency_us: float = option(10.0, "microseconds of a hop of the ring")
    step_ms: float = option(
        0.0, "milliseconds of a step on one GPU, as measured; 0: unknown"
    )


@dataclasses.dataclass(frozen=True)
class Exchange:
    """What a step exchanges.

    Attributes:
      generator: bytes of the generator's gradients, once a step.
      critics: bytes of the critics' and the estimator's, for each of their
        updates.
      updates: of the critics in a step.
    """

    generator: int
    critics: int
    updates: int

    @property
    def total(self) -> int:
        """Bytes of a step."""
        return self.generator + self.updates * self.critics

    def seconds(self, gpus: int, link: float, latency: float) -> float:
        """How long it takes.

        Args:
          gpus: how many.
          link: bytes a second over each one's link.
          latency: seconds of a hop.
        """
        # Of critics, estimator and metrics in each update, then of the
        # generator and its metrics.
        rounds = 3 * self.updates + 2
        hops = 2 * (gpus - 1)
        return hops / gpus * self.total / link + rounds * hops * latency


def exchange(settings: config.Config, phase: int) -> Exchange:
    """What a step of a phase exchanges."""
    from efgan_tf.models import build_cascade, build_critics, build_estimator

    stages = 1 if phase == 1 else settings.model.stages
    cascade = build_cascade(settings.model, stages=stages)
    critics = build_critics(settings.model).values()
    estimator = build_estimator(settings.model)
    return Exchange(
        generator=_bytes([cascade]),
        critics=_bytes([*critics, estimator]),
        updates=settings.train.n_critic,
    )


def _bytes(models: Sequence) -> int:
    return _FLOAT_BYTES * sum(
        int(weight.shape.num_elements())
        for model in models
        for weight in model.trainable_weights
    )


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values)
    asked = config.from_flags(values, ScalingConfig)
    commands.import_tensorflow()
    size, batch = settings.model.image_size, settings.train.batch_size
    last = "90 % with a step of" if not asked.step_ms else "images/s (share)"
    for phase in (1, 2):
        sent = exchange(settings, phase)
        print(
            f"Phase {phase} at {size} pixels, {batch} images a GPU: "
            f"{sent.generator / 1e6:.1f} MB of the generator and "
            f"{sent.updates} × {sent.critics / 1e6:.1f} MB of critics and "
            f"estimator, {sent.total / 1e6:.1f} MB a step.\n"
        )
        print(f"| GPUs | GB/s a GPU | exchange, ms | {last} |")
        print("|---|---|---|---|")
        for gpus in map(int, asked.gpus):
            for link in map(float, asked.links):
                seconds = sent.seconds(
                    gpus, link * 1e9, asked.latency_us * 1e-6
                )
                shown = _prediction(seconds, gpus, batch, sent, asked.step_ms)
                print(f"| {gpus} | {link:g} | {1e3 * seconds:.1f} | {shown} |")
        print()


def _prediction(
    seconds: float, gpus: int, batch: int, sent: Exchange, step_ms: float
) -> str:
    if not step_ms:
        return f"{9e3 * seconds:.0f} ms"
    step = step_ms / 1e3
    images = batch * sent.updates * gpus / (step + seconds)
    return f"{images:.0f} ({step / (step + seconds):.0%})"


if __name__ == "__main__":
    sys.exit(commands.run(main, config.Config, ScalingConfig))
