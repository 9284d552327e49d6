"""Estimated against measured memory of a training step.

    python -m benchmarks.memory

Each row is a fresh process that takes one step on random pictures; measured
is the growth of its peak resident size since TensorFlow was imported.
"""

import argparse
import json
import os
import resource
import subprocess
import sys

from benchmarks import harness

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SMALL = {
    "image_size": 64, "base_width": 16, "local_width": 12,
    "critic_width": 16, "batch_size": 8, "n_critic": 1, "stages": 2,
    "global_blocks": 3, "local_blocks": 2, "refiner_blocks": 2,
}  # fmt: skip
CASES = [
    (SMALL, 1),
    (SMALL | {"batch_size": 32}, 1),
    (SMALL | {"lambda_zero": 0.0}, 2),
    (SMALL | {"base_width": 32, "local_width": 24, "critic_width": 32}, 1),
    (SMALL | {"image_size": 128}, 2),
    (SMALL | {"image_size": 128, "base_width": 32, "local_width": 32}, 1),
    # The estimate was not fitted to these.
    (SMALL | {"image_size": 128, "precision": "mixed_bfloat16"}, 1),
    (SMALL | {"image_size": 96, "au_injection": "film"}, 2),
    (SMALL | {"local_branches": False, "refiner": False}, 1),
    (SMALL | {"image_size": 128, "batch_size": 32}, 1),
]


def measure(changes: dict, stages: int) -> tuple[int, int]:
    """(estimated, measured) bytes of one step in this process."""
    import tensorflow as tf

    before = _peak()
    from efgan_tf import config as config_lib
    from efgan_tf.training import dry_run, networks
    from efgan_tf.training.step import TrainingStep

    config = config_lib.replace(
        config_lib.Config(), {**changes, "stages": stages}
    )
    strategy = networks.make_strategy(config.train)
    with strategy.scope():
        nets = networks.build_networks(config, phase=2)
    step = TrainingStep(strategy, nets, config)
    size, batch = config.model.image_size, config.train.batch_size
    image = tf.random.uniform((1, batch, size, size, 3), -1, 1)
    units = tf.random.uniform((1, batch, 17))
    batches = {
        "image": image,
        "ground_truth": image,
        "action_units": units,
        "target_action_units": units,
        "has_ground_truth": tf.ones((1, batch)),
        "au_mask": tf.ones((1, batch, 17)),
    }
    schedule = {
        "learning_rate": 1e-4, "generator_learning_rate": 1e-4,
        "lambda_att": 0.1, "ema": 0.9,
    }  # fmt: skip
    for number in range(3):
        step(batches, number, schedule)
    return dry_run.step_bytes(config, stages), _peak() - before


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measures each case in a process of its own and reports them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="", help=harness.OUT)
    parser.add_argument("--cases", type=int, nargs="*", help="some of them")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        print(json.dumps(measure(*CASES[options.case])))
        return
    report = harness.Report(options.out)
    rows = []
    for number in options.cases or range(len(CASES)):
        result = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", f"--case={number}"],
            check=True,
            capture_output=True,
            text=True,
        )
        estimated, measured = json.loads(result.stdout.splitlines()[-1])
        changes, stages = CASES[number]
        settings = {k: v for k, v in changes.items() if SMALL.get(k) != v}
        rows.append(
            {
                "settings": f"stages={stages} {settings}",
                "estimated, GiB": estimated / 2**30,
                "measured, GiB": measured / 2**30,
                "ratio": estimated / measured,
            }
        )
    report.add("Memory of a training step", rows)
    report.write()


if __name__ == "__main__":
    main()
