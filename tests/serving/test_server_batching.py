"""Batches: the queue, its bounds, and what members of one share."""

import threading

import numpy as np
import pytest

from efgan_tf.errors import ConfigError, UserError
from efgan_tf.serving.local.batching_file import read_batching_file
from efgan_tf.serving.local.settings import BatchingConfig
from tests.serving.servers import NAME, Code, serving, write_version

LONG = 60_000_000
"""Microseconds: batches of such a server run when they are full, at 8 rows."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batching") / NAME
    write_version(folder, 1)
    return folder


def _serving(folder, micros=LONG, threads=1, **batching):
    return serving(
        folder,
        batching={
            "enable_batching": True,
            "max_batch_size": 8,
            "batch_timeout_micros": micros,
            **batching,
        },
        limits={"num_batch_threads": threads},
    )


def _together(caller, *requests):
    """Answers to `(inputs, options)` that are sent at once, in order."""
    answers = [None] * len(requests)

    def ask(number, inputs, options):
        answers[number] = caller.predict(inputs, **options)

    threads = [
        threading.Thread(target=ask, args=(number, *request))
        for number, request in enumerate(requests)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _x(*values):
    return {"x": np.array(values, np.float32)}


def _runs(server):
    (line,) = server.metrics.wrapped_run_count.lines()[1:]
    return int(line.split()[-1])


def test_each_member_gets_its_own_rows(folder):
    with _serving(folder) as (server, caller):
        answers = _together(
            caller,
            *[(_x(*range(10 * n, 10 * n + n)), {}) for n in (1, 2, 5)],
        )
        assert _runs(server) == 1
    for n, answer in zip((1, 2, 5), answers, strict=True):
        values = np.arange(10 * n, 10 * n + n, dtype=np.float32)
        np.testing.assert_array_equal(answer.outputs["y"], values + 1)
        np.testing.assert_array_equal(answer.outputs["twice"], 2 * values)


def test_batches_are_padded_to_an_allowed_size(folder):
    sizes = {"allowed_batch_sizes": (4, 8)}
    with _serving(folder, micros=0, **sizes) as (server, caller):
        answer = caller.predict(_x(5))
        np.testing.assert_array_equal(answer.outputs["y"], [6])
        caller.predict(_x(*range(4)))
        page = server.metrics.page()
    prefix = ":tensorflow:serving:batching_session:"
    assert f"{prefix}processed_batch_size_sum{{}} 8" in page
    assert f'{prefix}padding_size_sum{{execution_batch_size="4"}} 3' in page
    assert f"{prefix}input_batch_size_count{{}} 2" in page


def test_a_full_batch_does_not_wait(folder):
    with _serving(folder) as (_, caller):
        answer = caller.predict(_x(*range(8)), timeout=30)
    assert answer.code is Code.OK


def test_other_outputs_are_another_batch(folder):
    with _serving(folder) as (server, caller):
        full = _x(*range(8))
        one, two = _together(
            caller, (full, {"output_filter": ["y"]}), (full, {})
        )
        assert _runs(server) == 2
    assert set(one.outputs) == {"y"} and set(two.outputs) == {"y", "twice"}


@pytest.mark.parametrize(
    ("inputs", "signature", "code", "details"),
    [
        (_x(*range(9)), "", Code.INVALID_ARGUMENT,
         "Task size 9 is larger than maximum input batch size 8"),
        ({"x": np.float32(1)}, "strict", Code.INVALID_ARGUMENT,
         "Batching Run() input tensors must have at least one dimension"),
        (_x(1), "strict", Code.FAILED_PRECONDITION,
         "Batched output tensor has 0 dimensions"),
        (_x(1), "odd", Code.FAILED_PRECONDITION,
         "Batched output tensor's 0th dimension does not equal the sum of the "
         "0th dimension sizes of the input tensors"),
        ({}, "__saved_model_init_op", Code.INVALID_ARGUMENT,
         "Batching Run() must have at least one input tensor"),
    ],
)  # fmt: skip
def test_what_cannot_be_batched(folder, inputs, signature, code, details):
    with _serving(folder, micros=0) as (_, caller):
        answer = caller.predict(inputs, signature)
        assert (answer.code, answer.details) == (code, details)


def test_an_empty_batch_runs_alone(folder):
    with _serving(folder, allowed_batch_sizes=(8,)) as (_, caller):
        assert caller.predict(_x()).outputs["y"].shape == (0,)


def test_one_bad_member_fails_its_batch_as_in_the_real_server(folder):
    options = {"signature": "strict", "output_filter": ["y"]}
    with _serving(folder) as (_, caller):
        answers = _together(
            caller,
            (_x(-1), options),
            (_x(*range(4)), options),
            (_x(*range(3)), options),
        )
        assert {a.code for a in answers} == {Code.INVALID_ARGUMENT}
        assert all("x is negative" in answer.details for answer in answers)
        assert caller.predict(_x(*range(8)), **options).code is Code.OK


@pytest.mark.parametrize(
    ("other", "code", "details"),
    [
        (np.zeros((4, 2), np.float32), Code.FAILED_PRECONDITION,
         "from different tasks have different shapes and padding is turned"),
        (np.zeros(4, np.float64), Code.INTERNAL,
         "Cannot concatenate tensors that have different data types"),
    ],
)  # fmt: skip
def test_members_that_do_not_match(folder, other, code, details):
    options = {"signature": "strict", "output_filter": ["y"]}
    with _serving(folder) as (_, caller):
        answers = _together(
            caller, (_x(*range(4)), options), ({"x": other}, options)
        )
    assert {answer.code for answer in answers} == {code}
    assert all(details in answer.details for answer in answers)


def test_inputs_of_different_lengths():
    from tests.editing.conftest import make_exported

    folder = make_exported().saved_model.parent
    inputs = {
        "image": np.zeros((2, 64, 64, 3), np.float32),
        "action_units": np.zeros((1, 17), np.float32),
    }
    # Its warm-up requests wait in the queue like any other.
    with _serving(folder, micros=0) as (_, caller):
        assert caller.predict(inputs).details == (
            "Batching Run() input tensors must have equal 0th-dimension size"
        )


def test_a_full_queue_refuses(folder):
    bounds = {"max_batch_size": 1, "max_enqueued_batches": 2}
    slow = (_x(50_000), {"signature": "loop"})
    with _serving(folder, micros=0, **bounds) as (_, caller):
        answers = _together(caller, *[slow] * 8)
        refused = [a for a in answers if a.code is not Code.OK]
        assert refused and len(refused) < 8
        for answer in refused:
            assert answer.code is Code.UNAVAILABLE
            assert answer.details == (
                "The batch scheduling queue to which this task was submitted "
                "is full; currently 2 batches enqueued and "
                "max_enqueued_batches is 2"
            )
        assert caller.predict(_x(1)).code is Code.OK


def test_a_deadline_that_passes_in_the_queue(folder):
    """The client sees its own status first; the queue says it in its way."""
    from efgan_tf.serving.local.batching import Batching
    from efgan_tf.serving.local.metrics import Metrics
    from efgan_tf.serving.local.session import Session
    from efgan_tf.serving.local.status import Refused

    options = BatchingConfig(enable_batching=True, batch_timeout_micros=50_000)
    batching = Batching(options, 1, Metrics())
    session = Session(folder / "1")
    signature = session.signatures["serving_default"]
    feeds = {signature.inputs["x"].name: np.zeros(1, np.float32)}
    fetches = [signature.outputs["y"].name]
    with pytest.raises(Refused) as caught:
        batching.run(session, feeds, fetches, timeout_ms=1)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert caught.value.message == (
        "Run() timeout exceeded while waiting in batching queue"
    )
    assert batching.run(session, feeds, fetches, timeout_ms=60_000)[0] == [1]
    batching.close()
    session.close()


def test_no_answer_is_lost_or_mixed_up_under_load(folder):
    rng = np.random.default_rng(0)
    requests = [
        (_x(*rng.uniform(0, 1e3, rng.integers(1, 5))), {}) for _ in range(200)
    ]
    bounds = {"allowed_batch_sizes": (2, 4, 8), "max_enqueued_batches": 40}
    with _serving(folder, micros=500, threads=2, **bounds) as (_, caller):
        for start in range(0, 200, 40):
            some = requests[start : start + 40]
            for (inputs, _), answer in zip(
                some, _together(caller, *some), strict=True
            ):
                np.testing.assert_array_equal(
                    answer.outputs["y"], inputs["x"] + 1
                )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enable_batching": True, "allowed_batch_sizes": (1, 2)}, "=8"),
        ({"enable_batching": True, "allowed_batch_sizes": (4, 2, 8)}, "4,2"),
        ({"enable_batching": True, "allowed_batch_sizes": (0, 8)}, "0,8"),
        ({"enable_batching": True, "max_batch_size": 0}, "max_batch_size"),
        ({"max_batch_size": 4}, "without --enable_batching"),
        ({"batching_parameters_file": "x"}, "without --enable_batching"),
        (
            {
                "enable_batching": True,
                "batching_parameters_file": "x",
                "max_batch_size": 4,
            },
            "says what --max_batch_size would",
        ),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ConfigError, match=message):
        BatchingConfig(**options)


def test_a_file_of_the_real_server(folder, tmp_path):
    file = tmp_path / "batching.config"
    file.write_text(
        "max_batch_size { value: 4 } num_batch_threads { value: 1 } "
        "allowed_batch_sizes: 2 allowed_batch_sizes: 4"
    )
    batching = {"enable_batching": True, "batching_parameters_file": str(file)}
    with serving(folder, batching=batching) as (server, caller):
        assert caller.predict(_x(*range(5))).details == (
            "Task size 5 is larger than maximum input batch size 4"
        )
        assert caller.predict(_x(1)).outputs["y"] == [2]
        (size,) = server.metrics.padding_size.lines()[-1:]
    assert 'execution_batch_size="2"' in size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 4", "no text form of BatchingParameters"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 2",
         "batching.config: --allowed_batch_sizes=2 must"),
        ("pad_variable_length_inputs: true", "pad_variable_length_inputs is"),
    ],
)  # fmt: skip
def test_a_wrong_file(tmp_path, text, message):
    path = tmp_path / "batching.config"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_batching_file(str(path))
