"""Trains a Cascade EF-GAN: both phases, in one run that can be resumed.

    python -m efgan_tf.train --flagfile=configs/synthetic.flags

makes its data where it is absent, trains a single EF-GAN and then the cascade
that is started from it, writes sample sheets and metrics to --run_dir, and
scores edits of held-out people against their true pictures. The same command
goes on where an interrupted run stopped. --dry_run shows what would be done.
"""

import sys

from absl import flags

from efgan_tf import commands, config


def main(values: flags.FlagValues) -> int:
    """Runs the command; returns its exit status."""
    settings = config.from_flags(values)
    commands.quiet_tensorflow()
    if settings.train.dry_run:
        from efgan_tf.training.dry_run import describe

        print(describe(settings))
        return 0
    from efgan_tf.training.trainer import train

    outcome = train(settings)
    print(_summary(settings, outcome))
    return 0


def _summary(settings: config.Config, outcome) -> str:
    run_dir = settings.train.run_dir
    held_out = outcome.held_out
    lines = [
        f"metrics:      {run_dir}/metrics.jsonl",
        f"TensorBoard:  tensorboard --logdir={run_dir}/logs",
        f"checkpoint:   {outcome.checkpoint}",
    ]
    if outcome.sheet:
        lines.insert(0, f"sample sheet: {outcome.sheet}")
    if not outcome.finished:
        where = f"phase {outcome.position.phase}, {outcome.position.images}"
        return "\n".join(
            [f"stopped in {where} images; the same command goes on", *lines]
        )
    score = (
        f"held-out PSNR to the true target {held_out['held_out/psnr']:.2f} dB, "
        f"without an edit {held_out['held_out/psnr_no_edit']:.2f} dB "
        f"({held_out['held_out/psnr_gain']:+.2f})"
    )
    return "\n".join(["finished", score, *lines])


if __name__ == "__main__":
    sys.exit(commands.run(main))
