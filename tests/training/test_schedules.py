"""Rates and weights as functions of progress."""

import pytest

from efgan_tf.training import schedules
from tests.training.conftest import tiny_config


def test_rate_is_constant_then_falls_to_zero():
    # The last half of the phase: at 3/4 half of it has passed.
    rates = [schedules.learning_rate(2.0, p, 0.5) for p in (0, 0.5, 0.75, 1)]
    assert rates == [2.0, 2.0, 1.0, 0.0]
    assert schedules.learning_rate(2.0, 1.0, 0.0) == 2.0


def test_attention_warms_up_once_in_a_run():
    def weights(phase, **changes):
        config = tiny_config(
            lambda_att=0.2, attention_warmup=0.5, batch_size=10, n_critic=1,
            **{"phase1_kimg": 1.0, "phase2_kimg": 1.0, **changes},
        )  # fmt: skip
        # Whatever the run has seen: a resumed one goes on where it was.
        return [
            schedules.at_step(config, phase, step, images)["lambda_att"]
            for images in (0, 5000)
            for step in (0, 25, 50, 99)
        ]

    grows, whole = pytest.approx([0, 0.1, 0.2, 0.2] * 2), [0.2] * 8
    assert weights(1) == grows
    assert weights(2) == whole
    assert weights(2, phase1_kimg=0) == grows
    assert weights(1, init_from="preset:faces128") == whole
    assert weights(2, init_from="runs/other", phase1_kimg=0) == whole


def test_average_starts_fast():
    assert schedules.ema_decay(0.999, 0) == 0.1
    assert schedules.ema_decay(0.999, 90) == pytest.approx(0.91)
    assert schedules.ema_decay(0.999, 10**6) == 0.999


def test_steps_come_from_images_and_critic_updates():
    config = tiny_config(batch_size=16, n_critic=5, phase1_kimg=1.0).train
    assert schedules.total_steps(config, 1) == 13  # 1000 / 80, rounded up


def test_each_phase_has_its_rate():
    config = tiny_config(
        batch_size=10, n_critic=1, phase1_kimg=1.0, phase2_kimg=2.0,
        learning_rate=4e-4, phase2_learning_rate=1e-4, decay=0.5,
        lambda_att=0.2, attention_warmup=0.1,
    )  # fmt: skip
    first = schedules.at_step(config, 1, 5, 50)
    assert first["learning_rate"] == 4e-4
    assert first["lambda_att"] == pytest.approx(0.1)
    assert first["generator_learning_rate"] == first["learning_rate"]
    last = schedules.at_step(config, 2, 150, 2500)
    assert last["learning_rate"] == pytest.approx(0.5e-4)
    assert last["lambda_att"] == 0.2


def test_critics_can_have_a_rate_of_their_own():
    config = tiny_config(
        learning_rate=1e-4, critic_learning_rate=4e-4, decay=0.5,
        batch_size=10, n_critic=1, phase1_kimg=1.0,
    )  # fmt: skip
    for step, share in ((0, 1.0), (75, 0.5)):
        rates = schedules.at_step(config, 1, step, 10 * step)
        assert rates["learning_rate"] == pytest.approx(4e-4 * share)
        assert rates["generator_learning_rate"] == pytest.approx(1e-4 * share)


def test_the_generator_can_wait_for_new_critics():
    config = tiny_config(generator_wait_kimg=0.1, phase2_kimg=1.0)
    waits, goes = (schedules.at_step(config, 2, 0, n) for n in (99, 100))
    assert waits["generator_learning_rate"] == 0
    assert goes["generator_learning_rate"] == waits["learning_rate"] > 0
