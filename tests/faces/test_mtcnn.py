"""Our MTCNN finds what the package finds whose weights it has."""

import mtcnn
import numpy as np
import pytest

from efgan_tf.faces.detection import Mtcnn
from efgan_tf.faces.photos import read_photo
from efgan_tf.interface import samples


@pytest.fixture(scope="module")
def photos(rendered):
    """A batch of rendered faces, and a photo with several."""
    files = sorted((rendered / "photos").iterdir())[::3]
    return [
        np.stack([read_photo(file) for file in files]),
        read_photo(samples.sample_path("All three"))[None, :, :640],
    ]


def test_the_package_finds_the_same_faces(photos):
    ours, theirs = Mtcnn(), mtcnn.MTCNN()
    for batch in photos:
        found = ours(batch)
        expected = theirs.detect_faces(
            list(batch), output_type="numpy", box_format="xyxy",
            postprocess=False,
        )  # fmt: skip
        assert len(expected) > 1
        np.testing.assert_array_equal(found[:, 0], expected[:, 0])
        # Measured over 154 photographs: 0.0025 pixels and 1e-5.
        np.testing.assert_allclose(found[:, 1:5], expected[:, 1:5], atol=0.02)
        np.testing.assert_allclose(found[:, 5], expected[:, 5], atol=1e-4)
        np.testing.assert_allclose(found[:, 6:], expected[:, 6:], atol=0.02)


def test_nothing_is_found_where_there_is_nothing():
    assert len(Mtcnn()(np.full((2, 64, 128, 3), 127, np.uint8))) == 0
