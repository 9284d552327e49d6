"""Whether a run that is killed at random moments ends in the same weights.

    python -m benchmarks.kills --kills=100

trains a tiny run once without interruption. Then the same run, in other
folders, is killed with SIGKILL at random moments, starts and saves included,
and started again, until it has ended; as many such runs follow each other as
it takes. It prints where the kills hit, how many checkpoints were lost or
damaged, and how many of the runs ended with the same variables, bit for bit.
"""

import collections
import dataclasses
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import flags

from efgan_tf import commands, config
from efgan_tf.common.options import option

# Saves after every step, so that many kills hit a save.
_TINY = (
    "--image_size=64 --base_width=4 --global_blocks=0 --stages=2 "
    "--critic_width=4 --estimator_width=4 --batch_size=2 --n_critic=1 "
    "--phase1_kimg=0.08 --phase2_kimg=0.08 --pairing=paired "
    "--lambda_paired=10 --lambda_zero=0 --checkpoint_minutes=0 "
    "--sample_kimg=1 --log_steps=3 --subjects=4 --images_per_subject=8 "
    "--photo_size=128 --nolocal_branches --norefiner --deterministic"
).split()

_STARTING = 0.25
"""Share of the kills before the process has saved anything."""

_STEPS = 6
"""The others hit within so many steps after its first save."""


@dataclasses.dataclass(frozen=True)
class KillsConfig:
    """What is done."""

    kills: int = option(100, "how often a run is killed")
    minutes: float = option(0.0, "stop killing after so long; 0: never")
    kill_seed: int = option(0, "of the random moments")


@dataclasses.dataclass
class _Tally:
    """What the kills did, and how long things take.

    Attributes:
      where: they hit → how many.
      lost: kills after which the newest checkpoint was older than before.
      damaged: checkpoints that could not be read afterwards.
      same: runs that ended in the same variables.
      runs: that were begun.
      startup: seconds of a process before it saves for the first time.
      step: seconds of a step with its save.
    """

    where: collections.Counter
    lost: int = 0
    damaged: int = 0
    same: int = 0
    runs: int = 0
    startup: float = 20.0
    step: float = 1.0


def main(values: flags.FlagValues) -> int:
    """Runs the command; fails unless every run ended as it should."""
    settings = config.from_flags(values, KillsConfig)
    commands.import_tensorflow()
    generator = random.Random(settings.kill_seed)
    began = time.monotonic()

    def enough() -> bool:
        late = time.monotonic() - began > settings.minutes * 60 > 0
        return late or sum(tally.where.values()) >= settings.kills

    tally = _Tally(collections.Counter())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = folder / "whole"
        subprocess.run(_command(folder, whole), check=True, **_QUIET)
        wanted = _variables(whole)
        tally.step = _step_seconds(whole)
        while not enough():
            tally.runs += 1
            run = folder / f"run{tally.runs}"
            finished = False
            while not finished and not enough():
                finished = _life(folder, run, tally, generator)
            subprocess.run(_command(folder, run), check=True, **_QUIET)
            tally.same += _equal(_variables(run), wanted)
            print(_report(tally), flush=True)
    good = tally.same == tally.runs and not tally.lost + tally.damaged
    return 0 if good else 1


_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _command(folder: Path, run: Path) -> list[str]:
    where = [f"--data_dir={folder / 'data'}", f"--run_dir={run}"]
    return [sys.executable, "-m", "efgan_tf.train", *_TINY, *where]


def _life(
    folder: Path, run: Path, tally: _Tally, generator: random.Random
) -> bool:
    """Starts the run and kills it; returns whether it ended before that."""
    before, began = _newest(run), time.monotonic()
    leftovers = _unfinished(run)
    process = subprocess.Popen(_command(folder, run), **_QUIET)
    if generator.random() < _STARTING:
        _sleep(process, generator.uniform(0, tally.startup))
    else:
        while _newest(run) == before and process.poll() is None:
            time.sleep(0.005)
        tally.startup = time.monotonic() - began
        _sleep(process, generator.uniform(0, _STEPS * tally.step))
    if process.poll() is not None:
        if process.returncode:
            raise RuntimeError(f"the run ended with {process.returncode}")
        return True
    process.send_signal(signal.SIGKILL)
    process.wait()
    _examine(run, before, leftovers, tally)
    return False


def _step_seconds(run: Path) -> float:
    """Of a step and its save, from the times of the last checkpoints."""
    saved = [
        path.stat().st_mtime for path in (run / "checkpoints").glob("phase2_*")
    ]
    return (max(saved) - min(saved)) / (len(saved) - 1)


def _sleep(process: subprocess.Popen, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _newest(run: Path) -> str:
    """Name of the newest checkpoint, "" without any."""
    names = [path.name for path in (run / "checkpoints").glob("phase*")]
    return max(names, default="")


def _unfinished(run: Path) -> set[str]:
    """Names of the folders that saves are being written to, or were."""
    return {path.name for path in (run / "checkpoints").glob(".*")}


def _examine(
    run: Path, before: str, leftovers: set[str], tally: _Tally
) -> None:
    """Counts where a kill hit, and what it cost.

    Args:
      run: that was killed.
      before: newest checkpoint when the process started.
      leftovers: of earlier kills, which were there then.
      tally: to count in.
    """
    from efgan_tf.common.errors import UserError
    from efgan_tf.trained.checkpoints import Checkpoints

    newest = _newest(run)
    try:
        found = Checkpoints(run / "checkpoints", 3).latest()
        tally.damaged += len(found[2]) if found else 0
    except UserError:
        tally.damaged += 1
    tally.lost += newest < before
    if _unfinished(run) - leftovers:
        where = "while saving"
    elif newest == before:
        where = "before the first save of a process"
    else:
        where = f"in phase {newest[5]}"
    tally.where[where] += 1


def _variables(run: Path) -> dict[str, np.ndarray]:
    import tensorflow as tf

    newest = run / "checkpoints" / _newest(run)
    reader = tf.train.load_checkpoint(str(newest / "variables"))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }


def _equal(found: dict, wanted: dict) -> bool:
    return found.keys() == wanted.keys() and all(
        np.array_equal(found[name], value) for name, value in wanted.items()
    )


def _report(tally: _Tally) -> str:
    kills = sum(tally.where.values())
    where = "; ".join(
        f"{n} {place}" for place, n in sorted(tally.where.items())
    )
    return (
        f"{kills} kills ({where}); checkpoints lost: {tally.lost}, damaged: "
        f"{tally.damaged}; runs with the same variables, bit for bit: "
        f"{tally.same} of {tally.runs}; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    sys.exit(commands.run(main, KillsConfig))
