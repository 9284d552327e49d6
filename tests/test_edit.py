"""`python -m efgan_tf.edit`, from flags to files."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from efgan_tf.action_units import NAMES
from efgan_tf.common.errors import UserError
from efgan_tf.editing import single
from efgan_tf.faces.photos import VIDEO_SUFFIXES, read_photo
from efgan_tf.faces.video import open_video
from tests.editing.scenes import (
    astronaut,
    edit_command,
    files,
    group_photo,
    inside,
    mute_editor,
    portraits,
    succeed,
    tiny_editor,
)


@pytest.fixture(scope="module")
def photos(rendered, tmp_path_factory):
    """A folder with photos of one face, of three, of none, and a broken one."""
    folder = tmp_path_factory.mktemp("photos")
    one, other, _ = portraits(rendered)
    Image.fromarray(one).save(folder / "one.png")
    Image.fromarray(group_photo(rendered)).save(folder / "three.png")
    (folder / "day").mkdir()
    Image.fromarray(other).save(folder / "day" / "other.jpg", quality=95)
    Image.new("RGB", (80, 60), "gray").save(folder / "none.png")
    whole = (folder / "day" / "other.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[:3000])
    return folder


@pytest.fixture(scope="module")
def odd(rendered, tmp_path_factory):
    """A folder with photos that are hard to edit."""
    folder = tmp_path_factory.mktemp("odd")
    Image.new("RGB", (1, 1), "gray").save(folder / "dot.png")
    small = Image.new("RGB", (320, 240), "gray")
    portrait = Image.fromarray(portraits(rendered)[0])
    small.paste(portrait.resize((52, 52), Image.LANCZOS), (100, 80))
    small.save(folder / "small.png")
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command with a model and a detector that are loaded once."""
    return edit_command(monkeypatch, capsys)


def test_one_photo(run, photos, tmp_path):
    out = succeed(
        run, f"--image={photos}/three.png", "--expression=happy",
        "--intensity=0.5", f"--out={tmp_path}/new/out.png",
    )  # fmt: skip
    assert files(tmp_path) == ["new/out.png"]
    before = read_photo(photos / "three.png")
    after = read_photo(tmp_path / "new" / "out.png")
    changed = (before != after).any(axis=-1)
    assert changed[:, 160:352].any() and not changed[:, :150].any()
    assert "3 faces were found, the largest is edited" in out
    assert "source  target" in out and "lip corner puller" in out


def test_an_expression_is_saved_and_used_again(run, photos, tmp_path):
    image, saved = f"--image={photos}/one.png", tmp_path / "f.json"
    succeed(
        run, image, "--au=AU12=3.25,AU06=2", f"--out={tmp_path}/one.png",
        f"--save_expression={saved}",
    )  # fmt: skip
    units = json.loads(saved.read_text())
    assert units["action_units"]["AU12"] == 3.25
    source = units["source_action_units"]
    for name in NAMES:
        if name not in ("AU12", "AU06"):
            assert units["action_units"][name] == source[name]
    succeed(
        run, image, f"--load_expression={saved}", f"--out={tmp_path}/two.png"
    )
    one, two = (read_photo(tmp_path / f"{n}.png") for n in ("one", "two"))
    # The file rounds to three decimals.
    assert np.abs(one.astype(int) - two).max() <= 1
    # The same change on a face that shows something else.
    again = tmp_path / "again.json"
    succeed(
        run, image, f"--load_expression={saved}", "--relative",
        "--source_au=AU12=1", f"--save_expression={again}",
    )  # fmt: skip
    target = json.loads(again.read_text())["action_units"]
    expected = np.clip(1 + 3.25 - source["AU12"], 0, 5)
    np.testing.assert_allclose(target["AU12"], expected, atol=0.002)


def test_faces_are_listed_without_a_model(run, photos):
    status, out, _ = run(
        f"--image={photos}/three.png", "--list_faces", model=False
    )
    assert status == 0
    faces = json.loads(out)
    assert [face["index"] for face in faces] == [0, 1, 2]
    assert sorted(faces[0]) == ["box", "confidence", "index", "landmarks"]
    assert 0 < faces[0]["box"][0] < 160 < faces[1]["box"][0] < 352
    status, out, _ = run(f"--image={photos}", "--list_faces", model=False)
    listed = json.loads(out)
    assert status == 2 and "cut off or damaged" in listed["broken.jpg"]["error"]
    assert listed["none.png"] == [] and len(listed["day/other.jpg"]) == 1


