"""Videos are read and written frame by frame; animations look right."""

import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from efgan_tf.errors import UserError
from efgan_tf.faces.ffmpeg import Audio
from efgan_tf.faces.video import (
    check_animation,
    open_video,
    write_animation,
    write_video,
)

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="ffmpeg is not installed"
)


@pytest.fixture
def no_ffmpeg(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def scene(number, height=48, width=64):
    """A soft picture in which a bright square wanders."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([2 * x + 40, 3 * y + 30, x + y + 60], -1).astype(np.uint8)
    frame[10:20, 2 * number : 2 * number + 10] = (240, 220, 60)
    return frame


def scenes(count=20, **size):
    return [scene(number, **size) for number in range(count)]


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)


def spoken(path, codec="aac"):
    """A video of 20 frames with a second of sound."""
    write_video(path.with_name("silent.mp4"), scenes(), 25)
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.8"]
    video = ["-i", str(path.with_name("silent.mp4"))]
    ffmpeg(*video, *sound, "-c:v", "copy", "-c:a", codec,
           "-metadata", "title=hello", str(path))  # fmt: skip
    return path


def probed(path, entries, streams="a"):
    command = ["ffprobe", "-v", "error", "-select_streams", streams]
    command += ["-show_entries", entries, "-of", "default=nw=1:nk=1"]
    found = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def sound(path):
    """The packets of the audio, decoded."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def assert_alike(found, expected, mean):
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.astype(float) - other).mean() < mean


@needs_ffmpeg
def test_twenty_frames_come_back_with_rate_and_size(tmp_path):
    path = tmp_path / "video.mp4"
    audio = write_video(path, iter(scenes()), Fraction(30000, 1001))
    assert audio is Audio.NONE
    video = open_video(path)
    assert (video.height, video.width) == (48, 64)
    assert (video.rate, video.frames) == (Fraction(30000, 1001), 20)
    assert_alike(video, scenes(), 2.5)  # measured: 1.7
    assert len(list(video)) == 20  # a second time
    assert probed(path, "stream=codec_name,pix_fmt", "v") == ["h264", "yuv420p"]
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


def test_without_ffmpeg_it_is_mpeg_4_and_says_what_became_of_audio(
    tmp_path, no_ffmpeg
):
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    assert write_video(first, scenes(), 25) is Audio.NONE
    assert write_video(second, scenes(), 25, first) is Audio.NO_FFMPEG
    for path in (first, second):
        video = open_video(path)
        assert (video.rate, video.frames) == (25, 20)
        assert_alike(video, scenes(), 6)  # measured: 3.9


@needs_ffmpeg
def test_audio_and_metadata_come_from_the_source(tmp_path):
    source, path = spoken(tmp_path / "source.mp4"), tmp_path / "out.mp4"
    audio = write_video(path, open_video(source), 25, source)
    assert audio is Audio.COPIED
    assert sound(path) == sound(source) != b""
    assert probed(path, "format_tags=title") == ["hello"]
    assert open_video(path).frames == 20


@needs_ffmpeg
def test_audio_that_an_mp4_cannot_hold_is_converted(tmp_path):
    source = spoken(tmp_path / "source.mov", "pcm_s16be")
    path = tmp_path / "out.mp4"
    assert write_video(path, scenes(), 25, source) is Audio.CONVERTED
    assert probed(path, "stream=codec_name") == ["aac"]
    path = tmp_path / "out.mov"
    assert write_video(path, scenes(), 25, source) is Audio.COPIED
    assert sound(path) == sound(source)


@needs_ffmpeg
def test_a_silent_source_makes_a_silent_video(tmp_path):
    source, path = tmp_path / "source.mp4", tmp_path / "out.mp4"
    write_video(source, scenes(), 25)
    assert write_video(path, scenes(), 25, source) is Audio.NONE
    assert probed(path, "stream=codec_name") == []


@needs_ffmpeg
def test_phone_videos_are_turned_upright(tmp_path):
    write_video(tmp_path / "lying.mp4", scenes(), 25)
    path = tmp_path / "phone.mp4"
    ffmpeg("-i", str(tmp_path / "lying.mp4"), "-c", "copy",
           "-metadata:s:v:0", "rotate=90", str(path))  # fmt: skip
    if probed(path, "stream_side_data=rotation", "v") == []:
        pytest.skip("this ffmpeg does not write rotations in that way")
    video = open_video(path)
    assert (video.height, video.width) == (64, 48)
    upright = [np.rot90(frame, -1) for frame in scenes()]
    turned_over = [np.rot90(frame, 1) for frame in scenes()]
    frames = list(video)
    right = np.abs(np.float32(frames) - upright).mean()
    wrong = np.abs(np.float32(frames) - turned_over).mean()
    assert min(right, wrong) < 3
    out = tmp_path / "out.mp4"
    write_video(out, video, 25, path)
    assert_alike(open_video(out), frames, 3)
    assert probed(out, "stream_side_data=rotation", "v") == []


