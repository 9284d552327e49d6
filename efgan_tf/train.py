"""Trains a Cascade EF-GAN: both phases, in one run that can be resumed.

    python -m efgan_tf.train --flagfile=configs/synthetic.flags

makes its data where it is absent, trains a single EF-GAN and then the cascade
that is started from it, writes sample sheets and metrics to --run_dir, and
scores edits of held-out people against their ground truth. The same command
goes on where an interrupted run stopped. --dry_run shows what would be done.
--strategy=multi_worker trains on several machines (docs/distributed.md).
"""

import os
import shlex
import sys

from absl import flags

from efgan_tf import commands, config

LOST_STATUS = 75
"""Another worker is absent or gone: all of them, started again, go on."""


def main(values: flags.FlagValues) -> int:
    """Runs the command; returns its exit status."""
    settings = config.from_flags(values)
    commands.import_tensorflow(settings.train.deterministic)
    if settings.train.dry_run:
        from efgan_tf.training.dry_run import describe

        print(describe(settings))
        return 0
    from efgan_tf.training.cluster import WorkerLostError
    from efgan_tf.training.trainer import train

    setting = f"TF_ENABLE_ONEDNN_OPTS={os.environ['TF_ENABLE_ONEDNN_OPTS']}"
    print(f"oneDNN: {setting}; on CPUs training is faster with 1 than with 0")
    try:
        outcome = train(settings)
    except WorkerLostError as error:
        print(f"stopped: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        # TensorFlow's threads still wait for the other worker.
        os._exit(LOST_STATUS)
    if outcome.checkpoint:
        print(_summary(settings, outcome))
    if settings.train.strategy == "multi_worker" and not outcome.finished:
        # A scheduler must not take one worker's end for the run's.
        return commands.TERMINATED_STATUS
    return 0


def _summary(settings: config.Config, outcome) -> str:
    run_dir = settings.train.run_dir
    lines = [
        f"metrics:      {run_dir}/metrics.jsonl",
        f"checkpoint:   {outcome.checkpoint}",
    ]
    lines[:0] = [f"sample sheet: {sheet}" for sheet in outcome.sheets]
    if not outcome.finished:
        where = f"phase {outcome.position.phase}, {outcome.position.images}"
        return "\n".join(
            [f"stopped in {where} images; the same command goes on", *lines]
        )
    from efgan_tf.training.held_out_scores import describe_scores

    scores = describe_scores(outcome.scores)
    return "\n".join(["finished", scores, *lines, _next(run_dir)])


def _next(run_dir: str) -> str:
    """What to type next."""
    curves = shlex.join(["tensorboard", f"--logdir={run_dir}/logs"])
    longer = "python -m efgan_tf.train --flagfile=configs/synthetic_full.flags"
    return f"next:         {curves}\n          or  {longer}"


if __name__ == "__main__":
    sys.exit(commands.run(main))
