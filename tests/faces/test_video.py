"""Videos are read and written frame by frame, with times, shape and sound."""

import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.faces import video
from efgan_tf.faces.video import Frame, open_video
from efgan_tf.faces.video_writing import Audio, at_rate, write_video

av = pytest.importorskip("av", reason="needs PyAV")

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg"), reason="ffmpeg is not installed"
)


def scene(number, height=48, width=64):
    """A soft picture in which a bright square wanders."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([2 * x + 40, 3 * y + 30, x + y + 60], -1).astype(np.uint8)
    frame[10:20, 2 * number : 2 * number + 10] = (240, 220, 60)
    return frame


def scenes(count=20, **size):
    return [scene(number, **size) for number in range(count)]


def write(path, frames, rate=25, source=None, **options):
    return write_video(path, at_rate(frames, rate), source, **options)


def pictures(path):
    return [frame.pixels for frame in open_video(path)]


def times(path):
    return [float(frame.time) for frame in open_video(path)]


def again(path, out):
    """The video read and written: what became of the audio."""
    source = open_video(path)
    return write_video(out, source, source)


def ffmpeg(*arguments):
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True
    )


def spoken(path, codec="aac", delay=0.0):
    """A video of 20 frames with a second of sound."""
    silent = path.with_name("silent.mp4")
    write(silent, scenes())
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.8"]
    ffmpeg("-itsoffset", delay, "-i", silent, *sound, "-c:v", "copy", "-c:a",
           codec, "-metadata", "title=hello", path)  # fmt: skip
    return path


def moved(source, path, stretch=lambda pts: pts, **stream_options):
    """Copies the packets of a video's pictures with other times."""
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        old = read.streams.video[0]
        new = written.add_stream_from_template(old, opaque=True)
        for name, value in stream_options.items():
            getattr(new, name)(*value)
        for packet in read.demux(old):
            if packet.size:
                packet.pts, packet.dts = map(stretch, (packet.pts, packet.dts))
                packet.stream = new
                written.mux(packet)
    return path


def probed(path, entries, streams="a"):
    command = ["ffprobe", "-v", "error", "-select_streams", streams]
    command += ["-show_entries", entries, "-of", "default=nw=1:nk=1"]
    found = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def starts(path):
    """When the first packet of the pictures and of the sound is shown."""
    with av.open(str(path)) as container:
        first = {}
        for packet in container.demux():
            if packet.size:
                time = packet.pts * packet.time_base
                kind = packet.stream.type
                first[kind] = min(time, first.get(kind, time))
    return float(first["video"] - first["audio"])


def sound(path):
    """The audio, decoded."""
    with av.open(str(path)) as container:
        frames = container.decode(audio=0)
        return np.concatenate([f.to_ndarray().ravel() for f in frames])


def assert_alike(found, expected, mean):
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.astype(float) - other).mean() < mean


def test_twenty_frames_come_back_with_rate_and_size(tmp_path):
    path = tmp_path / "video.mp4"
    audio = write(path, iter(scenes()), Fraction(30000, 1001))
    assert audio is Audio.NONE
    found = open_video(path)
    assert (found.height, found.width) == (48, 64)
    assert (found.rate, found.frames) == (Fraction(30000, 1001), 20)
    assert_alike(pictures(path), scenes(), 2.5)  # measured: 1.7
    assert len(list(found)) == 20  # a second time
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4v"])
def test_frames_keep_their_times(tmp_path, suffix):
    """One comes late, one very soon after another."""
    odd = [0.0, 0.04, 0.5, 0.51, 1.75, 1.8]
    source = tmp_path / f"source.{suffix}"
    pairs = zip(scenes(6), odd, strict=True)
    frames = [Frame(s, Fraction(t), Fraction(1, 4)) for s, t in pairs]
    write_video(source, frames)
    out = tmp_path / "out.mp4"
    again(source, out)
    assert times(source) == pytest.approx(odd, abs=2e-5)
    assert times(out) == times(source)
    with av.open(str(source)) as container:
        assert container.duration == pytest.approx(2_050_000, abs=1000)


