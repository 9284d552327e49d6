"""What the benchmarks share: times, and a report of them.

`Report` prints and keeps tables with the machine, its load and the versions.
`medians` times tasks of this process by turns. `interleave` times contenders
that are workers of their own: a worker builds its tasks once, reports that it
is ready and then times one repeat whenever it is asked. So libraries,
environments and commits that do not fit into one process are interleaved in one
run, and a machine that slows down slows all of them down.

Only the standard library is used here: workers run in other environments.
"""

import contextlib
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

OUT = "where to write the report as JSON and as markdown, without a suffix"
"""Help of the benchmarks' flag --out."""

WARM_UP = 2
"""Repeats of each task that are not counted."""


_PACKAGES = (
    "efgan_tf", "numpy", "tensorflow", "keras", "ai-edge-litert",
    "opencv-python-headless",
)  # fmt: skip


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


def medians(
    tasks: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1
) -> dict[str, float]:
    """Median seconds of each task in this process, the tasks taking turns.

    Args:
      tasks: name → what to run once; it returns when the work is done.
      repeats: of each task that count.
      warm_up: repeats before them that do not.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(warm_up + repeats):
        for name, task in tasks.items():
            took = timed(task)
            if number >= warm_up:
                seconds[name].append(took)
    return {name: statistics.median(found) for name, found in seconds.items()}


def timed(task: Callable[[], object]) -> float:
    """Seconds that a task takes once."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def machine() -> dict[str, Any]:
    """Processor, its vector instructions, cores, load, and versions."""
    facts = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
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
    return {**facts, "versions": versions()}


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers depend on most."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def table(rows: Sequence[Mapping[str, Any]], digits: int = 2) -> str:
    """Rows with the same keys as a markdown table.

    Args:
      rows: texts, numbers, or None for what there is no number of.
      digits: of floating-point numbers, behind the point.
    """

    def cell(value: Any) -> str:
        if value is None:
            return "–"
        if isinstance(value, float):
            return f"{value:,.{digits}f}"
        return str(value)

    if not rows:
        return "(nothing)"
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[cell(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Report:
    """A benchmark's tables, printed as they come and written at the end.

    Args:
      out: path of the JSON and the markdown file, without suffix; empty to
        write none.
    """

    def __init__(self, out: str | os.PathLike = ""):
        self.out = out
        self.data: dict[str, Any] = {"machine": machine()}
        self._parts: list[str] = []
        self.note(_described(self.data["machine"]))

    def note(self, text: str) -> None:
        """A paragraph."""
        print(f"{text}\n", flush=True)
        self._parts.append(text)

    def add(
        self, title: str, rows: Sequence[Mapping[str, Any]], digits: int = 2
    ) -> None:
        """A table below its title; see `table`."""
        self.data[title] = list(rows)
        self.note(f"{title}\n\n{table(rows, digits)}")

    def write(self) -> None:
        """Writes the files, if any, with the load at the end."""
        self.data["machine"]["load_after"] = round(os.getloadavg()[0], 1)
        if not self.out:
            return
        path = Path(self.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.data, indent=2, default=float)
        # Names may have dots of their own.
        Path(f"{path}.json").write_text(text + "\n", "utf-8")
        Path(f"{path}.md").write_text("\n\n".join(self._parts) + "\n", "utf-8")
        print(f"wrote {path}.json and {path}.md")


def _described(facts: Mapping[str, Any]) -> str:
    vectors = " ".join(facts.get("vectors", ())) or "no vectors known"
    names = ", ".join(f"{k} {v}" for k, v in facts["versions"].items())
    return (
        f"{facts['cores']} cores of {facts['processor']} ({vectors}), load "
        f"{facts['load']}; {names}"
    )
