"""Every option of the command on a rendered group and on a photograph."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from efgan_tf.faces.photos import read_photo
from efgan_tf.faces.video import open_video
from efgan_tf.faces.video_writing import at_rate, write_video
from tests.editing.scenes import (
    astronaut,
    edit_command,
    files,
    group_photo,
    inside,
    portraits,
    succeed,
    tiny_editor,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """A photo and what is known of it.

    Attributes:
      folder: with `photo.png`, `none.png` (a part of it without a face),
        `other.png` (somebody else) and `saved.json`.
      pixels: of the photo.
      faces: in it, left to right.
    """

    folder: Path
    pixels: np.ndarray
    faces: list

    @property
    def image(self):
        return f"--image={self.folder}/photo.png"

    def check(self, path, faces=None):
        """The faces, and nothing outside their squares, were edited."""
        changed = (read_photo(path) != self.pixels).any(axis=-1)
        shape = self.pixels.shape
        expected = self.faces if faces is None else faces
        assert not changed[~inside(shape, expected)].any()
        for face in expected:
            assert changed[inside(shape, [face])].mean() > 0.3


@pytest.fixture(scope="module", params=["three faces", "astronaut"])
def scene(request, rendered, tmp_path_factory):
    if request.param == "astronaut":
        pytest.importorskip("skimage")
        pixels = astronaut()
        empty = pixels[256:]
    else:
        pixels = group_photo(rendered)
        empty = pixels[:40, :160]
    folder = tmp_path_factory.mktemp("scene")
    for name, picture in (
        ("photo", pixels), ("none", empty), ("other", portraits(rendered)[0])
    ):  # fmt: skip
        Image.fromarray(picture).save(folder / f"{name}.png")
    (folder / "saved.json").write_text('{"action_units": {"AU12": 3}}')
    return Scene(folder, pixels, tiny_editor().faces(pixels))


@pytest.fixture
def run(monkeypatch, capsys):
    return edit_command(monkeypatch, capsys)


def largest(scene):
    return max(scene.faces, key=lambda face: face.area)


@pytest.mark.parametrize(
    "target",
    [
        "--expression=surprised",
        "--expression=sad --intensity=0.5",
        "--expression=happy --au=AU26=4",
        "--au=AU12=3,AU06=2",
        "--relative --au=AU12=2,AU04=-1",
        "--relative --expression=angry --intensity=0.4",
        "--from_photo={}/other.png",
        "--load_expression={}/saved.json",
        "--relative --load_expression={}/saved.json",
        "--expression=fearful --source_au=AU12=1 --stages=1",
    ],
)
def test_targets(target, run, scene, tmp_path):
    arguments = target.format(scene.folder).split()
    out = succeed(run, scene.image, *arguments, f"--out={tmp_path}/out.png")
    scene.check(tmp_path / "out.png", [largest(scene)])
    assert "source  target" in out


@pytest.mark.parametrize("choice", ["largest", "all", "left", "last", "box"])
def test_faces(choice, run, scene, tmp_path):
    number = len(scene.faces) - 1
    box = ",".join(f"{value:.0f}" for value in scene.faces[number].box)
    flag = {"last": number, "box": box}.get(choice, choice)
    succeed(
        run, scene.image, f"--face={flag}", "--au=AU12=4",
        f"--out={tmp_path}/out.png",
    )  # fmt: skip
    expected = {
        "largest": [largest(scene)],
        "all": scene.faces,
        "left": scene.faces[:1],
    }.get(choice, scene.faces[number:])
    scene.check(tmp_path / "out.png", expected)


def test_boxes_and_middles_without_a_face(run, scene, tmp_path):
    image = f"--image={scene.folder}/none.png"
    for flag, note in (
        ("--face=5,2,60,36", "it is taken to fill the box"),
        ("--on_no_face=centre", "the middle is taken for one"),
    ):
        out = succeed(
            run, image, flag, "--au=AU12=4", f"--out={tmp_path}/out.png",
            "--overwrite",
        )  # fmt: skip
        assert note in out
        before = read_photo(scene.folder / "none.png")
        assert (read_photo(tmp_path / "out.png") != before).any()
    out = succeed(
        run, image, "--on_no_face=skip", "--au=AU12=4",
        f"--out={tmp_path}/skipped.png",
    )  # fmt: skip
    assert "left alone" in out and not (tmp_path / "skipped.png").exists()


def test_faces_are_listed(run, scene):
    status, out, _ = run(scene.image, "--list_faces", model=False)
    assert status == 0
    assert [face["box"] for face in json.loads(out)] == [
        [round(float(value), 1) for value in face.box] for face in scene.faces
    ]


def test_sheets_and_strips(run, scene, tmp_path):
    rows = 162 * len(scene.faces) + 14
    shared = [scene.image, "--face=all"]
    succeed(run, *shared, "--expression=happy", f"--sheet={tmp_path}/sheet.png")
    assert read_photo(tmp_path / "sheet.png").shape == (rows, 11 * 162 + 2, 3)
    succeed(run, *shared, "--strip=AU12", f"--out={tmp_path}/strip.png")
    strip = read_photo(tmp_path / "strip.png")
    assert strip.shape == (rows, 7 * 162 + 2, 3)
    first, last = strip[14:, 2:162], strip[14:, -162:-2]
    assert (first != last).mean() > 0.1


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
def test_animations(suffix, run, scene, tmp_path):
    path = tmp_path / f"a.{suffix}"
    succeed(
        run, scene.image, "--au=AU12=4", "--face=all", f"--animate={path}",
        "--frames=4",
    )  # fmt: skip
    if suffix == "mp4":
        frames = [frame.pixels for frame in open_video(path)]
    else:
        with Image.open(path) as image:
            assert image.n_frames == 4
            frames = [np.asarray(image.convert("RGB"))]
    # The formats lose a little of the photo that it starts with.
    assert np.abs(frames[0] - scene.pixels.astype(int)).mean() < 6


def test_saved_expressions(run, scene, tmp_path):
    path = tmp_path / "f.json"
    succeed(run, scene.image, "--au=AU12=3.5", f"--save_expression={path}")
    saved = json.loads(path.read_text())
    assert saved["action_units"]["AU12"] == 3.5
    source = tiny_editor().estimate(scene.pixels)
    np.testing.assert_allclose(
        list(saved["source_action_units"].values()), source, atol=0.001
    )


@pytest.mark.parametrize("several", ["", "/*.png"])
def test_folders_and_globs(several, run, scene, tmp_path):
    out = succeed(
        run, f"--image={scene.folder}{several}", "--au=AU12=4", "--face=all",
        "--on_no_face=skip", f"--out={tmp_path}/out",
    )  # fmt: skip
    # In the folder there is a file that is no photo, too.
    skipped = 1 if several else 2
    assert out.startswith(f"2 edited, {skipped} skipped, 0 failed")
    assert files(tmp_path) == [
        "out/other.png", "out/photo.png", "out/report.json",
    ]  # fmt: skip
    scene.check(tmp_path / "out" / "photo.png")


def test_videos(run, scene, tmp_path):
    write_video(tmp_path / "in.mp4", at_rate([scene.pixels] * 6, 12))
    out = succeed(
        run, f"--image={tmp_path}/in.mp4", "--au=AU12=4", "--face=all",
        f"--out={tmp_path}/out.mp4",
    )  # fmt: skip
    assert "6 of 6 frames edited" in out
    before, after = (
        np.stack(
            [f.pixels for f in open_video(tmp_path / f"{name}.mp4")]
        ).astype(int)
        for name in ("in", "out")
    )
    far = np.abs(before - after).mean(axis=(0, 3))
    squares = inside(scene.pixels.shape, scene.faces)
    assert far[squares].mean() > 2 * far[~squares].mean()


def test_the_example_of_the_guide(scene, monkeypatch, tmp_path):
    guide = Path(__file__).parents[2] / "docs" / "editing.md"
    _, _, after = guide.read_text(encoding="utf-8").partition("```python\n")
    example, _, _ = after.partition("```")
    assert "efgan_tf.load()" in example
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene.pixels).save("photo.jpg", quality=95)
    exec(compile(example, str(guide), "exec"), {})
    assert read_photo("happy.png").shape == scene.pixels.shape