def test_times_that_go_backwards_are_set_right(tmp_path):
    write(tmp_path / "good.mp4", scenes(6))
    found = open_video(tmp_path / "good.mp4")
    wrong = [
        Frame(f.pixels, f.time % Fraction(1, 10), f.duration) for f in found
    ]
    write_video(tmp_path / "out.mp4", wrong, found)
    after = times(tmp_path / "out.mp4")
    assert len(after) == 6 and (np.diff(after) > 0).all()


@needs_ffmpeg
@pytest.mark.parametrize("delay", [0.5, -0.2])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_pictures_and_sound_stay_together(tmp_path, delay, kind):
    source = spoken(tmp_path / f"source.{kind}", delay=max(delay, 0))
    path = tmp_path / "out.mp4"
    if delay < 0:
        ffmpeg("-i", tmp_path / "silent.mp4", "-itsoffset", -delay, "-i",
               source, "-map", "0:v", "-map", "1:a", "-map_metadata", "1",
               "-c", "copy",
               tmp_path / f"late.{kind}")  # fmt: skip
        source = tmp_path / f"late.{kind}"
    assert abs(starts(source) - delay) < 0.05  # the sound's first packet
    assert again(source, path) is Audio.COPIED
    assert abs(starts(path) - starts(source)) < 0.002
    np.testing.assert_array_equal(sound(path), sound(source))
    entries = "format_tags=title"
    assert probed(path, entries) == probed(source, entries)


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["pcm_s16be", "pcm_f32le"])
def test_audio_that_players_do_not_expect_is_converted(tmp_path, codec):
    source = spoken(tmp_path / "source.mov", codec, delay=0.3)
    path = tmp_path / "out.mp4"
    assert again(source, path) is Audio.CONVERTED
    assert probed(path, "stream=codec_name") == ["aac"]
    assert abs(starts(path) - starts(source)) < 0.03  # AAC starts earlier
    assert abs(np.abs(sound(path)).mean() - _loudness(source)) < 0.01
    path = tmp_path / "out.mov"
    assert again(source, path) is Audio.COPIED
    np.testing.assert_array_equal(sound(path), sound(source))


def _loudness(path):
    samples = sound(path)
    peak = np.iinfo(samples.dtype).max if samples.dtype.kind == "i" else 1
    return np.abs(samples / peak).mean()


@needs_ffmpeg
@pytest.mark.parametrize("tracks", [1, 2])
def test_sound_of_an_unknown_kind_is_left_out_and_noted(tmp_path, tracks):
    """As the second track of newer phones is, their spatial sound."""
    known, source = tmp_path / "known.mov", tmp_path / "source.mov"
    maps = ["-map", "0:v", *["-map", "0:a"] * tracks]
    ffmpeg("-i", spoken(tmp_path / "one.mov"), *maps, "-c", "copy", known)
    data = known.read_bytes()
    last = data.rindex(b"mp4a", 0, data.rindex(b"frma"))
    unknown = data[last:].replace(b"mp4a", b"apac").replace(b"esds", b"none")
    source.write_bytes(data[:last] + unknown)
    assert open_video(source).notes == (
        "sound of an unknown kind was left out (1)",
    )
    expected = Audio.FAILED if tracks == 1 else Audio.COPIED
    assert again(source, tmp_path / "out.mov") is expected
    assert len(pictures(tmp_path / "out.mov")) == 20
    if tracks == 2:
        path = tmp_path / "out.mov"
        np.testing.assert_array_equal(sound(path), sound(known))


@pytest.mark.parametrize(
    "turn, upright",
    [
        ((90,), lambda frame: np.rot90(frame, 1)),
        ((-90,), lambda frame: np.rot90(frame, -1)),
        ((180,), lambda frame: np.rot90(frame, 2)),
        ((0, True), lambda frame: frame[:, ::-1]),
        ((90, True), lambda frame: np.rot90(frame, 1)[:, ::-1]),
    ],
)
def test_phone_videos_are_turned_upright(tmp_path, turn, upright):
    lying = tmp_path / "lying.mp4"
    write(lying, scenes())
    path = moved(lying, tmp_path / "phone.mp4", set_display_rotation=turn)
    expected = [upright(frame) for frame in pictures(lying)]
    found = open_video(path)
    assert (found.height, found.width) == expected[0].shape[:2]
    assert_alike(pictures(path), expected, 0.01)
    out = tmp_path / "out.mp4"
    again(path, out)
    assert_alike(pictures(out), expected, 3)


