"""Times contenders side by side: workers of their own, asked in turn.

A worker builds its tasks once, reports that it is ready and then times one
repeat whenever it is asked. So libraries, environments and commits that do not
fit into one process are interleaved in one run, and a machine that slows down
slows all of them down.
"""

import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

WARM_UP = 2
"""Repeats of each task that are not counted."""


@dataclasses.dataclass(frozen=True)
class Contender:
    """A worker to start.

    Attributes:
      name: in the tables.
      command: which starts it; its script calls `serve`.
      environment: variables that are set for it.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Result:
    """What a contender took.

    Attributes:
      facts: what the worker reports of itself: versions, sizes.
      seconds: task → one number a repeat.
    """

    facts: dict[str, Any]
    seconds: dict[str, list[float]]

    def median(self, task: str) -> float:
        """Of the seconds of a task."""
        return statistics.median(self.seconds[task])


def serve(tasks: Mapping[str, Callable[[], object]], facts: dict) -> None:
    """A worker's side: times the tasks that standard input names.

    Args:
      tasks: name → what to run once; it returns when the work is done.
      facts: of the worker, for the report.
    """
    print(json.dumps({"tasks": list(tasks), "facts": facts}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        tasks[line.strip()]()
        print(json.dumps(time.perf_counter() - start), flush=True)


def interleave(
    contenders: Sequence[Contender], rounds: int
) -> dict[str, Result]:
    """Each task of each contender once a round, in turn.

    Raises:
      RuntimeError: a worker ended before it answered.
    """
    workers = {each.name: _Worker(each) for each in contenders}
    results = {}
    for name, worker in workers.items():
        ready = worker.answer()
        results[name] = Result(
            ready["facts"], {task: [] for task in ready["tasks"]}
        )
    for number in range(WARM_UP + rounds):
        for name, worker in workers.items():
            for task, seconds in results[name].seconds.items():
                took = worker.time(task)
                if number >= WARM_UP:
                    seconds.append(took)
    for worker in workers.values():
        worker.stop()
    return results


class _Worker:
    def __init__(self, contender: Contender):
        self._name = contender.name
        self._process = subprocess.Popen(
            contender.command,
            env={**os.environ, **contender.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if "-v" in sys.argv else subprocess.DEVNULL,
            text=True,
        )

    def answer(self) -> Any:
        """The next line that is JSON; libraries print lines of their own."""
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        raise RuntimeError(
            f"the worker of {self._name} ended with {self._process.wait()}; "
            "-v shows what it printed"
        )

    def time(self, task: str) -> float:
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        return self.answer()

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def machine() -> dict[str, Any]:
    """Processor, its vector instructions, cores, Python, load."""
    facts = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines if ":" in line)
        fields = {key.strip(): value.strip() for key, value in values.items()}
        flags = fields.get("flags", "").split()
        facts["processor"] = fields.get("model name", facts["processor"])
        facts["vectors"] = [
            name
            for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16")
            if name in flags
        ]
    return facts


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [list(row.values()) for row in rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write(path: Path, report: Mapping[str, Any], markdown: str) -> None:
    """Writes `path`.json and `path`.md, and prints the second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")
    path.with_suffix(".md").write_text(markdown + "\n")
    print(markdown)
