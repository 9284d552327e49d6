"""Versions come and go while the local server answers."""

import os
import shutil
import threading
import time

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.serving.local.server import LocalServer
from tests.serving.servers import (
    NAME,
    Code,
    Gate,
    config,
    serving,
    write_version,
)

X = np.array([1.0, 2.0], np.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Versions 1, 2 and 3 outside of every served folder."""
    folder = tmp_path_factory.mktemp("written")
    return {version: write_version(folder, version) for version in (1, 2, 3)}


@pytest.fixture
def folder(written, tmp_path):
    """A served folder that holds version 1."""
    folder = tmp_path / NAME
    folder.mkdir()
    _publish(written[1], folder)
    return folder


def _publish(version, folder):
    """Copies elsewhere on the same disk, then renames, as exports do."""
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


def test_a_new_version_replaces_the_old_one_and_no_request_fails(
    written, folder
):
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
            _publish(written[version], folder)
            _until(lambda version=version: _version_of(caller) == version)
        stop.set()
        for thread in threads:
            thread.join()
    assert {answer.code for answer in answers} == {Code.OK}
    for answer in answers:  # each by the version that it names
        np.testing.assert_array_equal(answer.outputs["y"], X + answer.spec[1])
    assert {answer.spec[1] for answer in answers} == {1, 2, 3}


def test_a_request_in_flight_finishes_on_its_version(written, folder):
    with serving(folder) as (_, caller):
        gate = Gate(folder.parent / "gate", caller)
        _publish(written[2], folder)
        _until(lambda: _version_of(caller) == 2)
        answer = gate.open()
    assert answer.code is Code.OK and answer.spec[1] == 1
    assert answer.outputs["y"] == [1]


def test_a_request_can_name_any_version(written, folder):
    for version in (2, 3):
        _publish(written[version], folder)
    with serving(folder) as (_, caller):
        states = [(version, "AVAILABLE") for version in (3, 2, 1)]
        assert caller.states() == states
        for version in (1, 3, 2, 1):
            answer = caller.predict({"x": X}, version=version)
            assert answer.spec[1] == version
            np.testing.assert_array_equal(answer.outputs["y"], X + version)
        assert _version_of(caller) == 3  # the newest stays the default
        shutil.rmtree(folder / "1")
        _until(
            lambda: caller.predict({"x": X}, version=1).code is Code.NOT_FOUND
        )
        assert caller.states() == states[:2]


def test_a_half_written_version_waits_until_it_is_whole(written, folder):
    with serving(folder) as (_, caller):
        for name in (".2.host.1.tmp", "2.tmp", "temp-2", "v2"):
            shutil.copytree(written[2], folder / name)
        # As `cp -r` might write it: the model last, or the variables last.
        shutil.copytree(
            written[2], folder / "2", ignore=lambda *_: ["saved_model.pb"]
        )
        shutil.copytree(
            written[3], folder / "3", ignore=lambda *_: ["variables"]
        )
        _until(lambda: (3, "END") in caller.states())
        assert caller.states() == [(3, "END"), (1, "AVAILABLE")]
        assert _version_of(caller) == 1
        shutil.copy(written[2] / "saved_model.pb", folder / "2")
        _until(lambda: _version_of(caller) == 2)
        shutil.copytree(written[3] / "variables", folder / "3" / "variables")
        _until(lambda: _version_of(caller) == 3)
        assert caller.states()[0] == (3, "AVAILABLE")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "saved_model.pb").write_bytes(b"no model"),
        lambda path: os.truncate(
            path / "variables" / "variables.data-00000-of-00001", 1
        ),
    ],
    ids=["garbage", "cut off"],
)
def test_a_corrupt_version_leaves_the_old_one(written, folder, damage):
    with serving(folder) as (_, caller):
        copy = shutil.copytree(written[2], folder.parent / "copy")
        damage(copy)
        os.rename(copy, folder / "2")
        _until(lambda: (2, "END") in caller.states())
        (status,) = caller.status(2).message.model_version_status
        assert status.status.error_code != 0
        assert "cannot be loaded" in status.status.error_message
        assert _version_of(caller) == 1
        answer = caller.predict({"x": X}, version=2)
        assert answer.code is Code.NOT_FOUND
        # A later one is not held up.
        _publish(written[3], folder)
        _until(lambda: _version_of(caller) == 3)


def test_a_folder_that_is_gone_for_a_moment(written, folder):
    with serving(folder) as (_, caller):
        os.rename(folder, folder.parent / "away")
        time.sleep(0.3)
        assert _version_of(caller) == 1
        os.rename(folder.parent / "away", folder)
        shutil.rmtree(folder / "1")
        _until(lambda: caller.predict({"x": X}).code is Code.NOT_FOUND)
        _publish(written[2], folder)
        _until(lambda: caller.predict({"x": X}).code is Code.OK)


def test_a_corrupt_version_does_not_start_the_server(written, folder):
    shutil.copytree(written[2], folder / "2", ignore=lambda *_: ["variables"])
    with pytest.raises(UserError, match="2 cannot be loaded"):
        with LocalServer(config(folder)):
            pass
