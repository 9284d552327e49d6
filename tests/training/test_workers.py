"""Several workers: real processes that train together on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.test_train import _checkpoints, _command, _flags, _variables
from tests.training.test_cluster import addresses

TIMEOUT = 900

# Median and largest difference of the last checkpoint's variables, Adam's
# moments too, each relative to its largest element, or to 1e-3 where that is
# less. Gradients are summed in another order: measured up to 5.4e-6 and .018
# with two workers, by the machine. One step less makes them .039 and 1.7.
TYPICAL, WORST = 1e-3, 0.2


def _started(count, command, options=lambda index: []):
    """One process for each worker; standard error goes with its output."""
    known = addresses(count)
    return [
        subprocess.Popen(
            [*command, *options(index)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": {"worker": known},
                        "task": {"type": "worker", "index": index},
                    }
                )
            },
        )
        for index in range(count)
    ]  # fmt: skip


def _ended(processes):
    """(status, output) of each."""
    results = []
    for process in processes:
        output, _ = process.communicate(timeout=TIMEOUT)
        results.append((process.returncode, output))
    return results


def _wait_for_checkpoint(run, chief, after):
    """Returns once there is one named `after` or later, and a new one."""
    after = max([after, *(f"{path.name}+" for path in _checkpoints(run))])
    deadline = time.monotonic() + TIMEOUT
    while not any(path.name >= after for path in _checkpoints(run)):
        assert time.monotonic() < deadline
        assert chief.poll() is None, chief.communicate()[0]
        time.sleep(0.05)


def _settings(**changes):
    return {
        "batch_size": 6, "phase1_kimg": 0.03, "phase2_kimg": 0.03,
        "sample_kimg": 1, "log_steps": 1, **changes,
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_workers_end_like_one_machine_though_one_was_killed(
    count, data_dir, tmp_path
):
    alone = tmp_path / "alone"
    arguments = _flags(data_dir, alone, **_settings(replicas=count))
    subprocess.run(_command(*arguments), check=True, timeout=TIMEOUT)

    run = tmp_path / "run"
    arguments = _flags(data_dir, run, **_settings(strategy="multi_worker"))
    # Only the chief's folder is one: the others must not need theirs.
    own = lambda index: [f"--run_dir={tmp_path / 'other'}"] if index else []  # noqa: E731

    def disturbed(number, after):
        """What they end with; the last gets a signal at a new checkpoint."""
        workers = _started(count, _command(*arguments), own)
        _wait_for_checkpoint(run, workers[0], after)
        workers[-1].send_signal(number)
        return _ended(workers)

    results = disturbed(signal.SIGTERM, "phase1_00000000")
    assert [status for status, _ in results] == [143] * count, results
    assert "stopped in phase" in results[0][1]
    assert "stopped in phase" not in results[-1][1]

    results = disturbed(signal.SIGKILL, "phase1_00000002")
    assert results[-1][0] == -signal.SIGKILL
    for status, output in results[:-1]:
        told = output.splitlines()[-1]
        assert status == 75, output
        assert "has lost another one" in told and "start all" in told

    results = _ended(_started(count, _command(*arguments), own))
    assert [status for status, _ in results] == [0] * count, results
    assert "resuming from" in results[0][1] and "finished" in results[0][1]
    assert all("phase" not in output for _, output in results[1:])
    assert not (tmp_path / "other").exists()

    name, wanted = _variables(alone)
    found_name, found = _variables(run)
    assert name == found_name == "phase2_00000005"
    assert wanted.keys() == found.keys()
    errors = {
        key: np.abs(found[key] - value).max() / max(np.abs(value).max(), 1e-3)
        for key, value in wanted.items()
    }
    assert np.median(list(errors.values())) < TYPICAL, errors
    assert max(errors.values()) < WORST, errors
    images = [
        json.loads(line)["images"]
        for line in (run / "metrics.jsonl").read_text().splitlines()
    ]
    assert images == sorted(images) and images[-1] == 60


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [0, 1])
def test_a_worker_that_answers_no_more_is_lost(frozen, data_dir, tmp_path):
    settings = _settings(strategy="multi_worker", phase1_kimg=100)
    arguments = _flags(data_dir, tmp_path / "run", **settings)
    workers = _started(2, _command(*arguments))
    _wait_for_checkpoint(tmp_path / "run", workers[0], "phase1_00000000")
    workers[frozen].send_signal(signal.SIGSTOP)
    (other,) = _ended([workers[1 - frozen]])
    workers[frozen].send_signal(signal.SIGCONT)
    for status, output in [other, *_ended([workers[frozen]])]:
        assert status == 75, output
        assert "has lost another one (Collective ops is" in output


def test_workers_whose_data_differ_end_with_one_line(data_dir, tmp_path):
    from efgan_tf.data import prepare
    from tests.test_train import _config

    arguments = _flags(
        data_dir, tmp_path / "run", **_settings(strategy="multi_worker")
    )
    folder = prepare(_config(arguments).data, 64).folder
    other = tmp_path / "data" / Path(folder).relative_to(data_dir)
    other.parent.mkdir(parents=True)
    subprocess.run(["cp", "-r", folder, other.parent], check=True)
    path = other / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["mask"][0] = 0.0
    path.write_text(json.dumps(metadata))
    results = _ended(
        _started(
            2, _command(*arguments),
            lambda index: [f"--data_dir={tmp_path / 'data'}"] if index else [],
        )
    )  # fmt: skip
    for status, output in results:
        assert status == 2, output
        errors = [x for x in output.splitlines() if x.startswith("error:")]
        assert len(errors) == 1 and "their data differ" in errors[0]
    assert not list((tmp_path / "run").glob("*"))


_EXCHANGE = """
import json, os, sys, time
from efgan_tf import config as config_lib
from efgan_tf.common.errors import UserError
from efgan_tf.training import cluster, networks, workers
import tensorflow as tf

