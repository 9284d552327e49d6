"""The Python in the documents runs: `docs/api.md` whole, and a first edit."""

import re
import shutil
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


def test_every_example_runs(rendered, tmp_path, monkeypatch):
    """As one program, beside a photo."""
    photo = sorted((rendered / "photos").glob("*_neutral.jpg"))[0]
    shutil.copy(photo, tmp_path / "photo.jpg")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) >= 7
    monkeypatch.chdir(tmp_path)
    space = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/api.md, example {number}", "exec"), space)
    assert (tmp_path / "happy.png").stat().st_size > 10_000
    target = space["closed"].faces[0].target_action_units
    wanted = np.where(np.arange(17) == 16, 5, space["source"])
    np.testing.assert_allclose(target, wanted, atol=1e-6)
    assert space["smile"] == {"AU12": 3.0, "AU06": 2.0}
    np.testing.assert_allclose(space["steps"][-1], space["happy"], atol=1e-6)
    assert space["aligned"].shape == (128, 128, 3)
    assert space["outputs"]["image"].shape == (1, 64, 64, 3)
    assert space["settings"].model.stages == 3
    assert space["trained"].info.model.image_size == 128


def test_the_example_of_the_editing_guide(rendered, monkeypatch, tmp_path):
    guide = (ROOT / "docs" / "editing.md").read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", guide, re.S)[1]
    assert "efgan_tf.load()" in example
    photo = sorted((rendered / "photos").glob("*_neutral.jpg"))[0]
    shutil.copy(photo, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/editing.md", "exec"), {})
    assert (tmp_path / "happy.png").stat().st_size > 10_000
