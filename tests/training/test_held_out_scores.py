"""Sample sheets reach TensorBoard, every stage of the cascade in its column."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from efgan_tf.common.images import to_uint8
from efgan_tf.trained.checkpoints import Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.held_out_scores import (
    SHEET_ROWS,
    Scorer,
    held_out_metrics,
    run_cascade,
    sample_sheet,
)
from efgan_tf.training.logs import MetricsLog
from efgan_tf.training.networks import build_networks
from tests.training.conftest import tiny_config


def make_pairs(has_ground_truth):
    """Random pictures and units; some with ground truth."""
    rng = np.random.default_rng(0)
    count = len(has_ground_truth)
    return {
        "image": rng.uniform(-1, 1, (count, 64, 64, 3)).astype("float32"),
        "ground_truth": rng.uniform(-1, 1, (count, 64, 64, 3)).astype(
            "float32"
        ),
        "action_units": rng.random((count, 17), "float32"),
        "target_action_units": rng.random((count, 17), "float32"),
        "has_ground_truth": np.array(has_ground_truth),
    }


def pictures_in(folder):
    """(step, tag, uint8 picture) of every picture in the event files."""
    found = []
    for file in sorted(folder.iterdir()):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    _, _, *encoded = tf.make_ndarray(value.tensor)
                    for picture in encoded:
                        image = Image.open(io.BytesIO(picture)).convert("RGB")
                        found.append((event.step, value.tag, np.asarray(image)))
    return found


def test_tensorboard_shows_the_same_faces_after_every_stage(tmp_path):
    config = tiny_config()
    pairs = make_pairs(np.arange(10) < 3)
    networks = build_networks(config, phase=2)
    run = RunDirectory(tmp_path)
    run.samples.mkdir()
    scorer = Scorer(config, run, {"": pairs})
    log = MetricsLog(tmp_path, images=0)
    for images in (40, 80):
        scorer.score(networks, Position(2, images // 4, images), log)
    outputs = scorer.measure(networks)[1][""]
    log.close()

    (step, tag, first), (later, _, second) = pictures_in(tmp_path / "logs")
    assert (step, later, tag) == (40, 80, "samples")
    # The same weights and the same faces: the grid is fixed.
    np.testing.assert_array_equal(first, second)
    change = pairs["target_action_units"] - pairs["action_units"]
    rows = np.argsort(-np.linalg.norm(change, axis=1), kind="stable")
    # The three with ground truth come first; the others fill the sheet.
    rows = sorted(rows, key=lambda row: row >= 3)
    columns = [pairs["image"]]
    columns += [stage["image"] for stage in outputs["stages"]]
    assert len(columns) == 1 + config.model.stages
    for column, expected in enumerate(columns):
        for row, index in enumerate(rows[:SHEET_ROWS]):
            top, left = 14 + 66 * row, 2 + 66 * column
            np.testing.assert_array_equal(
                first[top : top + 64, left : left + 64],
                to_uint8(expected[index]),
            )


def test_held_out_gain():
    truth = np.zeros((1, 4, 4, 3))
    pairs = {
        "image": truth + 0.2, "ground_truth": truth,
        "has_ground_truth": np.array([True]),
    }  # fmt: skip
    metrics = held_out_metrics(pairs, truth + 0.1)
    np.testing.assert_allclose(metrics["held_out/psnr_no_edit"], 20)
    np.testing.assert_allclose(metrics["held_out/psnr_gain"], 20 * np.log10(2))


def test_sheet_shows_every_column_in_place():
    config = tiny_config()
    pairs = make_pairs([True, True, False])
    cascade = build_networks(config, phase=2).average
    outputs = run_cascade(cascade, pairs, batch_size=2)
    assert outputs["image"].shape == (3, 64, 64, 3)
    sheet = sample_sheet(pairs, outputs, config.model)
    # source, 2 stages, 4 branches and the refiner, all, result, target
    assert sheet.shape == (14 + 3 * 66, 2 + 11 * 66, 3)
    source = sheet[14 : 14 + 64, 2 : 2 + 64]
    np.testing.assert_array_equal(source, to_uint8(pairs["image"][0]))
    target = sheet[14 + 66 : 14 + 66 + 64, 2 + 10 * 66 : 2 + 10 * 66 + 64]
    np.testing.assert_array_equal(target, to_uint8(pairs["ground_truth"][1]))
    assert not sheet[14 + 132 : 14 + 196, 2 + 10 * 66 : 2 + 11 * 66 - 2].any()
    # The mouth's attention lies in its box, and nothing beside it.
    mouth = sheet[14 : 14 + 64, 2 + 6 * 66 : 2 + 6 * 66 + 64]
    box = config.model.boxes["mouth"]
    inside = mouth[box.top : box.top + box.height, box.left :]
    assert inside[:, : box.width].min() > 0 and mouth[: box.top].max() == 0
