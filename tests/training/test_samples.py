"""Held-out scores and sample sheets."""

import numpy as np

from efgan_tf.training import scoring, validation
from efgan_tf.training.networks import build_networks
from tests.training.conftest import tiny_config


def test_held_out_gain():
    truth = np.zeros((1, 4, 4, 3))
    pairs = {
        "image": truth + 0.2, "target_image": truth,
        "has_target": np.array([True]),
    }  # fmt: skip
    metrics = validation.held_out_metrics(pairs, truth + 0.1)
    np.testing.assert_allclose(metrics["held_out/psnr_no_edit"], 20)
    np.testing.assert_allclose(metrics["held_out/psnr_gain"], 20 * np.log10(2))


def test_sheet_shows_every_column_in_place():
    config = tiny_config()
    rng = np.random.default_rng(0)
    pairs = {
        "image": rng.uniform(-1, 1, (3, 64, 64, 3)).astype("float32"),
        "target_image": rng.uniform(-1, 1, (3, 64, 64, 3)).astype("float32"),
        "action_units": rng.random((3, 17), "float32"),
        "target_action_units": rng.random((3, 17), "float32"),
        "has_target": np.array([True, True, False]),
    }
    cascade = build_networks(config, phase=2).average
    outputs = scoring.run_cascade(cascade, pairs, batch_size=2)
    assert outputs["image"].shape == (3, 64, 64, 3)
    sheet = scoring.sample_sheet(pairs, outputs, config.model)
    # source, 2 stages, 4 branches and the refiner, all, result, target
    assert sheet.shape == (14 + 3 * 66, 2 + 11 * 66, 3)
    source = sheet[14 : 14 + 64, 2 : 2 + 64]
    np.testing.assert_array_equal(source, scoring.to_uint8(pairs["image"][0]))
    target = sheet[14 + 66 : 14 + 66 + 64, 2 + 10 * 66 : 2 + 10 * 66 + 64]
    np.testing.assert_array_equal(
        target, scoring.to_uint8(pairs["target_image"][1])
    )
    assert not sheet[14 + 132 : 14 + 196, 2 + 10 * 66 : 2 + 11 * 66 - 2].any()
    # The mouth's attention lies in its box, and nothing beside it.
    mouth = sheet[14 : 14 + 64, 2 + 6 * 66 : 2 + 6 * 66 + 64]
    box = config.model.boxes["mouth"]
    inside = mouth[box.top : box.top + box.height, box.left :]
    assert inside[:, : box.width].min() > 0 and mouth[: box.top].max() == 0
