"""What serving costs, and how much load a server stands.

    python -m benchmarks.serving

Exports the bundled model (or takes --model_dir), serves it with
python -m efgan_tf.serve in a process of its own, and prints: the model's own
time for several batches; that of one face in turns with the time that one
caller waits for an answer; the capacity; and what becomes of requests that come
at random times: at several rates, at 80 % of the capacity for --minutes, and at
300 %. Every answer is compared with what the model itself gives.

Server, model and clients share the machine's cores.
"""

import contextlib
import dataclasses
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from benchmarks.serving_load import (
    Load,
    Outcome,
    check_distinct,
    make_questions,
)
from benchmarks.serving_model import OwnModel
from efgan_tf import commands, config
from efgan_tf.common.errors import UserError
from efgan_tf.common.options import check_at_least, option, require
from efgan_tf.trained.presets import DEFAULT

SHARES = (0.25, 0.5)
SUSTAINED, OVERLOAD = 0.8, 3.0
BATCHES = (1, 2, 4, 8, 16)
CALLERS = 16
QUESTIONS = 32
ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What is measured."""

    model_dir: str = option(
        "", f"folder of the numbered versions (default: exports {DEFAULT})"
    )
    seconds: float = option(20.0, "how long each rate is held")
    minutes: float = option(5.0, "how long 80 % of the capacity is held")
    repeats: int = option(100, "how often the model, and one caller, is timed")
    timeout: float = option(10.0, "deadline of each question, in seconds")

    def __post_init__(self):
        check_at_least(self, ROUNDS, "repeats")
        for name in ("seconds", "minutes", "timeout"):
            require(getattr(self, name) > 0, f"--{name} must be greater than 0")


def main(values: flags.FlagValues) -> None:
    """Runs the command."""
    settings = config.from_flags(values, BenchmarkConfig)
    commands.import_tensorflow()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(settings.model_dir or _export(folder))
        with OwnModel(_newest(versions)) as model:
            questions = make_questions(versions.name, model.side(), QUESTIONS)
            answers = [model.answer(question) for question in questions]
            check_distinct(answers)
            _print_model(model, questions[0], settings.repeats)
            with _server(versions) as (address, process):
                load = Load(address, questions, answers, settings.timeout)
                _measure(load, process, model, settings)


def _export(folder: str) -> str:
    command = [sys.executable, "-m", "efgan_tf.export", f"--model={DEFAULT}"]
    done = subprocess.run(
        [*command, f"--out={folder}"], capture_output=True, text=True
    )
    if done.returncode:
        raise UserError(done.stderr)
    return os.path.join(folder, "efgan")


def _newest(versions: Path) -> Path:
    from efgan_tf.trained.saved_models import newest_version

    found = newest_version(versions)
    if not found:
        raise UserError(f"--model_dir={versions} holds no numbered version")
    return found


@contextlib.contextmanager
def _server(versions: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address and the process of a server."""
    command = [sys.executable, "-m", "efgan_tf.serve", "--port=0"]
    with subprocess.Popen(
        [*command, f"--model_dir={versions}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            for line in process.stdout:
                if line.startswith("serving on "):
                    yield line.split()[-1], process
                    return
            raise UserError("the server did not start")
        finally:
            process.terminate()


def _print_model(model: OwnModel, question, repeats: int) -> None:
    print("| the model itself | ms | faces/s |\n|---|---|---|")
    for batch in BATCHES:
        model.times(question, batch, 3)  # the first ones optimize the graph
        times = model.times(question, batch, max(3, repeats // batch))
        seconds = statistics.median(times)
        print(
            f"| batch {batch} | {1000 * seconds:.1f} | {batch / seconds:.1f} |"
        )
    print(flush=True)


def _measure(
    load: Load,
    process: subprocess.Popen,
    model: OwnModel,
    settings: BenchmarkConfig,
) -> None:
    """Prints what the server makes of several loads."""
    seconds = settings.seconds
    load.closed_loop(CALLERS, min(seconds, 5.0))  # to warm up
    _print_overhead(load, model, settings.repeats)
    capacity = load.closed_loop(CALLERS, seconds)
    if not capacity.latencies:
        raise UserError("no question was answered in time; raise --timeout")
    before = _memory(process)
    print(
        "\n| requests | asked/s | answered/s | p50 ms | p95 ms | p99 ms | "
        "wrong | statuses |\n|---|---|---|---|---|---|---|---|"
    )
    _print_row(f"{CALLERS} callers", capacity)
    for share, duration in (
        *((share, seconds) for share in SHARES),
        (SUSTAINED, 60 * settings.minutes),
        (OVERLOAD, seconds),
    ):
        outcome = load.open_loop(share * capacity.rate, duration)
        _print_row(f"{share:.0%} for {duration:g} s", outcome)
    if process.poll() is not None:
        raise UserError(f"the server ended with status {process.returncode}")
    _print_row("afterwards, 1 caller", load.closed_loop(1, 1.0))
    print(
        f"\nthe server runs on; its memory was {before:.2f} GB before "
        f"the rates, is {_memory(process):.2f} GB after\n",
        flush=True,
    )


def _print_overhead(load: Load, model: OwnModel, repeats: int) -> None:
    """One caller and the model itself, in turns: the machine may change."""
    own, served = [], []
    for _ in range(ROUNDS):
        part = repeats // ROUNDS
        own += model.times(load.questions[0], 1, part)
        served += load.closed_loop(1, sum(own[-part:])).latencies
    model_ms, served_ms = (
        1000 * statistics.median(times or [math.nan]) for times in (own, served)
    )
    print(
        f"one caller waits {served_ms:.1f} ms, the model itself takes "
        f"{model_ms:.1f} ms: overhead {served_ms / model_ms - 1:.1%}",
        flush=True,
    )


def _print_row(name: str, outcome: Outcome) -> None:
    statuses = ", ".join(
        f"{count} {status}" for status, count in outcome.statuses.most_common()
    )
    cells = [
        name,
        f"{outcome.asked:.1f}",
        f"{outcome.rate:.1f}",
        *(f"{1000 * outcome.percentile(p):.0f}" for p in (50, 95, 99)),
        str(outcome.wrong),
        statuses,
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def _memory(process: subprocess.Popen) -> float:
    """Resident memory in GB; for Linux."""
    with open(f"/proc/{process.pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["VmRSS"].split()[0]) * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(commands.run(main, BenchmarkConfig))
