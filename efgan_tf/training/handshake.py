"""Before TensorFlow connects the workers: are all there, and do they agree?

TensorFlow waits for ever, or fails with unclear errors, where workers are
missing or their cluster specifications differ. So every worker first sends the
chief one line of JSON, on the port that the chief's TensorFlow uses afterwards,
and the chief sends the same answer to all of them.
"""

import contextlib
import errno
import json
import socket
import time
from collections.abc import Container, Mapping

from efgan_tf.common.errors import UserError
from efgan_tf.training.cluster import Cluster, WorkerLostError

_LONGEST_MESSAGE = 2**20
_RETRY_SECONDS = 0.2
_LINE_SECONDS = 10.0
"""How long to wait for the line of a connected worker."""
_GRACE_SECONDS = 20.0
"""After a problem: how long to wait for the others, to send it to them."""


def wait_for_workers(
    cluster: Cluster, facts: Mapping[str, str], seconds: float
) -> None:
    """Returns once every worker is there and all agree.

    Args:
      cluster: as this worker knows it.
      facts: name → value, which must be the same for all workers.
      seconds: how long to wait for the others.

    Raises:
      UserError: they disagree, or one of them has a problem.
      WorkerLostError: a worker does not come or cannot be reached.
        In both cases those that have met raise the same.
    """
    own = {
        "cluster": list(cluster.addresses),
        "index": cluster.index,
        "facts": dict(facts),
        "problem": cluster.problem,
    }
    deadline = time.monotonic() + seconds
    if cluster.problem and not cluster.is_chief:
        # Its own port may be another's, even the chief's.
        _call(cluster, own, deadline)
        return
    with _listening(cluster) as listener:
        if cluster.is_chief:
            _receive(cluster, own, listener, deadline)
            return
    _call(cluster, own, deadline)


def _listening(cluster: Cluster) -> socket.socket:
    """Opens this worker's own port, which must be free."""
    host, port = cluster.endpoint(cluster.index)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("", port))
        listener.listen(len(cluster.addresses))
    except OSError as error:
        listener.close()
        used = error.errno == errno.EADDRINUSE
        raise UserError(
            f"worker {cluster.index} cannot use its port {port} ("
            f"{error.strerror}); "
            + ("has it been started twice?" if used else "choose another one")
        ) from error
    return listener


def _receive(
    cluster: Cluster, own: dict, listener: socket.socket, deadline: float
) -> None:
    """The chief's side: waits for all, compares, answers."""
    calls: dict[int, socket.socket] = {}
    refused: list[socket.socket] = []
    problem, lost = own["problem"], False
    if problem:
        deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
    try:
        while len(calls) + len(refused) < len(cluster.addresses) - 1:
            listener.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                _drop_closed(calls)
                lost = not problem
                problem = problem or _absent(cluster, calls)
                break
            message = _read_message(connection)
            # One that was ended meanwhile calls again once it is restarted.
            _drop_closed(calls)
            if message is None:  # somebody else's: a port scan, a health check
                connection.close()
                continue
            found = _disagreement(own, message)
            if not found and message["index"] in calls:
                found = (
                    f"two workers say that they are worker {message['index']}"
                )
            if found:  # the others must receive it too
                refused.append(connection)
                problem = problem or found
                deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
            else:
                calls[message["index"]] = connection
        answer = json.dumps({"problem": problem, "lost": lost})
        for connection in (*calls.values(), *refused):
            # TensorFlow notices a worker that has ended again.
            with contextlib.suppress(OSError):
                connection.sendall(answer.encode() + b"\n")
    finally:
        for connection in (*calls.values(), *refused):
            connection.close()
    if problem:
        raise _refusal(problem, lost)


def _drop_closed(calls: dict[int, socket.socket]) -> None:
    """Closes the calls of workers that have ended."""
    for index in [i for i, call in calls.items() if _is_closed(call)]:
        calls.pop(index).close()


def _is_closed(connection: socket.socket) -> bool:
    """Whether a worker that waits for its answer has closed the connection."""
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _read_message(connection: socket.socket) -> dict | None:
    """The message of a worker; None if the caller is no worker."""
    connection.settimeout(_LINE_SECONDS)
    try:
        with connection.makefile("rb") as lines:
            message = json.loads(lines.readline(_LONGEST_MESSAGE))
        if message.keys() >= {"cluster", "index", "facts", "problem"}:
            return message
    except (OSError, ValueError, AttributeError):
        pass
    return None


def _absent(cluster: Cluster, present: Container[int]) -> str:
    absent = [
        f"worker {index} ({address})"
        for index, address in enumerate(cluster.addresses)
        if index and index not in present
    ]
    return f"{', '.join(absent)} did not come; are all workers started?"


def _disagreement(chief: dict, other: dict) -> str:
    """The first thing in which a worker differs from the chief, if any."""
    if other["problem"]:
        return str(other["problem"])
    name = f"worker {other['index']}"
    if other["cluster"] != chief["cluster"]:
        return (
            f"{name} knows the cluster {', '.join(map(str, other['cluster']))} "
            f"and worker 0 {', '.join(chief['cluster'])}"
        )
    for fact, value in chief["facts"].items():
        found = other["facts"].get(fact)
        if found != value:
            return f"{fact} of {name} is {found}, and of worker 0 {value}"
    if type(other["index"]) is not int or not (
        0 < other["index"] < len(chief["cluster"])
    ):
        return f"there is no {name} beside the chief"
    return ""


def _call(cluster: Cluster, own: dict, deadline: float) -> None:
    """Another worker's side: calls the chief until it answers."""
    line = json.dumps(own).encode() + b"\n"
    reason = "it does not answer"
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection(
                cluster.endpoint(0), timeout=left
            ) as connection:
                connection.sendall(line)
                with connection.makefile("rb") as lines:
                    answer = json.loads(lines.readline(_LONGEST_MESSAGE))
                problem, lost = answer["problem"], answer["lost"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            # It is not there yet, or an earlier run's TensorFlow still is.
            reason = getattr(error, "strerror", None) or str(error) or reason
            time.sleep(min(_RETRY_SECONDS, left))
            continue
        if problem:
            raise _refusal(problem, lost)
        return
    if cluster.problem:
        raise _refusal(cluster.problem, lost=False)
    raise _refusal(
        f"worker {cluster.index} waited in vain for worker 0 "
        f"({cluster.addresses[0]}): {reason}",
        lost=True,
    )


def _refusal(problem: str, lost: bool) -> UserError | WorkerLostError:
    return (WorkerLostError if lost else UserError)(
        f"the workers cannot train together: {problem} (docs/distributed.md)"
    )