@needs_ffmpeg
@pytest.mark.parametrize("tagged", [True, False])
def test_colours_come_back_as_they_were(tmp_path, tagged):
    source, path = tmp_path / "source.mp4", tmp_path / "out.mp4"
    matrix = "scale=out_color_matrix=bt709,format=yuv420p"
    names = ("-colorspace", "-color_primaries", "-color_trc")
    tags = [word for name in names for word in (name, "bt709")]
    ffmpeg("-f", "lavfi", "-i", "color=c=0xC04060:s=1280x720:d=0.2",
           "-vf", matrix, *(tags if tagged else []), "-crf", "5",
           str(source))  # fmt: skip
    before = next(iter(open_video(source)))[100, 100].astype(int)
    write_video(path, open_video(source), 25, source)

    def stored(video):
        """The colour as it is in the file, before any matrix."""
        command = ["ffmpeg", "-v", "error", "-i", str(video), "-frames:v", "1"]
        command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
        planes = subprocess.run(command, capture_output=True).stdout
        return np.array([planes[0], planes[1280 * 720], planes[-1]], int)

    assert np.abs(stored(source) - stored(path)).max() <= 2
    after = next(iter(open_video(path)))[100, 100].astype(int)
    assert np.abs(before - after).max() <= 3
    assert probed(path, "stream=color_space", "v") == probed(
        source, "stream=color_space", "v"
    )


@needs_ffmpeg
def test_odd_sides_grow_by_a_pixel(tmp_path):
    path = tmp_path / "odd.mp4"
    write_video(path, scenes(height=47, width=63), 25)
    grown = [np.pad(frame, ((0, 1), (0, 1), (0, 0)), "edge")
             for frame in scenes(height=47, width=63)]  # fmt: skip
    assert_alike(open_video(path), grown, 3)


def test_what_is_no_video_is_refused_in_one_line(tmp_path, capfd):
    (tmp_path / "text.mp4").write_text("no video at all")
    (tmp_path / "empty.mp4").touch()
    for name, reason in (
        ("text.mp4", "not a video"),
        ("empty.mp4", "not a video"),
        ("none.mp4", "no such file"),
        (".", "not a video"),
    ):
        with pytest.raises(UserError, match=reason) as error:
            open_video(tmp_path / name)
        assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@needs_ffmpeg
def test_a_failure_among_the_frames_leaves_what_was_there(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"old")

    def broken():
        yield from scenes(3)
        raise UserError("the face is gone")

    with pytest.raises(UserError, match="the face is gone"):
        write_video(path, broken(), 25)
    with pytest.raises(ValueError, match="a frame is"):
        write_video(path, [scene(0), scene(0, width=32)], 25)
    with pytest.raises(ValueError, match="at least one"):
        write_video(path, [], 25)
    with pytest.raises(UserError, match="--overwrite"):
        write_video(path, broken(), 25, overwrite=False)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


@needs_ffmpeg
def test_what_ffmpeg_refuses_is_told_in_one_line(tmp_path):
    # H.264 has sides of at most 16384 pixels.
    frames = (np.zeros((2, 40_000, 3), np.uint8) for _ in range(50))
    with pytest.raises(UserError, match="ffmpeg cannot encode") as error:
        write_video(tmp_path / "wide.mp4", frames, 25)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"\.mp4, \.m4v, \.mov"):
        write_video(tmp_path / "video.avi", scenes(), 25)
    with pytest.raises(UserError, match=r"\.gif, \.webp, \.mp4"):
        write_animation(tmp_path / "video.png", scenes(), 25)
    check_animation("face.GIF", 50)


def read(path):
    with Image.open(path) as image:
        frames, durations = [], []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return frames, durations, image.info.get("loop")


@pytest.mark.parametrize("suffix, error", [("gif", 6), ("webp", 4)])
def test_animations_hold_every_frame_and_go_on_for_ever(
    tmp_path, suffix, error
):
    path = tmp_path / f"face.{suffix}"
    write_animation(path, iter(scenes(12)), 12)
    frames, durations, loop = read(path)
    assert_alike(frames, scenes(12), error)
    assert sum(durations) == pytest.approx(1000, abs=1) and loop == 0


def test_what_rests_in_a_gif_does_not_flicker(tmp_path):
    path = tmp_path / "face.gif"
    write_animation(path, scenes(12), 12)
    frames = np.stack(read(path)[0])
    assert np.ptp(frames[:, 25:], axis=0).max() == 0
    assert len(np.unique(frames.reshape(-1, 3), axis=0)) <= 256


@needs_ffmpeg
def test_an_animation_as_mp4(tmp_path):
    write_animation(tmp_path / "face.mp4", scenes(12), 12)
    video = open_video(tmp_path / "face.mp4")
    assert video.rate == 12
    assert_alike(video, scenes(12), 3)


def test_impossible_animations_are_refused(tmp_path):
    path = tmp_path / "face.gif"
    for refuse in (
        lambda: check_animation(path, 60),
        lambda: write_animation(path, scenes(2), 60),
    ):
        with pytest.raises(UserError, match="at most 50 frames a second"):
            refuse()
    check_animation(tmp_path / "face.webp", 60)
    with pytest.raises(ValueError, match="one size"):
        write_animation(path, [scene(0), scene(0, width=32)], 10)
    with pytest.raises(ValueError, match="one size"):
        write_animation(path, [], 10)
    path.write_bytes(b"old")
    with pytest.raises(UserError, match="--overwrite"):
        write_animation(path, scenes(2), 10, overwrite=False)
    assert path.read_bytes() == b"old"