@needs_ffmpeg
@pytest.mark.parametrize(
    "ratio, size", [("16/11", (48, 93)), ("8/9", (54, 64)), ("1/9", (48, 64))]
)
def test_pixels_become_square(tmp_path, ratio, size):
    write(tmp_path / "square.mp4", scenes(3))
    path, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    ffmpeg("-i", tmp_path / "square.mp4", "-vf", f"setsar={ratio}", path)
    found = open_video(path)
    assert (found.height, found.width) == size
    assert any("square" in note for note in found.notes) == (ratio != "1/9")
    again(path, out)
    even = tuple(side + side % 2 for side in size)
    assert pictures(out)[0].shape[:2] == even


@needs_ffmpeg
@pytest.mark.parametrize(
    "names",
    [
        ("bt709", "bt709", "bt709", "tv"),
        ("smpte170m", "smpte170m", "smpte170m", "tv"),
        ("bt709", "bt709", "iec61966-2-1", "pc"),
        ("smpte240m", "bt2020", "bt709", "tv"),
        ("bt2020nc", "bt2020", "bt709", "tv"),
        (),
    ],
)
def test_colors_come_back_as_they_were(tmp_path, names):
    source, path = tmp_path / "source.mp4", tmp_path / "out.mp4"
    matrix, *_, span = names or ("bt709", "tv")
    scale = f"scale=out_color_matrix={matrix.removesuffix('nc')}"
    scale += f":out_range={span}:flags=accurate_rnd+full_chroma_int+bicubic"
    flags = ("-colorspace", "-color_primaries", "-color_trc", "-color_range")
    tags = [part for tag in zip(flags, names, strict=False) for part in tag]
    ffmpeg("-f", "lavfi", "-i", "color=c=0xC04060:s=1280x720:d=0.2", "-vf",
           f"{scale},format=yuv420p", *tags, "-crf", "5", source)  # fmt: skip
    again(source, path)

    def error(video):
        shown = pictures(video)[0][100, 100].astype(int)
        return np.abs(shown - (0xC0, 0x40, 0x60)).max()

    def stored(video):
        """The color as it is in the file, before any matrix."""
        with av.open(str(video)) as container:
            planes = next(container.decode(video=0)).to_ndarray()
        return np.array([planes[0, 0], planes[730, 0], planes[-1, -1]], int)

    assert error(source) <= 2
    entries = "stream=color_space,color_primaries,color_transfer"
    before, after = (probed(file, entries, "v") for file in (source, path))
    if matrix == "bt2020nc":  # which PyAV does not write
        assert after == ["bt709", *before[1:]] and error(path) <= 3
    else:
        assert after == before
        assert np.abs(stored(source) - stored(path)).max() <= 2


@needs_ffmpeg
@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_srgb_and_is_noted(tmp_path, transfer):
    """A white of 203 cd/m², as ITU-R BT.2408 has it, stays white."""
    white = {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer]
    level = round((64 + 876 * white) / 4)  # of 8 bits
    source, path = tmp_path / "source.mp4", tmp_path / "out.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=c=black:s=64x64:d=0.2", "-vf",
           f"format=yuv420p,lutyuv=y={level}:u=128:v=128,format=yuv420p10le",
           "-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace",
           "bt2020nc", source)  # fmt: skip
    found = open_video(source)
    assert "HDR colors became sRGB" in found.notes
    assert pictures(source)[0].mean() > 235  # measured: 244, 254
    again(source, path)
    assert open_video(path).colors.transfer == 13
    assert abs(pictures(path)[0].mean() - pictures(source)[0].mean()) < 2


def test_odd_sides_grow_by_a_pixel(tmp_path):
    path = tmp_path / "odd.mp4"
    write(path, scenes(height=47, width=63))
    grown = [np.pad(frame, ((0, 1), (0, 1), (0, 0)), "edge")
             for frame in scenes(height=47, width=63)]  # fmt: skip
    assert_alike(pictures(path), grown, 3)


