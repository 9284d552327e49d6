"""How rates and weights change over a phase, counted in images.

They are plain functions of progress: the loop evaluates them on the host and
passes them to the traced step as tensors, so that a schedule can never be
frozen into the graph and a resumed run continues where it was.
"""

import math
from collections.abc import Mapping

from efgan_tf.config import Config, TrainConfig


def total_steps(config: TrainConfig, phase: int) -> int:
    """Generator updates of a phase: its budget in images, rounded up."""
    kimg = config.phase1_kimg if phase == 1 else config.phase2_kimg
    return math.ceil(kimg * 1000 / (config.batch_size * config.n_critic))


def learning_rate(base: float, progress: float, decay: float) -> float:
    """Constant, then linear to 0 over the last `decay` share of a phase.

    Args:
      base: the constant rate.
      progress: share of the phase that is done, 0 to 1.
      decay: share of the phase over which the rate falls.
    """
    if decay == 0:
        return base
    return base * min(1.0, (1.0 - progress) / decay)


def warmup(progress: float, share: float) -> float:
    """Factor that grows linearly from 0 to 1 over the first `share`."""
    return 1.0 if share == 0 else min(1.0, progress / share)


def ema_decay(limit: float, update: int) -> float:
    """Decay of the weight average at a phase's update `update` (from 0).

    A young average follows quickly, `(1 + t) / (10 + t)`, so that it is not
    held back by what the phase started from: random weights, or stages that
    have never worked together. Later the decay is `limit`.
    """
    return min(limit, (1.0 + update) / (10.0 + update))


def at_step(
    config: Config, phase: int, step: int, images: int
) -> Mapping[str, float]:
    """What the step numbered `step` (from 0) of a phase receives.

    Args:
      config: of the run.
      phase: 1 or 2.
      step: of the phase.
      images: seen since the start of the run.

    Returns:
      `learning_rate` (Adam's for the critics), `generator_learning_rate` (0
      while the generator waits for new critics), `lambda_att` and `ema`.
    """
    train = config.train
    progress = step / total_steps(train, phase)
    base = train.learning_rate if phase == 1 else train.phase2_learning_rate
    rate, critic_rate = (
        learning_rate(each, progress, train.decay)
        for each in (base, train.critic_learning_rate or base)
    )
    # Weights that start at random: those of the first phase of a run.
    is_new = not train.init_from and (phase == 1 or train.phase1_kimg == 0)
    waits = images < train.generator_wait_kimg * 1000
    return {
        "learning_rate": critic_rate,
        "generator_learning_rate": 0.0 if waits else rate,
        "lambda_att": config.loss.lambda_att
        * (warmup(progress, config.loss.attention_warmup) if is_new else 1.0),
        "ema": ema_decay(train.ema, step),
    }
