"""The wheel and the sdist: complete, and enough without the repository."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import efgan_tf

ROOT = Path(__file__).parents[1]
DATA = (".npz", ".json", ".md")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both, built from a copy of the sources."""
    source = tmp_path_factory.mktemp("source") / "efgan_tf"
    ignored = shutil.ignore_patterns(
        "*.egg-info", "__pycache__", "build", "dist"
    )
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "efgan_tf", source / "efgan_tf", ignore=ignored)
    shutil.copytree(ROOT / "configs", source / "configs")
    out = tmp_path_factory.mktemp("dist")
    # The sdist is made first and the wheel out of it, as for PyPI.
    result = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--outdir={out}",
         str(source)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return out


def _packaged():
    """What the package's folder holds, by paths relative to its parent."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "efgan_tf").rglob("*")
        if path.suffix in (".py", *DATA) and "__pycache__" not in path.parts
    }


def test_wheel_and_sdist_hold_every_file(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < 25e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert _packaged() <= names
    configs = {
        f"efgan_tf/{path.relative_to(ROOT)}"
        for path in (ROOT / "configs").rglob("*")
        if path.is_file()
    }
    assert configs <= names
    assert not [name for name in names if name.startswith("tests/")]
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert _packaged() | {"setup.py", "LICENSE", "README.md"} <= inside


def test_the_wheel_edits_a_photo_by_itself(built, rendered, tmp_path):
    (wheel,) = built.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
         f"--target={site}", str(wheel)],
        check=True,
    )  # fmt: skip
    photo = sorted((rendered / "photos").glob("*_neutral.jpg"))[0]
    entrance = site / "bin" / "efgan"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = subprocess.run(
        [sys.executable, "-c", "import efgan_tf; print(efgan_tf.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert where.stdout.strip() == str(site / "efgan_tf" / "__init__.py")
    result = subprocess.run(
        [sys.executable, str(entrance), "edit", f"--image={photo}",
         "--expression=happy", "--out=happy.png"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    before, after = Image.open(photo), Image.open(tmp_path / "happy.png")
    difference = np.abs(np.subtract(before, after, dtype=np.int16))
    assert difference.max() > 40 and (difference == 0).mean() > 0.3


def test_citation_and_changelog_have_this_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {efgan_tf.__version__}\n" in text
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## {efgan_tf.__version__} (" in text
