"""Versions come and go while the local server answers."""

import contextlib
import os
import shutil
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from efgan_tf.errors import UserError
from efgan_tf.serving.local.server import LocalServer
from efgan_tf.serving.warmup import FILE
from tests.serving.servers import (
    NAME,
    Code,
    config,
    predict_request,
    serving,
    write_version,
)

X = np.array([1.0, 2.0], np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Versions 1, 2 and 3 outside of every served folder."""
    folder = tmp_path_factory.mktemp("made")
    return {version: write_version(folder, version) for version in (1, 2, 3)}


@pytest.fixture
def folder(made, tmp_path):
    """A served folder that holds version 1."""
    folder = tmp_path / NAME
    folder.mkdir()
    _publish(made[1], folder)
    return folder


def _publish(version, folder):
    """Copies elsewhere on the same disk, then renames, as one should."""
    temporary = folder.parent / f"copy{version.name}"
    shutil.copytree(version, temporary)
    os.rename(temporary, folder / version.name)


def _until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def _version_of(caller):
    return caller.predict({"x": X}).spec[1]


def test_a_new_version_takes_over_and_none_is_lost(made, folder):
    answers = []
    stop = threading.Event()

    def ask(caller):
        while not stop.is_set():
            answers.append(caller.predict({"x": X}))

    with serving(folder) as (_, caller):
        threads = [
            threading.Thread(target=ask, args=(caller,)) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for version in (2, 3):
            _publish(made[version], folder)
            _until(lambda version=version: _version_of(caller) == version)
        stop.set()
        for thread in threads:
            thread.join()
        _until(lambda: caller.states()[1:] == [(2, "END"), (1, "END")])
        assert caller.states()[0] == (3, "AVAILABLE")
    assert {answer.code for answer in answers} == {Code.OK}
    for answer in answers:  # each by the version that it names
        np.testing.assert_array_equal(answer.outputs["y"], X + answer.spec[1])
    assert {answer.spec[1] for answer in answers} == {1, 2, 3}


def test_a_request_in_flight_finishes_on_its_version(made, folder):
    found = []
    with serving(folder) as (_, caller):
        caller.predict({"x": X}, "loop")

        def ask():
            steps = np.array([500_000], np.float32)
            found.append(caller.predict({"x": steps}, "loop"))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)  # it is under way
        _publish(made[2], folder)
        _until(lambda: _version_of(caller) == 2)
        # Not asked for any more, but not closed either, if still in use.
        assert caller.states()[1] in [(1, "UNLOADING"), (1, "END")]
        thread.join()
        _until(lambda: caller.states()[1] == (1, "END"))
    assert found[0].code is Code.OK and found[0].spec[1] == 1
    assert found[0].outputs["y"] == [500_001]


def test_what_is_half_written_is_ignored_until_it_is_whole(made, folder):
    with serving(folder) as (_, caller):
        for name in (".2.host.1.tmp", "2.tmp", "temp-2", "v2"):
            shutil.copytree(made[2], folder / name)
        # As `cp -r` might: the model first, its variables in the end.
        shutil.copytree(
            made[2], folder / "2", ignore=lambda *_: ["saved_model.pb"]
        )
        (folder / "3").mkdir()
        time.sleep(0.5)
        assert caller.states() == [(1, "AVAILABLE")]
        shutil.copy(made[2] / "saved_model.pb", folder / "2")
        _until(lambda: _version_of(caller) == 2)


def test_a_version_that_lacks_its_variables_is_tried_again(made, folder):
    with serving(folder) as (_, caller):
        shutil.copytree(made[2], folder / "2", ignore=lambda *_: ["variables"])
        _until(lambda: (2, "END") in caller.states())
        assert _version_of(caller) == 1
        shutil.copytree(made[2] / "variables", folder / "2" / "variables")
        _until(lambda: _version_of(caller) == 2)
        assert caller.states() == [(2, "AVAILABLE"), (1, "END")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "saved_model.pb").write_bytes(b"no model"),
        lambda path: (path / "saved_model.pb").write_bytes(b""),
        lambda path: (path / "variables" / "variables.index").unlink(),
        lambda path: os.truncate(
            path / "variables" / "variables.data-00000-of-00001", 1
        ),
        lambda path: _warm(path, {"x": -X}, signature="strict"),
        lambda path: _write_records(path, b"no record"),
        lambda path: _warm(path, {"z": X}),
        lambda path: _raw(path / FILE, b"no file of records at all"),
    ],
    ids=["garbage", "empty", "no index", "cut off", "warm-up fails",
         "warm-up broken", "warm-up misnamed", "no records"],
)  # fmt: skip
def test_a_corrupt_version_leaves_the_old_one(made, folder, damage):
    with serving(folder) as (_, caller):
        copy = shutil.copytree(made[2], folder.parent / "copy")
        damage(copy)
        os.rename(copy, folder / "2")
        _until(lambda: (2, "END") in caller.states())
        (status,) = caller.status(2).message.model_version_status
        assert status.status.error_code != 0
        assert status.status.error_message
        assert _version_of(caller) == 1
        answer = caller.predict({"x": X}, version=2)
        assert answer.details == (
            "Servable not found for request: Specific(efgan, 2)"
        )
        # A later one is not held up.
        _publish(made[3], folder)
        _until(lambda: _version_of(caller) == 3)


def _raw(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _write_records(path, *records):
    (path / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / FILE)) as writer:
        for record in records:
            writer.write(record)


def _warm(path, *inputs, **spec):
    _write_records(
        path,
        *[
            prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(
                    request=predict_request(given, **spec)
                )
            ).SerializeToString()
            for given in inputs
        ],
    )


def test_warm_up_is_replayed_before_a_version_is_served(made, folder, tmp_path):
    copy = shutil.copytree(made[2], tmp_path / "copy")
    # The name of the model is not looked at, as in the real server.
    _warm(copy, {"x": X}, {"x": X[:1]}, name="another", signature="strict")
    os.rename(copy, folder / "2")
    with serving(folder, metrics_port=0) as (server, _):
        warmed = server.metrics.model_warmup_latency.lines()
    path = folder / "2"
    name = ":tensorflow:serving:model_warmup_latency_count"
    assert f'{name}{{model_path="{path}",status="OK"}} 1' in warmed


def test_a_batch_beyond_the_limit_fails_the_warm_up(made, folder, tmp_path):
    copy = shutil.copytree(made[2], tmp_path / "copy")
    _warm(copy, {"x": np.zeros(9, np.float32)})
    os.rename(copy, folder / "2")
    batching = {"enable_batching": True, "max_batch_size": 8}
    with pytest.raises(UserError, match="Task size 9 is larger than maximum"):
        with serving(folder, batching=batching):
            pass


def test_a_removed_version_is_unloaded(made, folder):
    _publish(made[2], folder)
    with serving(folder, version_policy="all") as (_, caller):
        assert caller.states() == [(2, "AVAILABLE"), (1, "AVAILABLE")]
        assert caller.predict({"x": X}, version=1).outputs["y"][0] == 2
        shutil.rmtree(folder / "2")
        _until(lambda: caller.states()[0] == (2, "END"))
        assert _version_of(caller) == 1
        # A disk that is gone for a moment takes nothing away.
        os.rename(folder, folder.parent / "away")
        time.sleep(0.3)
        assert _version_of(caller) == 1
        os.rename(folder.parent / "away", folder)
        shutil.rmtree(folder / "1")
        _until(lambda: caller.states() == [(2, "END"), (1, "END")])
        assert caller.predict({"x": X}).details == (
            "Servable not found for request: Latest(efgan)"
        )


def test_a_version_that_is_back_before_it_is_gone(made, folder):
    with serving(folder) as (server, caller):
        caller.predict({"x": X}, "loop")
        model = server._models._models[NAME]
        in_flight = model.hold()
        shutil.rmtree(folder / "1")
        _until(lambda: caller.states() == [(1, "UNLOADING")])
        _publish(made[1], folder)
        _until(lambda: caller.states() == [(1, "AVAILABLE")])
        in_flight.release()
        assert caller.states() == [(1, "AVAILABLE")]
        assert _version_of(caller) == 1


@pytest.mark.parametrize(
    ("policy", "loaded"),
    [
        ("latest", [3]),
        ("latest:2", [3, 2]),
        ("all", [3, 2, 1]),
        ("specific:1,3", [3, 1]),
    ],
)
def test_policies(made, folder, policy, loaded):
    for version in (2, 3):
        _publish(made[version], folder)
    with serving(folder, version_policy=policy) as (_, caller):
        assert caller.states() == [(v, "AVAILABLE") for v in loaded]


def test_labels_and_reload(made, folder, tmp_path):
    _publish(made[2], folder)
    options = {
        "version_policy": "all",
        "version_labels": ("stable=1", "canary=2"),
    }
    with serving(folder, **options) as (_, caller):

        def told(label):
            return caller.predict({"x": X}, version_label=label).spec[1]

        assert [told("stable"), told("canary")] == [1, 2]
        assert caller.reload((NAME, folder, {"stable": 2})).code is Code.OK
        assert told("stable") == 2
        assert caller.predict({"x": X}, version_label="canary").details == (
            "Unrecognized servable version label: canary"
        )
        answer = caller.reload((NAME, folder, {"stable": 5}))
        assert answer.code is Code.FAILED_PRECONDITION
        assert answer.details == (
            "Request to assign label to version 5 of model efgan, which is "
            "not currently available for inference"
        )
        assert told("stable") == 2
        other = tmp_path / "other"
        other.mkdir()
        _publish(made[3], other)
        assert caller.reload(("second", other, {})).code is Code.OK
        assert caller.predict({"x": X}, name="second").spec[1] == 3
        assert caller.predict({"x": X}).code is Code.NOT_FOUND
        _until(lambda: caller.states() == [(2, "END"), (1, "END")])


@pytest.mark.parametrize(
    ("models", "code", "details"),
    [
        ([(NAME, "relative", {})], Code.INVALID_ARGUMENT,
         "Expected model efgan to have an absolute path or URI; got "
         "base_path()=relative"),
        ([(NAME, "/x", {}), (NAME, "/y", {})], Code.INVALID_ARGUMENT,
         "Illegal to list model efgan multiple times in config list"),
        ([(NAME, "/absent", {}), ("b", "/absent", {})], Code.UNKNOWN,
         "1 servable(s) did not become available: {b: {}}"),
        ([("b", "/\0", {})], Code.UNKNOWN,
         "1 servable(s) did not become available: {b: {}}"),
    ],
)  # fmt: skip
def test_a_wrong_reload(folder, models, code, details):
    with serving(folder) as (_, caller):
        answer = caller.reload(*models)
        assert (answer.code, answer.details) == (code, details)


def test_a_models_config_of_the_real_server(made, folder, tmp_path):
    _publish(made[2], folder)
    file = tmp_path / "models.config"
    file.write_text(
        f"""model_config_list {{ config {{
          name: "efgan" base_path: "{folder}" model_platform: "tensorflow"
          model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
          version_labels {{ key: "stable" value: 1 }}
        }} }}"""
    )
    with serving(folder, model_config_file=str(file)) as (_, caller):
        assert caller.predict({"x": X}, version_label="stable").spec[1] == 1
        assert _version_of(caller) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_dir": "{tmp}/absent"}, "absent is no folder"),
        ({"model_dir": "{tmp}"}, "holds no version"),
        ({"version_policy": "specific:7"}, "holds no version .*specific:7"),
        ({"version_labels": ("new=7",)}, "label new of efgan is for version 7"),
        ({"model_config_file": "{tmp}/absent"}, "absent: No such file"),
        (
            {"model_config_file": "{tmp}/text"},
            "text is no text form .*model_config_lis",
        ),
        ({"model_config_file": "{tmp}/empty"}, "not supported"),
    ],
)
def test_what_cannot_be_served_is_told(folder, tmp_path, options, message):
    (tmp_path / "text").write_text("model_config_lis {}")
    (tmp_path / "empty").write_text("")
    options = {
        name: value.format(tmp=tmp_path) if isinstance(value, str) else value
        for name, value in options.items()
    }
    with contextlib.ExitStack() as stack:
        with pytest.raises(UserError, match=message):
            stack.enter_context(LocalServer(config(folder, **options)))


def test_a_corrupt_version_does_not_start_the_server(made, folder):
    shutil.copytree(made[2], folder / "2", ignore=lambda *_: ["variables"])
    with pytest.raises(UserError, match="cannot serve: version 2 of efgan: "):
        with LocalServer(config(folder)):
            pass
