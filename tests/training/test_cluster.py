"""Who trains together: read from the environment, and met before training."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.training import handshake
from efgan_tf.training.cluster import (
    Cluster,
    WorkerLostError,
    from_environment,
)

TWO = ["a:1000", "b:1000"]


def tf_config(cluster, task):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def worker(index, kind="worker"):
    return {"type": kind, "index": index}


def test_a_chief_of_its_own_comes_first():
    jobs = {"worker": TWO, "chief": ["[::1]:7"]}
    chief = from_environment(tf_config(jobs, worker(0, "chief")))
    assert chief.is_chief and chief.endpoint(0) == ("::1", 7)
    last = from_environment(tf_config(jobs, worker(1)))
    assert last == Cluster(("[::1]:7", "a:1000", "b:1000"), 2)
    assert not last.is_chief and last.endpoint(2) == ("b", 1000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "must be JSON"),
        ('{"cluster": {"worker": ["a:1"]}}', "'task'"),
        ('{"cluster": ["a:1"], "task": {}}', "must be JSON"),
        (tf_config({"worker": TWO}, worker(2)), "worker 2, is not in"),
        (tf_config({"worker": TWO}, worker("0")), "worker 0, is not in"),
        (tf_config({"worker": TWO, "ps": ["c:1"]}, worker(0)), "has ps"),
        (tf_config({"chief": TWO}, worker(0, "chief")), "more than one chief"),
        (tf_config({"worker": ["a:1", "a:1"]}, worker(0)), "one address"),
        (tf_config({"worker": ["a:99999"]}, worker(0)), "no host:port"),
        (tf_config({"worker": [7]}, worker(0)), "7 is no host:port"),
    ],
)
def test_a_wrong_tf_config_is_told(text, told):
    environ = text if isinstance(text, dict) else {"TF_CONFIG": text}
    with pytest.raises(UserError, match=told):
        from_environment(environ)


def slurm(index, nodes="n[9-11]", tasks="2,1(x2)", place=(0, 0), **more):
    return {
        "SLURM_PROCID": str(index), "SLURM_STEP_NODELIST": nodes,
        "SLURM_NODEID": str(place[0]), "SLURM_LOCALID": str(place[1]),
        "SLURM_STEP_TASKS_PER_NODE": tasks, "SLURM_JOB_ID": "40007", **more,
    }  # fmt: skip


def test_slurms_tasks_are_the_workers_in_their_order():
    found = from_environment(slurm(2, place=(1, 0)))
    # n9 before n10: in the order of Slurm's list, not of the alphabet. Ports
    # begin at 15000 + 40007 % 20000, so that jobs do not share them.
    assert found == Cluster(
        ("n9:15007", "n9:15008", "n10:15007", "n11:15007"), 2
    )


def test_slurms_tasks_out_of_block_order_end_all_with_one_line():
    # Cyclic order: task 1 is the first of the second node, not of the first.
    other = from_environment(slurm(1, place=(1, 0)))
    known = addresses(2)
    raised = meet(
        (Cluster(known, 0), FACTS), (Cluster(known, 1, other.problem), FACTS)
    )
    assert raised[0] == raised[1] and "UserError" in raised[0]
    assert "task 1 is number 0 of node 1" in raised[0]
    assert "--distribution=block" in raised[0]


def test_a_task_out_of_order_does_not_take_the_chiefs_port():
    # Cyclic order: task 2 of 2 x 2 runs beside the chief, and takes itself for
    # the first of the second node, whose port has the same number.
    (address,) = addresses(1)
    raised = meet(
        (Cluster((address, address), 0), FACTS),
        (Cluster((address, address), 1, "out of order"), FACTS),
    )
    assert raised[0] == raised[1] and "out of order" in raised[0]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_PROCID": "0"},
        slurm(4),
        slurm("x"),
        slurm(0, nodes="n[9-"),
        slurm(0, tasks="2"),
    ],
)
def test_what_is_missing_or_contradictory_is_told(environ):
    with pytest.raises(UserError, match="lurm"):
        from_environment(environ)


def addresses(count):
    """Of free ports."""
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return tuple(f"127.0.0.1:{port}" for port in ports)


def meet(*calls, seconds=20.0):
    """What concurrent calls of `wait_for_workers` raise; "" for nothing."""

    def outcome(call):
        cluster, facts = call
        try:
            handshake.wait_for_workers(cluster, facts, seconds)
        except (UserError, WorkerLostError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


FACTS = {"--batch_size": "16"}


def test_workers_that_agree_meet_and_leave_their_ports_free():
    known = addresses(3)
    for _ in range(2):
        told = meet(*((Cluster(known, index), FACTS) for index in (2, 0, 1)))
        assert told == ["", "", ""]


def test_a_worker_with_other_flags_ends_all_with_the_same_line():
    known = addresses(3)
    told = meet(
        (Cluster(known, 0), FACTS),
        (Cluster(known, 1), {"--batch_size": "8"}),
        (Cluster(known, 2), FACTS),
    )
    assert len(set(told)) == 1
    assert "--batch_size of worker 1 is 8, and of worker 0 16" in told[0]
    assert told[0].startswith("UserError")


def test_a_worker_that_knows_another_cluster_ends_all():
    known = addresses(3)
    other = (known[0], known[2], known[1])
    told = meet(
        (Cluster(known, 0), FACTS),
        (Cluster(known, 1), FACTS),
        (Cluster(other, 1), FACTS),
    )
    assert len(set(told)) == 1
    assert f"knows the cluster {', '.join(other)}" in told[0]


def test_a_worker_that_does_not_come_is_named():
    known = addresses(3)
    told = meet(
        (Cluster(known, 0), FACTS), (Cluster(known, 1), FACTS), seconds=0.5
    )
    assert f"worker 2 ({known[2]}) did not come" in told[0]
    # Nothing is to be mended: all may try again.
    assert all(text.startswith("WorkerLostError") for text in told)


def test_a_chief_that_does_not_come_is_waited_for_and_named():
    known = addresses(2)
    (told,) = meet((Cluster(known, 1), FACTS), seconds=0.5)
    assert f"waited in vain for worker 0 ({known[0]})" in told
    assert told.startswith("WorkerLostError")


def test_a_port_in_use_is_told():
    with socket.create_server(("", 0)) as used:
        known = (*addresses(1), f"127.0.0.1:{used.getsockname()[1]}")
        (told,) = meet((Cluster(known, 1), FACTS))
    assert "worker 1 cannot use its port" in told and "started twice" in told


def line(known, index):
    """What a worker says to the chief."""
    said = {"cluster": list(known), "index": index, "facts": FACTS}
    return json.dumps({**said, "problem": ""}).encode()


def connected(known):
    """A connection to the chief, once it listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(Cluster(known, 1).endpoint(0))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_a_worker_that_was_ended_while_it_waited_may_call_again():
    known = addresses(3)
    with ThreadPoolExecutor() as pool:
        chief = pool.submit(meet, (Cluster(known, 0), FACTS))
        for _ in range(2):
            with connected(known) as ended:
                ended.sendall(line(known, 1) + b"\n")
        others = [(Cluster(known, index), FACTS) for index in (1, 2)]
        assert meet(*others) == ["", ""] and chief.result() == [""]


def test_other_connections_are_ignored_but_no_second_worker_1(monkeypatch):
    monkeypatch.setattr(handshake, "_GRACE_SECONDS", 0.5)
    known = addresses(3)
    said = line(known, 1)
    others = [b"GET / HTTP/1.1\r\n", b"[]\n", b""]

    def call(text):
        with connected(known) as connection:
            connection.sendall(text + b"\n")
            return connection.makefile("rb").readline()

    with ThreadPoolExecutor() as pool:
        chief = pool.submit(meet, (Cluster(known, 0), FACTS))
        # First, since two workers are all that the chief waits for.
        assert [call(text) for text in others] == [b"", b"", b""]
        answers = [pool.submit(call, said) for _ in range(2)]
        assert "two workers say that they are worker 1" in chief.result()[0]
        assert all(b"two workers" in answer.result() for answer in answers)