known = cluster.from_environment(os.environ)
train = config_lib.TrainConfig(strategy="multi_worker")
strategy = networks.make_strategy(train, known)
mine = workers.Workers(strategy, known)
first = mine.index == 0
said = {"all_gather": mine.all_gather(f"worker {mine.index} says ü"),
        "broadcast": mine.broadcast([1, None] if first else "no"),
        "stop": [mine.any_stop_requested(stop) for stop in (False, not first)]}

def unwrap(function):
    try:
        function()
    except UserError as error:
        return str(error)

def fail():
    with mine.collective_errors():
        if not first:
            raise UserError("its disk is full")

said["failed"] = unwrap(fail)
problem = UserError("not finite") if first else None
said["problem"] = unwrap(lambda: mine.any_stop_requested(True, problem))
said["same"] = unwrap(lambda: mine.check_same("equal", "differ"))
said["differ"] = unwrap(lambda: mine.check_same(str(mine.index), "differ"))
with strategy.scope():
    variables = [tf.Variable([1.5, -2.5e7]), tf.Variable(2**40, dtype="int64")]
for variable in variables:
    variable.assign(variable if first else variable * 0)
mine.synchronize(variables)
said["variables"] = [variable.numpy().tolist() for variable in variables]
print(json.dumps(said), flush=True)
try:
    with mine.watched():
        if not first:
            os._exit(9)
        mine.barrier()
except workers.WorkerLostError as error:
    print(error, flush=True)
    os._exit(75)
"""


def test_what_workers_tell_each_other():
    results = _ended(_started(2, [sys.executable, "-c", _EXCHANGE]))
    assert [status for status, _ in results] == [75, 9], results
    for index, (_, output) in enumerate(results):
        lines = [x for x in output.splitlines() if x.startswith("{")]
        (said,) = map(json.loads, lines)
        assert said == {
            "all_gather": ["worker 0 says ü", "worker 1 says ü"],
            "broadcast": [1, None],
            "stop": [False, True],
            "failed": ["worker 1: its disk is full", "its disk is full"][index],
            "problem": ["not finite", "worker 0: not finite"][index],
            "same": None,
            "differ": "worker 1 and worker 0: differ",
            "variables": [[1.5, -2.5e7], 2**40],
        }
    assert "worker 0 of 2 has lost another one" in results[0][1]


_PEER = "/job:worker/replica:0/task:1"


@pytest.mark.parametrize(
    ("kind", "message", "lost"),
    [
        (
            tf.errors.UnavailableError,
            "Collective ops is aborted by: The following tasks are unhealthy "
            f"(stopped sending heartbeats):\n{_PEER}",
            True,
        ),
        (
            tf.errors.InternalError,
            "Collective ops is aborted by: Failed to launch\nAdditional GRPC "
            f"error information from remote target {_PEER}:",
            True,
        ),
        (
            tf.errors.UnknownError,
            "Error invoking NCCL: remote process exited",
            True,
        ),
        (tf.errors.InternalError, "Blas xGEMM launch failed", False),
        (tf.errors.FailedPreconditionError, "Could not find variable", False),
        (tf.errors.UnknownError, "ValueError: in a function of ours", False),
        (tf.errors.InvalidArgumentError, "Incompatible shapes", False),
    ],
)
def test_a_mistake_of_this_worker_is_no_lost_worker(kind, message, lost):
    from efgan_tf.training.cluster import Cluster, WorkerLostError
    from efgan_tf.training.workers import Workers

    first = Workers(tf.distribute.get_strategy(), Cluster(("a:1", "b:1"), 0))
    with pytest.raises(WorkerLostError if lost else kind), first.watched():
        raise kind(None, None, message)


def test_a_run_of_one_process_exchanges_nothing():
    from efgan_tf.common.errors import UserError
    from efgan_tf.training.workers import Workers

    alone = Workers(tf.distribute.get_strategy())
    assert alone.all_gather("x") == ["x"] and alone.broadcast(3) == 3
    assert alone.any_stop_requested(True) and not alone.any_stop_requested(
        False
    )
    with pytest.raises(UserError, match="^broken$"), alone.collective_errors():
        raise UserError("broken")
