"""Sample sheets reach TensorBoard, every stage of the cascade in its column."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from efgan_tf.common.images import to_uint8
from efgan_tf.trained.checkpoints import Position
from efgan_tf.trained.run_directory import RunDirectory
from efgan_tf.training.logs import MetricsLog
from efgan_tf.training.networks import build_networks
from efgan_tf.training.scoring import SHEET_ROWS, Scorer
from tests.training.conftest import tiny_config


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
    rng = np.random.default_rng(0)
    pairs = {
        "image": rng.uniform(-1, 1, (10, 64, 64, 3)).astype("float32"),
        "target_image": rng.uniform(-1, 1, (10, 64, 64, 3)).astype("float32"),
        "action_units": rng.random((10, 17), "float32"),
        "target_action_units": rng.random((10, 17), "float32"),
        "has_target": np.arange(10) < 3,
    }
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
    # The three with a true target come first; the others fill the sheet.
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
