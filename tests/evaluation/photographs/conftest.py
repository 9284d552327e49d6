"""Photographs and readers, where they are."""

import os
from pathlib import Path

import pytest

from efgan_tf.common.errors import UserError

ROOT = Path(__file__).parents[3]
PHOTOS = ROOT.parent / "shared/photos/train"


@pytest.fixture(scope="session")
def photos():
    """The folder of the training photographs."""
    if not (PHOTOS / "manifest.csv").is_file():
        pytest.skip("there are no photographs at ../shared/photos/train")
    return PHOTOS


@pytest.fixture(scope="session")
def readers_folder():
    """Where npm installed the readers' readers."""
    from efgan_tf.evaluation.photographs import points, readers

    folder = os.environ.get("EFGAN_READERS", str(ROOT / "readers"))
    try:
        for name in readers.VERSIONS:
            readers.package(folder, name)
        points.FaceReader()
    except UserError as error:
        pytest.skip(f"no readers (EFGAN_READERS names their folder): {error}")
    return folder
