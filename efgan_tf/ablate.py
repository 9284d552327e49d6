"""Trains and evaluates what the method is built up from, at equal budgets.

    python -m efgan_tf.ablate --flagfile=configs/ablation.flags --run_dir=DIR

makes a run DIR/ROW of each row: global (the global branch alone), local (with
local branches), refiner, k2 and k3 (cascades, from the end of refiner's phase
1), each of --phase1_kimg and --phase2_kimg thousands of images. It evaluates
them (DIR/ROW/evaluation), compares them (DIR/comparison), and sums it all up in
DIR/ablation.md and DIR/ablation.json. The same command goes on where an
interrupted one stopped. --variants compares options in phase 1 instead.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from absl import flags

from efgan_tf import commands, config
from efgan_tf.common import outputs
from efgan_tf.common.errors import UserError
from efgan_tf.common.progress import say
from efgan_tf.evaluation import ablation
from efgan_tf.evaluation.ablation import AblationConfig, AblationRow
from efgan_tf.training.schedules import total_steps

_COMPARISON = "comparison"


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    shared = config.from_flags(values)
    settings = config.from_flags(values, AblationConfig)
    rows = ablation.plan(shared, settings)
    if shared.train.dry_run:
        print(_described(rows))
        return
    commands.import_tensorflow(shared.train.deterministic)
    _check(rows)
    _leave_accelerators_alone()
    folder = Path(shared.train.run_dir)
    try:
        with _lock(folder) as lock:
            Work(folder, shlex.split(settings.evaluate_flags), lock).run(rows)
    except (KeyboardInterrupt, SystemExit) as error:
        code = getattr(error, "code", commands.TERMINATED_STATUS)
        if code != commands.TERMINATED_STATUS:  # neither Ctrl-C nor SIGTERM
            raise
        print("stopped; the same command goes on")
    else:
        print(f"finished\ntable: {folder / 'ablation.md'}")


def _described(rows: Sequence[AblationRow]) -> str:
    """What would be done, a line for each row."""
    lines = []
    for row in rows:
        train = row.config.train
        budgets = [
            f"phase {phase} of {steps * train.batch_size * train.n_critic:,} "
            "images"
            for phase in (1, 2)
            if (steps := total_steps(train, phase))
        ]
        line = f"{row.run_dir}: {' and '.join(budgets)}"
        if row.parent:
            line += f", from the end of {row.parent.name}'s phase 1"
        lines.append(line)
    return "\n".join(lines)


def _check(rows: Sequence[AblationRow]) -> None:
    """Raises a `UserError` if a row could not be trained, before any is."""
    from efgan_tf.trained.run_directory import RunDirectory

    for row in rows:
        RunDirectory(row.run_dir).check(row.config)


def _leave_accelerators_alone() -> None:
    """Their memory is for the processes that train."""
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[TextIO]:
    """Locks `folder` against other ablations.

    Processes that we start inherit the lock: one that outlives us, because we
    were killed, keeps it.

    Raises:
      UserError: another one has the lock.
    """
    outputs.check_writable(folder)
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"process {file.read().strip()}, or one that it started, is at "
                f"work in {folder}; wait for its end, or stop it"
            ) from None
        file.truncate(0)
        print(os.getpid(), file=file, flush=True)
        yield file


@dataclasses.dataclass(frozen=True)
class Work:
    """The rows, one after the other, in processes of their own.

    Several graphs and strategies in one process would use up its memory.

    Attributes:
      folder: of all runs.
      evaluate_flags: further flags of `efgan_tf.evaluate`.
      lock: the file that `_lock` holds; processes inherit it.
    """

    folder: Path
    evaluate_flags: Sequence[str]
    lock: TextIO

    def run(self, rows: Sequence[AblationRow]) -> None:
        """Trains and evaluates each row, and sums up after each."""
        for number, row in enumerate(rows, start=1):
            say(f"row {number} of {len(rows)}: {row.name}")
            self._train(row)
            self._evaluate(row)
            self._sum_up(rows[:number])

    def _train(self, row: AblationRow) -> None:
        """Trains a row to its end, unless that is done."""
        if _is_trained(row):
            return
        self._command("train", *ablation.arguments(row.config))
        if not _is_trained(row):  # somebody stopped that process
            raise UserError(
                f"the training of {row.name} was stopped; the same command "
                "goes on"
            )

    def _evaluate(self, row: AblationRow) -> None:
        """Evaluates a row, unless that is done."""
        if not (row.run_dir / "evaluation" / "report.json").exists():
            self._command(
                "evaluate", f"--run_dir={row.run_dir}", *self.evaluate_flags
            )

    def _sum_up(self, rows: Sequence[AblationRow]) -> None:
        """Compares evaluated rows; writes ablation.md and ablation.json."""
        runs = ",".join(str(row.run_dir) for row in rows)
        out = self.folder / _COMPARISON
        self._command(
            "evaluate", f"--compare={runs}", f"--out={out}", "--overwrite"
        )
        tables = (out / "report.md").read_text("utf-8").rstrip()
        costs = {row.name: ablation.row_compute(row) for row in rows}
        content = {
            "results": json.loads((out / "report.json").read_text("utf-8")),
            "compute": {
                name: dataclasses.asdict(cost) for name, cost in costs.items()
            },
        }
        with outputs.atomic_file(self.folder / "ablation.json") as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        with outputs.atomic_file(self.folder / "ablation.md") as temporary:
            temporary.write_text(
                f"# Ablation\n\n{tables}\n\n### Compute\n\n"
                f"{ablation.compute_table(costs)}\n",
                "utf-8",
            )

    def _command(self, name: str, *arguments: str) -> None:
        """Runs `python -m efgan_tf.NAME` to its end.

        Raises:
          UserError: it failed.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", f"efgan_tf.{name}", *arguments],
            pass_fds=[self.lock.fileno()],
        )
        try:
            status = process.wait()
        except BaseException:
            # Ctrl-C has reached that process, too; SIGTERM has reached us
            # alone. It saves what it has before it ends.
            process.terminate()
            process.wait()
            raise
        if status:
            raise UserError(
                f"efgan_tf.{name} ended with status {status}; the same command "
                "goes on once that is mended"
            )


def _is_trained(row: AblationRow) -> bool:
    """Whether the newest whole checkpoint of a row is its last."""
    from efgan_tf.trained.checkpoints import Checkpoints
    from efgan_tf.trained.run_directory import RunDirectory

    run = RunDirectory(row.run_dir)
    found = Checkpoints(run.checkpoints, keep=1).latest()
    if run.is_new() or found is None:
        return False
    train = row.config.train
    last = 2 if train.phase2_kimg else 1
    _, position, _ = found
    return (position.phase, position.step) == (last, total_steps(train, last))


if __name__ == "__main__":
    sys.exit(commands.run(main, config.Config, AblationConfig))
