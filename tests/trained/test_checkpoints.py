"""Checkpoints: whole, verified, few; the disk may be full."""

import subprocess
import sys

import pytest
import tensorflow as tf

from efgan_tf.common.errors import UserError
from efgan_tf.trained.checkpoints import Checkpoints, Position


def _objects(value):
    return {"thing": tf.Module(), "weight": tf.Variable([float(value)] * 1000)}


@pytest.fixture
def three(tmp_path):
    """Checkpoints of values 1, 2, 3."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=3)
    for value in (1, 2, 3):
        checkpoints.save(Position(1, value, value * 10), _objects(value))
    return checkpoints


def _restored(checkpoints, path):
    objects = _objects(0)
    checkpoints.restore(path, objects)
    return float(objects["weight"][0])


def test_the_newest_comes_back(three):
    path, position, problems = three.latest()
    assert position == Position(1, 3, 30) and not problems
    assert _restored(three, path) == 3.0


def test_phase_2_is_newer_than_any_step_of_phase_1(three):
    three.save(Position(2, 0, 30), _objects(4))
    assert three.latest()[1].phase == 2


def test_keeps_only_so_many(three):
    three.save(Position(1, 4, 40), _objects(4))
    assert [path.name[-1] for path in three.paths()] == ["2", "3", "4"]


def test_the_end_of_phase_1_stays_for_good(three):
    for step in range(5):
        three.save(Position(2, step, 30 + step), _objects(4 + step))
    assert [path.name for path in three.paths()] == [
        "phase1_00000003",
        *(f"phase2_0000000{step}" for step in (2, 3, 4)),
    ]
    path, position = three.at(1, 3)
    assert position.images == 30 and _restored(three, path) == 3.0
    assert three.at(1, 2) is None


def test_a_damaged_one_that_is_named_is_an_error(three):
    (three.paths()[1] / "variables.index").unlink()
    with pytest.raises(UserError, match="00000002"):
        three.at(1, 2)


def test_a_part_of_what_a_checkpoint_holds_can_be_read(three):
    weight = tf.Variable([0.0] * 1000)
    three.restore(three.paths()[-1], {"weight": weight})
    assert float(weight[0]) == 3.0


def test_a_truncated_one_is_passed_over_and_named(three):
    newest = three.paths()[-1]
    data = next(newest.glob("variables.data*"))
    data.write_bytes(data.read_bytes()[:-100])
    path, position, problems = three.latest()
    assert position.step == 2 and _restored(three, path) == 2.0
    assert len(problems) == 1
    assert str(newest) in problems[0] and "truncated" in problems[0]


@pytest.mark.parametrize("damage", ["flip", "remove", "manifest"])
def test_other_damage_is_noticed_too(three, damage):
    newest = three.paths()[-1]
    data = next(newest.glob("variables.data*"))
    if damage == "flip":
        content = bytearray(data.read_bytes())
        content[50] ^= 1
        data.write_bytes(content)
    elif damage == "remove":
        data.unlink()
    else:
        (newest / "checkpoint.json").write_text('{"phase": 1')
    assert three.latest()[1].step == 2


def test_a_damaged_one_does_not_push_out_whole_ones(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(Position(1, 20, 200), _objects(1))
    (tmp_path / "phase1_00000020" / "checkpoint.json").write_text("{")
    path = checkpoints.save(Position(1, 12, 120), _objects(2))
    assert checkpoints.paths() == [path]
    assert checkpoints.latest()[1].step == 12


def test_what_a_killed_save_left_is_swept(three):
    (three.folder / ".phase1_00000009.123.tmp").mkdir()
    three.sweep()
    assert sorted(three.folder.iterdir()) == three.paths()


def test_none_that_can_be_read_is_an_error_not_a_fresh_start(three):
    for path in three.paths():
        (path / "checkpoint.json").unlink()
    with pytest.raises(UserError, match="no checkpoint"):
        three.latest()
    assert Checkpoints(three.folder / "absent", 3).latest() is None


def test_another_networks_checkpoint_is_refused(three):
    path = three.paths()[-1]
    with pytest.raises(UserError, match="does not fit"):
        three.restore(path, {**_objects(0), "more": tf.Variable(1.0)})
    with pytest.raises(UserError, match="does not fit"):
        three.restore(path, {"weight": tf.Variable([1.0, 2.0])})


def test_a_full_disk_keeps_what_existed(three):
    # A limit on file sizes is the disk's refusal that any machine can stage.
    code = f"""
import resource, sys, tensorflow as tf
from pathlib import Path
from efgan_tf.common.errors import UserError
from efgan_tf.trained.checkpoints import Checkpoints, Position
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
objects = {{"thing": tf.Module(), "weight": tf.Variable([4.0] * 1000)}}
try:
    folder = Path({str(three.folder)!r})
    Checkpoints(folder, 3).save(Position(1, 4, 40), objects)
except UserError as error:
    sys.exit(f"error: {{error}}")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "cannot save" in result.stderr.splitlines()[-1]
    path, position, problems = three.latest()
    assert position.step == 3 and not problems
    assert sorted(p.name for p in three.folder.iterdir()) == [
        p.name for p in three.paths()
    ]
