"""metrics.jsonl tells one story, however often a run was interrupted."""

import json

import numpy as np
import pytest
import tensorflow as tf

from efgan_tf.training.logs import (
    MetricsLog,
    NonFiniteError,
    PendingMetrics,
    cut_back,
    cut_back_events,
)


@pytest.mark.parametrize(
    ("last", "whole"),
    [
        ('{"images": 64, "gener', ""),
        ('{"images": 17}', ""),
        ('{"images": 17}\n\x00', '{"images": 17}\n'),
    ],
)
def test_resuming_cuts_what_the_checkpoint_does_not_know(last, whole, tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"images": n}) + "\n" for n in (16, 32, 48)]
    path.write_text("".join(lines) + last)
    cut_back(path, 1000)
    assert path.read_text() == "".join(lines) + whole
    cut_back(path, 32)
    assert path.read_text() == "".join(lines[:2])


@pytest.mark.parametrize("broken_off", [0, 7])
def test_resuming_cuts_tensorboards_points_too(broken_off, tmp_path):
    log = MetricsLog(tmp_path, images=0)
    for images in (16, 32, 48):
        log.write(images, {"loss": images})
        log.image(images, "sheet", np.zeros((4, 4, 3), np.uint8))
    log.close()
    (first,) = (tmp_path / "logs").iterdir()
    before = first.read_bytes()
    if broken_off:
        first.write_bytes(before[:-broken_off])
    again = MetricsLog(tmp_path, images=32)
    again.write(40, {"loss": 40}, phase=1, step=10)
    again.close()
    *_, line = (tmp_path / "metrics.jsonl").read_text().splitlines()
    wanted = {"images": 40, "phase": 1, "step": 10, "loss": 40}
    assert json.loads(line) == wanted
    assert before.startswith(first.read_bytes())
    shown = [
        (event.step, value.tag)
        for path in sorted((tmp_path / "logs").iterdir())
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]
    # Names of files of one second do not sort by time.
    assert sorted(shown) == [
        (16, "loss"), (16, "sheet"), (32, "loss"), (32, "sheet"), (40, "loss"),
    ]  # fmt: skip


@pytest.mark.parametrize("images", [32, 1000])
def test_events_behind_damage_are_cut_and_the_rest_stays(images, tmp_path):
    path = tmp_path / "events"
    events = [tf.compat.v1.Event(step=step) for step in (0, 16, 32, 32)]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for event in events:
            writer.write(event.SerializeToString())
    whole = path.read_bytes()
    cut_back_events(path, images)
    assert path.read_bytes() == whole
    last = len(events[-1].SerializeToString()) + 16
    path.write_bytes(whole + whole[-last:-1] + b"?" + whole[-last:])
    cut_back_events(path, images)
    assert path.read_bytes() == whole


def test_means_since_the_last_call():
    pending = PendingMetrics()
    for step, value in enumerate((1.0, 2.0, 6.0)):
        pending.add(step, {"loss": tf.constant(value)})
    assert pending.means() == {"loss": 3.0} and pending.means() == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_step_of_a_non_finite_loss_is_named(value):
    pending = PendingMetrics()
    for step, loss in enumerate((1.0, value, 2.0), start=7):
        pending.add(step, {"generator/au": tf.constant(loss)})
    with pytest.raises(NonFiniteError, match="generator/au .* step 8"):
        pending.means()
