"""Videos: every frame edited, faces followed, audio kept."""

import numpy as np
import pytest
from PIL import Image

from efgan_tf.common.errors import UserError
from efgan_tf.editing import clip
from efgan_tf.editing.expression import make_target
from efgan_tf.editing.face_selection import parse_choice
from efgan_tf.editing.request import Request
from efgan_tf.faces.video import open_video
from efgan_tf.faces.video_writing import Audio, at_rate, write_video
from tests.editing.scenes import (
    edit_command,
    portraits,
    succeed,
    tiny_editor,
)

av = pytest.importorskip("av", reason="needs PyAV")

BLANK = np.full((160, 200, 3), 128, np.uint8)


@pytest.fixture(scope="module")
def moving(rendered):
    """Twelve frames of a face that moves to the right, then none at all."""
    portrait = portraits(rendered)[0]
    frames = []
    for number in range(12):
        frame = BLANK.copy()
        frame[:, number : number + 160] = portrait[16:176, 16:176]
        frames.append(frame)
    return frames + [BLANK] * 12


def edited(path, frames, out, face="largest"):
    write_video(path, at_rate(frames, 12))
    request = Request(make_target("happy"), parse_choice(face))
    return clip.edit_video(tiny_editor(), request, open_video(path), str(out))


def difference(one, other):
    """Mean difference of each frame of two videos."""
    pairs = zip(open_video(one), open_video(other), strict=True)
    changes = [np.abs(a.pixels.astype(int) - b.pixels) for a, b in pairs]
    return np.array([change.mean() for change in changes])


def test_frames_with_a_face_change_and_the_others_do_not(moving, tmp_path):
    made = edited(tmp_path / "in.mp4", moving, tmp_path / "out.mp4")
    assert made == clip.Clip(frames=24, read=24, edited=12, audio=Audio.NONE)
    changes = difference(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert len(changes) == 24
    # Measured: 10.0 and 0.9.
    assert changes[:12].min() > 7 and changes[12:].max() < 4


def followed(path, frames, face):
    """How many faces are to be edited in each frame."""
    write_video(path, at_rate(frames, 12))
    request = Request(make_target("happy"), parse_choice(face))
    found = clip._followed(tiny_editor(), request, open_video(path))
    return [len(faces) for faces in found]


def test_of_all_faces_those_are_edited_too_that_enter_later(rendered, tmp_path):
    portrait = portraits(rendered)[0][16:176, 16:176]
    alone = np.full((160, 400, 3), 128, np.uint8)
    alone[:, :160] = portrait
    both = alone.copy()
    both[:, 200:360] = portrait
    frames = [alone] * 6 + [both] * 6
    path = tmp_path / "in.mp4"
    assert followed(path, frames, "all") == [1] * 6 + [2] * 6
    assert followed(path, frames, "largest") == [1] * 12


def test_frames_are_looked_at_from_nearer_where_faces_are_small(
    rendered, tmp_path
):
    frame = np.full((800, 3000, 3), 128, np.uint8)
    small = Image.fromarray(portraits(rendered)[0]).resize((120, 120))
    frame[300:420, 1000:1120] = small
    assert not tiny_editor().detector.detect([frame])[0]
    assert followed(tmp_path / "in.mp4", [frame] * 3, "all") == [1] * 3


@pytest.mark.parametrize(
    "face, message",
    [
        ("largest", "in.mp4: no face was found"),
        ("380,0,19,100", "in.mp4: no face was found in the box"),
        ("900,0,50,50", "lies in the photo of 400×160"),
    ],
)
def test_faces_that_are_not_there(face, message, rendered, tmp_path):
    frame = np.full((160, 400, 3), 128, np.uint8)
    if face != "largest":
        frame[:, :160] = portraits(rendered)[0][16:176, 16:176]
    with pytest.raises(UserError, match=message):
        edited(tmp_path / "in.mp4", [frame] * 3, tmp_path / "out.mp4", face)
    assert not (tmp_path / "out.mp4").exists()


def add_sound(silent, path):
    """Half a second of a tone, to a video's pictures."""
    with av.open(str(silent)) as read, av.open(str(path), "w") as written:
        (old,) = read.streams.video
        pictures = written.add_stream_from_template(old, opaque=True)
        tone = written.add_stream("aac", rate=8000)
        tone.codec_context.layout = "mono"
        wave = np.sin(np.arange(4000) / 3, dtype=np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        for packet in read.demux(old):
            if packet.size:
                packet.stream = pictures
                written.mux(packet)
        written.mux(tone.encode(frame))
        written.mux(tone.encode(None))


def test_the_command_keeps_the_audio_and_says_what_is_missing(
    moving, tmp_path, monkeypatch, capsys
):
    write_video(tmp_path / "silent.mp4", at_rate(moving[:6], 12))
    add_sound(tmp_path / "silent.mp4", tmp_path / "in.mp4")
    run = edit_command(monkeypatch, capsys)

    def edit(name, out):
        return succeed(
            run, f"--image={tmp_path / name}", "--au=AU12=4",
            f"--out={tmp_path / out}",
        )  # fmt: skip

    out = edit("in.mp4", "out.mp4")
    assert "6 of 6 frames edited; audio copied" in out
    with av.open(str(tmp_path / "out.mp4")) as container:
        kinds = [stream.type for stream in container.streams]
    assert sorted(kinds) == ["audio", "video"]
    data = bytearray((tmp_path / "in.mp4").read_bytes())
    with av.open(str(tmp_path / "in.mp4")) as container:
        packets = list(container.demux(video=0))
        at, size = packets[4].pos, packets[4].size
    data[at : at + size] = b"\xff" * size
    (tmp_path / "bad.mp4").write_bytes(data)
    out = edit("bad.mp4", "bad_out.mp4")
    assert "of 6 frames edited" in out
    assert "of 6 frames could not be read" in out


def test_a_moving_mean_by_hand():
    values = [np.full(17, v, np.float32) for v in (0, 3, 6, 0)]
    # Windows of three: (0, 3), (0, 3, 6), (3, 6, 0), (6, 0).
    np.testing.assert_allclose(
        clip.moving_mean(values, 3)[:, 0], [1.5, 3, 3, 3]
    )
    np.testing.assert_allclose(clip.moving_mean(values, 1), values)
