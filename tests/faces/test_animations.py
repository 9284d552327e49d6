"""Animations hold every frame, in time, and look right."""

import numpy as np
import pytest
from PIL import Image

from efgan_tf.common.errors import UserError
from efgan_tf.faces.animations import check_animation, write_animation
from tests.faces.test_video import assert_alike, scene, scenes


def read(path):
    with Image.open(path) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return frames, durations, image.info.get("loop")


@pytest.mark.parametrize("suffix, error", [("gif", 6), ("webp", 4)])
def test_animations_hold_every_frame_and_loop(tmp_path, suffix, error):
    path = tmp_path / f"face.{suffix}"
    write_animation(path, iter(scenes(12)), 12)
    frames, durations, loop = read(path)
    assert_alike(frames, scenes(12), error)
    assert sum(durations) == pytest.approx(1000, abs=1) and loop == 0


def test_still_parts_of_a_gif_do_not_flicker(tmp_path):
    path = tmp_path / "face.gif"
    write_animation(path, scenes(12), 12)
    frames = np.stack(read(path)[0])
    assert np.ptp(frames[:, 25:], axis=0).max() == 0
    assert len(np.unique(frames.reshape(-1, 3), axis=0)) <= 256


def test_impossible_animations_are_refused(tmp_path):
    path = tmp_path / "face.gif"
    for refuse in (
        lambda: check_animation(path, 60),
        lambda: write_animation(path, scenes(2), 60),
    ):
        with pytest.raises(UserError, match="50 frames"):
            refuse()
    check_animation(tmp_path / "face.webp", 60)
    with pytest.raises(ValueError):
        write_animation(path, [scene(0), scene(0, width=32)], 10)
    with pytest.raises(ValueError):
        write_animation(path, [], 10)
    path.write_bytes(b"old")
    with pytest.raises(UserError, match="--overwrite"):
        write_animation(path, scenes(2), 10, overwrite=False)
    assert path.read_bytes() == b"old"


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"\.gif, \.webp, \.mp4"):
        write_animation(tmp_path / "video.png", scenes(), 25)
    check_animation("face.GIF", 50)