def test_a_folder_goes_on_past_bad_files(run, photos, tmp_path):
    shared = [f"--image={photos}", "--au=AU12=4", f"--out={tmp_path}/out"]
    status, out, error = run(*shared, "--face=all")
    assert status == 2  # two failed
    assert out.startswith("3 edited, 0 skipped, 2 failed; ")
    assert files(tmp_path / "out") == [
        "day/other.jpg", "one.png", "report.json", "three.png",
    ]  # fmt: skip
    assert "none.png: no face was found" in error
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    entries = {entry["file"]: entry for entry in report["files"]}
    assert report["edited"] == 3 and report["failed"] == 2
    assert "cut off or damaged" in entries["broken.jpg"]["reason"]
    assert len(entries["three.png"]["faces"]) == 3
    for face in entries["three.png"]["faces"]:
        assert face["target_action_units"]["AU12"] == 4
    alone = tmp_path / "alone.png"
    succeed(run, f"--image={photos}/one.png", "--au=AU12=4", f"--out={alone}")
    together = read_photo(tmp_path / "out" / "one.png").astype(int)
    assert np.abs(together - read_photo(alone)).max() <= 1
    status, _, error = run(*shared)
    assert status == 2 and "exist; name another folder" in error
    status, out, _ = run(*shared, "--overwrite", "--on_no_face=skip")
    assert status == 2 and out.startswith("3 edited, 1 skipped, 1 failed")


@pytest.mark.parametrize(
    "target",
    [
        "--expression=happy --au=AU26=4",
        "--relative --expression=angry --intensity=0.4",
        "--from_photo={}/three.png",
        "--expression=fearful --source_au=AU12=1 --stages=1",
    ],
)
def test_targets_on_a_photograph(target, run, photos, tmp_path):
    pytest.importorskip("skimage", reason="needs scikit-image")
    before = astronaut()
    Image.fromarray(before).save(tmp_path / "photo.png")
    out = succeed(
        run, f"--image={tmp_path}/photo.png", f"--out={tmp_path}/out.png",
        *target.format(photos).split(),
    )  # fmt: skip
    assert "source  target" in out
    changed = (read_photo(tmp_path / "out.png") != before).any(axis=-1)
    face = inside(before.shape, tiny_editor().faces(before))
    assert changed[face].mean() > 0.3 and not changed[~face].any()


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
def test_an_animation_starts_with_the_photo(suffix, run, photos, tmp_path):
    path = tmp_path / f"a.{suffix}"
    succeed(
        run, f"--image={photos}/one.png", "--expression=surprised",
        f"--animate={path}", "--frames=6", "--fps=10",
    )  # fmt: skip
    frames = read_frames(path)
    assert len(frames) == 6
    photo = read_photo(photos / "one.png").astype(int)
    far = [np.abs(frame - photo).mean() for frame in frames]
    # The formats lose a little; the random model changes much at once.
    assert far[0] < 5 and min(far[1:]) > 2 * far[0]
    assert np.abs(frames[1] - frames[5]).mean() < 5  # there and back


def read_frames(path):
    if path.suffix in VIDEO_SUFFIXES:
        return [frame.pixels.astype(int) for frame in open_video(path)]
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
        return frames


