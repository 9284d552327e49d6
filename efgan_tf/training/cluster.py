"""Which workers train together, as TF_CONFIG or Slurm says."""

import dataclasses
import json
import re
from collections.abc import Mapping

from efgan_tf.common.errors import UserError

_SLURM = (
    "SLURM_PROCID", "SLURM_NODEID", "SLURM_LOCALID", "SLURM_STEP_NODELIST",
    "SLURM_STEP_TASKS_PER_NODE",
)  # fmt: skip
# Jobs that share a node must not share ports; a job's number tells them apart.
_SLURM_FIRST_PORT, _SLURM_PORTS = 15000, 20000

_ADDRESS = re.compile(r"(?P<host>[^\s:]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d+)")


class WorkerLostError(Exception):
    """Another worker is absent or gone, and the rest cannot go on without it.

    Nothing has to be mended: the same command, on all of them, goes on.
    """


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run, and which of them this process is.

    Attributes:
      addresses: `host:port` of each, the chief first.
      index: of this one among them.
      problem: what is wrong with this worker's place, sent to all workers; ""
        for nothing.
    """

    addresses: tuple[str, ...]
    index: int
    problem: str = ""

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes: the first one does."""
        return self.index == 0

    def endpoint(self, index: int) -> tuple[str, int]:
        """Host and port of a worker."""
        host, _, port = self.addresses[index].rpartition(":")
        return host.strip("[]"), int(port)


def from_environment(environ: Mapping[str, str]) -> Cluster:
    """The cluster that TF_CONFIG describes; without it, Slurm's job step.

    Raises:
      UserError: there is neither, or it is wrong or incomplete.
    """
    if environ.get("TF_CONFIG", "").strip():
        return _from_tf_config(environ["TF_CONFIG"])
    if "SLURM_PROCID" in environ:
        return _from_slurm(environ)
    raise UserError(
        "--strategy=multi_worker needs TF_CONFIG in the environment of every "
        "worker, or a job step of Slurm (srun); docs/distributed.md shows both"
    )


def _from_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        sizes = {job: len(addresses) for job, addresses in jobs.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _wrong(
            'it must be JSON like {"cluster": {"worker": ["host:port", …]}, '
            f'"task": {{"type": "worker", "index": 0}}}} ({error!r})'
        ) from error
    unknown = sorted(set(sizes) - {"chief", "worker"})
    if unknown or sizes.get("chief", 0) > 1:
        named = unknown[0] if unknown else "more than one chief"
        raise _wrong(
            f"its cluster has {named}; it can have workers and a chief"
        )
    if not isinstance(kind, str):
        raise _wrong("its task has no type, 'worker' or 'chief'")
    if type(index) is not int or not 0 <= index < sizes.get(kind, 0):
        raise _wrong(f"its task, {kind} {index}, is not in its cluster")
    addresses = [*jobs.get("chief", ()), *jobs.get("worker", ())]
    for address in addresses:
        found = isinstance(address, str) and _ADDRESS.fullmatch(address)
        if not found or not 0 < int(found["port"]) < 2**16:
            raise _wrong(f"{address!r} is no host:port")
    if len(set(addresses)) < len(addresses):
        raise _wrong("two of its workers have one address")
    index += sizes.get("chief", 0) if kind == "worker" else 0
    return Cluster(tuple(addresses), index)


def _wrong(reason: str) -> UserError:
    return UserError(f"TF_CONFIG is wrong: {reason}; see docs/distributed.md")


def _from_slurm(environ: Mapping[str, str]) -> Cluster:
    """A worker for each task of the step, in the order of the tasks.

    That must be block order: one node's tasks after the other's.

    TensorFlow's `SlurmClusterResolver` sorts nodes by name, n10 before n9,
    which is not the order of the tasks, and needs `nvidia-smi`; its parsers of
    Slurm's lists are used. Which GPUs a task sees is Slurm's affair.
    """
    from tensorflow.python.distribute.cluster_resolver import (
        slurm_cluster_resolver as slurm,
    )

    absent = [name for name in _SLURM if not environ.get(name)]
    if absent:
        raise UserError(
            f"--strategy=multi_worker needs a job step of Slurm: {absent[0]} "
            "is not set; start the workers by srun"
        )
    try:
        index, node, local = (
            int(environ[name])
            for name in ("SLURM_PROCID", "SLURM_NODEID", "SLURM_LOCALID")
        )
        job = int(environ.get("SLURM_JOB_ID", 0))
        nodes = slurm.expand_hostlist(environ["SLURM_STEP_NODELIST"])
        tasks = slurm.expand_tasks_per_node(
            environ["SLURM_STEP_TASKS_PER_NODE"]
        )
        places = [
            (number, task)
            for number, count in zip(range(len(nodes)), tasks, strict=True)
            for task in range(count)
        ]
    except ValueError as error:
        raise UserError(f"Slurm's variables cannot be read: {error}") from error
    if not 0 <= index < len(places):
        raise UserError(
            f"Slurm's variables contradict each other: task {index} of "
            f"{len(places)}"
        )
    first = _SLURM_FIRST_PORT + job % _SLURM_PORTS
    problem = ""
    if places[index] != (node, local):
        # Slurm's variables do not say where the other tasks run.
        problem = (
            f"Slurm's tasks are not in block order, task {index} is number "
            f"{local} of node {node}; use srun --distribution=block"
        )
    return Cluster(
        tuple(f"{nodes[number]}:{first + task}" for number, task in places),
        index,
        problem,
    )