def long_scenes():
    """Noise, so that the file is large."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(60)]


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_a_file_that_ends_early_is_noted(tmp_path, kind):
    whole = tmp_path / f"whole.{kind}"
    write(tmp_path / "made.mp4", long_scenes(), 25)
    codec = "mpeg4" if kind == "avi" else "copy"
    ffmpeg("-i", tmp_path / "made.mp4", "-c:v", codec, "-movflags",
           "+faststart", whole)  # fmt: skip
    assert open_video(whole).frames == 60 and not open_video(whole).notes
    data = whole.read_bytes()
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(data[: len(data) // 2])
    found = open_video(cut)
    read = len(list(found))
    assert 5 < read < 40 and abs(found.frames - 60) <= 1
    assert any("cut off or damaged" in note for note in found.notes)


@pytest.mark.parametrize("place", [0.3, 0.6])
def test_frames_behind_damaged_ones_are_read(tmp_path, place):
    path = tmp_path / "video.mp4"
    # Key frames are frequent, so that there is something behind.
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 96
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", 5
        for pixels in long_scenes():
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = times(path)
    data = bytearray(path.read_bytes())
    start = round(len(data) * place)
    junk = np.random.default_rng(1).bytes(len(data) // 6)
    data[start : start + len(junk)] = junk
    path.write_bytes(data)
    found = open_video(path)
    read = [float(frame.time) for frame in found]
    assert found.frames == 60 and 40 < len(read) < 58
    # A frame that comes twice follows itself at once.
    gaps = [min(abs(time - other) for other in whole) for time in read]
    assert max(gaps) < 0.001 and read[-1] == whole[-1]
    out = tmp_path / "out.mp4"
    write_video(out, found, found)
    assert times(out) == pytest.approx(read, abs=1e-4)


def test_what_an_edit_list_hides_is_not_missed(tmp_path):
    whole = tmp_path / "whole.mp4"
    write(whole, scenes())
    skipped = round(Fraction(1, 5) / open_video(whole).tick)
    trimmed = moved(whole, tmp_path / "t.mp4", lambda pts: pts - skipped)
    found = open_video(trimmed)
    assert len(list(found)) == found.frames == 15 and not found.notes


@needs_ffmpeg
@pytest.mark.parametrize("end", ["01", "04"])
def test_tracks_that_are_left_out_are_noted(tmp_path, end):
    source = spoken(tmp_path / "source.mp4")
    (tmp_path / "words.srt").write_text(
        f"1\n00:00:00,000 --> 00:00:{end},000\nHi\n"
    )
    path = tmp_path / "in.mkv"
    ffmpeg("-i", source, "-i", tmp_path / "words.srt", "-map", "0", "-map", "1",
           "-c", "copy", path)  # fmt: skip
    found = open_video(path)
    (note,) = found.notes
    assert "neither the picture nor sound" in note and found.frames == 20


def test_a_colon_in_a_name_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a:b.mp4", "http:x.mp4", "-v.mp4", "50%d.mp4"):
        write(name, scenes(3))
        assert open_video(name).frames == 3


def test_other_files_are_refused_in_one_line(tmp_path, capfd):
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


def test_without_pyav_one_line_says_what_to_install(tmp_path, monkeypatch):
    write(tmp_path / "in.mp4", scenes(3))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    for refused in (
        lambda: open_video(tmp_path / "in.mp4"),
        lambda: write(tmp_path / "out.mp4", scenes(3)),
        video.pyav,
    ):
        with pytest.raises(UserError, match=r'pip install "efgan_tf\[video\]"'):
            refused()


def test_a_failure_among_the_frames_leaves_what_was_there(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"old")

    def broken():
        yield from scenes(3)
        raise UserError("the face is gone")

    with pytest.raises(UserError, match="the face is gone"):
        write(path, broken())
    with pytest.raises(ValueError):
        write(path, [scene(0), scene(0, width=32)])
    with pytest.raises(ValueError):
        write(path, [])
    with pytest.raises(UserError, match="--overwrite"):
        write(path, broken(), overwrite=False)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]


def test_frames_that_cannot_be_encoded_are_one_line(tmp_path):
    # H.264 has sides of at most 16384 pixels.
    frames = (np.zeros((2, 40_000, 3), np.uint8) for _ in range(50))
    with pytest.raises(UserError, match="encode") as error:
        write(tmp_path / "wide.mp4", frames)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"\.mp4, \.m4v, \.mov"):
        write(tmp_path / "video.avi", scenes())