def test_a_sheet_and_a_strip(run, photos, tmp_path):
    image = f"--image={photos}/three.png"
    succeed(
        run, image, "--face=all", "--expression=happy",
        f"--sheet={tmp_path}/sheet.png",
    )  # fmt: skip
    sheet = read_photo(tmp_path / "sheet.png")
    # Photo, source, 2 stages, 5 branches, cascade, result; three faces.
    assert sheet.shape == (3 * 162 + 14, 11 * 162 + 2, 3)
    (left,) = tiny_editor().edit(photos / "three.png", "happy", face=0).faces
    source = np.asarray(Image.fromarray(left.aligned).resize((160, 160)))
    cell = sheet[14:174, 164:324].astype(int)
    assert np.abs(cell - source).mean() < 4
    out = succeed(run, image, "--strip=au12", f"--out={tmp_path}/strip.png")
    assert "3 faces were found" in out and "        source\n" in out
    assert "target" not in out and out.endswith("strip.png\n")
    strip = read_photo(tmp_path / "strip.png")
    assert strip.shape == (162 + 14, 7 * 162 + 2, 3)
    near, far = strip[14:174, 164:324], strip[14:174, 974:1134]
    assert (near != far).any()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "say what is wanted"),
        (["--expression=hapy"], "unknown expression 'hapy'"),
        (["--expression=happy", "--from_photo={p}/one.png"], "two targets"),
        (["--expression=happy", "--image="], "give --image"),
        (["--expression=happy", "--image={p}/absent.png"], "no such file"),
        (
            ["--expression=happy", "--image={p}/none.png"],
            "none.png: no face was found; frame one with --face=x,y,w,h",
        ),
        (["--expression=happy", "--image={o}/dot.png"], "no face was found"),
        (
            ["--au=AU12=1", "--image={o}/dot.png", "--on_no_face=center"],
            "dot.png: the face is 1×1 pixels",
        ),
        (
            ["--expression=happy", "--image={o}/small.png"],
            "it must have at least 32 a side to be edited: enlarge the picture",
        ),
        (["--expression=happy", "--image={p}/day/*.bmp"], "has no photos"),
        (["--expression=happy", "--model=absent"], "absent does not exist"),
        (["--expression=happy", "--model="], "give --model"),
        (["--expression=happy", "--out={p}/one.png"], "one.png exists"),
        (["--expression=happy", "--sheet={t}/out.png"], "the same file"),
        (["--expression=happy", "--animate={t}/a.png"], "a.png"),
        (["--expression=happy", "--max_megapixels=0.03"], "0.03 megapixels"),
        (["--from_photo={p}/none.png"], "--from_photo"),
        (["--strip=AU12", "--sheet={t}/s.png"], "leave --sheet out"),
        (["--strip=AU45"], "has not learned AU45"),
        (["--strip=AU12", "--expression=happy"], "leave --expression out"),
        (
            [
                "--au=AU12=1",
                "--animate={t}/a.gif",
                "--fps=60",
                "--sheet={t}/s.png",
                "--save_expression={t}/f.json",
            ],
            "a GIF has at most 50 frames a second",
        ),
        (["--au=AU12=1", "--animate={t}/a.webp", "--fps=0.001"], "within 1"),
        (["--expression=sad", "--frames=1"], "--frames"),
        (["--expression=sad", "--image={p}", "--animate={t}/a.gif"], "of one"),
        (["--expression=sad", "--image={p}", "--out="], "give --out=FOLDER"),
        (["--expression=sad", "--image={p}/v.mp4", "--out="], "give --out=V"),
        (["--expression=sad", "--image={p}/v.mp4", "--out={t}/v.mp4"], "v.mp4"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    arguments, message, run, photos, odd, tmp_path
):
    before = files(photos)
    given = [f"--image={photos}/one.png", f"--out={tmp_path}/out.png"]
    places = {"p": photos, "o": odd, "t": tmp_path}
    status, out, error = run(*given, *(a.format(**places) for a in arguments))
    assert status == 2 and out == ""
    assert error.count("\n") == 1 and error.startswith("error: ")
    assert message in error
    assert list(tmp_path.iterdir()) == [] and files(photos) == before


def test_a_model_without_an_estimator_asks_for_the_source(
    photos, tmp_path, monkeypatch, capsys
):
    run = edit_command(monkeypatch, capsys, mute_editor())
    target = [f"--image={photos}/one.png", f"--out={tmp_path}/out.png"]
    for arguments, message in (
        (["--expression=happy"], "has no estimator: .*--source_au=AU12=1"),
        ([f"--from_photo={photos}/three.png", "--source_au=AU12=1"],
         "--from_photo: silent has no estimator, which would tell"),
    ):  # fmt: skip
        status, out, error = run(*target, *arguments)
        assert status == 2 and out == "" and error.count("\n") == 1
        assert re.search(message, error)
        assert files(tmp_path) == []
    out = succeed(run, *target, "--expression=happy", "--source_au=AU12=1")
    assert "AU12    1.00    3.75" in out


def test_a_photo_without_a_face_may_be_left_alone(run, photos, tmp_path):
    image = [f"--image={photos}/none.png", "--on_no_face=skip"]
    for target in ("--expression=happy", "--strip=AU12"):
        out = succeed(run, *image, target, f"--out={tmp_path}/new/out.png")
        assert out == "no face was found; the photo is left alone\n"
        assert list(tmp_path.iterdir()) == []


def test_the_photo_appears_after_all_that_goes_with_it(
    run, photos, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise UserError("the disk is full")

    monkeypatch.setattr(single, "save_picture", fail)
    status, _, error = run(
        f"--image={photos}/one.png", "--au=AU12=3", f"--out={tmp_path}/o.png",
        f"--sheet={tmp_path}/s.png", f"--save_expression={tmp_path}/f.json",
    )  # fmt: skip
    assert status == 2 and "the disk is full" in error
    assert files(tmp_path) == []


def test_several_faces_cannot_share_one_file(run, photos, tmp_path):
    status, _, error = run(
        f"--image={photos}/three.png", "--face=all", "--au=AU12=3",
        f"--save_expression={tmp_path}/f.json", f"--out={tmp_path}/out.png",
    )  # fmt: skip
    assert status == 2 and "3 are meant" in error
    assert files(tmp_path) == []


def test_mistakes_are_found_before_tensorflow_is_loaded(photos, tmp_path):
    code = (
        "import sys; from efgan_tf import commands, edit\n"
        "status = commands.run(edit.main, *edit.CONFIGS)\n"
        "sys.exit(status + 10 * ('tensorflow' in sys.modules))"
    )
    for arguments in (
        [f"--image={photos}/broken.jpg", "--expression=happy"],
        [f"--image={photos}/one.png", "--au=AU12=9"],
        [f"--image={photos}/one.png", "--au=AU12=1", f"--out={photos}"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, f"--model={tmp_path}", *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2, done.stderr
