"""Every way to say a target, on a rendered group and on a photograph."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from efgan_tf.faces.photos import read_photo
from tests.editing.scenes import (
    astronaut,
    edit_command,
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
      folder: with `photo.png`, `other.png` (somebody else) and `saved.json`.
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
    else:
        pixels = group_photo(rendered)
    folder = tmp_path_factory.mktemp("scene")
    Image.fromarray(pixels).save(folder / "photo.png")
    Image.fromarray(portraits(rendered)[0]).save(folder / "other.png")
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


def test_the_example_of_the_guide(scene, monkeypatch, tmp_path):
    guide = Path(__file__).parents[2] / "docs" / "editing.md"
    _, _, after = guide.read_text(encoding="utf-8").partition("```python\n")
    example, _, _ = after.partition("```")
    assert "efgan_tf.load()" in example
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene.pixels).save("photo.jpg", quality=95)
    exec(compile(example, str(guide), "exec"), {})
    assert read_photo("happy.png").shape == scene.pixels.shape
