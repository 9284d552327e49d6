"""Feature networks, and LPIPS by path."""

import zipfile

import keras
import numpy as np
import pytest

from efgan_tf.common.errors import UserError
from efgan_tf.evaluation import features
from efgan_tf.evaluation.features import Lpips, lpips


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.uniform(-1, 1, (5, 32, 32, 3)).astype(np.float32)


def averaging_network(side: int | None = None) -> keras.Model:
    """Mean of the picture's channels, by known weights."""
    inputs = keras.Input((side, side, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(2, use_bias=False)(pooled)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[1, 0], [0, 1], [0, 2]], np.float32)])
    return model


def maps_network() -> keras.Model:
    """Two layers of maps: the picture itself, and its 2×2 means."""
    inputs = keras.Input((None, None, 3))
    coarse = keras.layers.AveragePooling2D(2)(inputs)
    return keras.Model(inputs, [keras.layers.Identity()(inputs), coarse])


@pytest.fixture
def maps_file(tmp_path):
    maps_network().save(tmp_path / "maps.keras")
    return tmp_path / "maps.keras"


def test_any_model_by_path_gives_the_features_of_all_pictures(tmp_path, images):
    averaging_network().save(tmp_path / "mean.keras")
    model = features.load_network(tmp_path / "mean.keras")
    network = features.FeatureNetwork("mean", model)
    found = network(images)
    red, green, blue = np.moveaxis(images, -1, 0).mean((2, 3))
    expected = np.stack([red, green + 2 * blue], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert network.name == "mean"


def test_pictures_are_resized_to_the_networks_side():
    # A ramp over 4 pixels, doubled with pixel centers at halves: the mean of
    # a middle that is sampled between the first and the last center stays.
    ramp = np.tile(np.linspace(-1, 1, 4)[None, :, None], (4, 1, 3))
    inputs = keras.Input((8, 8, 3))
    row = keras.layers.Flatten()(inputs[:, 4:5, :, :1])
    network = features.FeatureNetwork("row", keras.Model(inputs, row))
    expected = [-1, -5 / 6, -0.5, -1 / 6, 1 / 6, 0.5, 5 / 6, 1]
    np.testing.assert_allclose(network(ramp[None])[0], expected, atol=1e-6)


def test_the_digest_tells_weights_apart_and_ignores_the_file(tmp_path):
    model, again = averaging_network(), averaging_network()
    digest = features.weights_sha256(model)
    assert features.weights_sha256(again) == digest
    model.save(tmp_path / "mean.keras")
    loaded = features.load_network(tmp_path / "mean.keras")
    assert features.weights_sha256(loaded) == digest
    again.set_weights([np.float32([[1, 0], [0, 1], [0, 2.0000002]])])
    assert features.weights_sha256(again) != digest
    square, row = (
        features.weights_sha256(model, [np.ones(shape)])
        for shape in ((2, 2), (1, 4))
    )
    assert len({square, row, digest}) == 3


def test_models_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="maps must give one vector"):
        features.FeatureNetwork("maps", maps_network())
    vectors = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="vectors must take pictures"):
        features.FeatureNetwork("vectors", vectors)


def test_files_that_are_no_networks_are_refused(tmp_path):
    with pytest.raises(UserError, match="gone.keras does not exist"):
        features.load_network(tmp_path / "gone.keras")
    (tmp_path / "text.keras").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("else.txt", "no model")
    for name in ("text.keras", "zip.keras"):
        with pytest.raises(UserError, match=f"{name} cannot be loaded: ."):
            features.load_network(tmp_path / name)


def test_inception_without_its_weights_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="gone.h5 does not exist"):
        features.inception(str(tmp_path / "gone.h5"))
    other = tmp_path / "mean.weights.h5"
    averaging_network().save_weights(other)
    with pytest.raises(UserError, match="no weights of Inception-v3") as caught:
        features.inception(str(other))
    assert "\n" not in str(caught.value)


def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch):
    # Nobody listens on port 9, and nothing is cached in an empty folder.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match="--inception_weights=PATH") as caught:
        features.inception(features.DOWNLOAD)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5", ".h5"])
def test_inception_of_a_file_is_the_network_that_was_saved(
    tmp_path, images, suffix
):
    shape = (299, 299, 3)
    saved = keras.applications.InceptionV3(
        include_top=False, weights=None, pooling="avg", input_shape=shape
    )
    path = tmp_path / f"inception{suffix}"
    (saved.save_weights if suffix == ".weights.h5" else saved.save)(path)
    network = features.inception(str(path))
    assert network.sha256 == features.weights_sha256(saved)
    large = keras.ops.image.resize(images[:2], shape[:2])
    expected = saved.predict_on_batch(keras.ops.convert_to_numpy(large))
    # Untrained, its features are about 1e-3; single precision differs by 4e-11.
    np.testing.assert_allclose(network(images[:2]), expected, atol=1e-9)


def test_lpips_by_path_is_the_formula(tmp_path, maps_file, images):
    weights = {"lin0": np.float32([[1, 2, 3]]), "lin1": np.float32([0, 1, 0.5])}
    np.savez(tmp_path / "lin.npz", **weights)
    metric = Lpips(maps_file, tmp_path / "lin.npz")
    truth = images[::-1]

    def layer(x, y, lin):
        x, y = (z / np.sqrt((z**2).sum(-1, keepdims=True)) for z in (x, y))
        return (((x - y) ** 2) * lin).sum(-1).mean((1, 2))

    def halved(x):
        return x.reshape(5, 16, 2, 16, 2, 3).mean((2, 4))

    expected = layer(images, truth, weights["lin0"])
    expected += layer(halved(images), halved(truth), weights["lin1"])
    found = metric(images, truth)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_array_equal(metric(images, images), 0)
    assert metric.name == "maps.keras" and len(metric.sha256) == 64


@pytest.mark.parametrize(
    "second, complaint",
    [
        ({}, "lin.npz cannot be loaded: .*lin1"),
        ({"lin1": np.ones(2)}, "lin1 must be 3 numbers"),
        ({"lin1": -np.ones(3)}, "lin1 must be 3 numbers"),
        ({"lin1": np.full(3, np.nan)}, "lin1 must be 3 numbers"),
    ],
)
def test_lpips_weights_that_do_not_fit(tmp_path, maps_file, second, complaint):
    np.savez(tmp_path / "lin.npz", lin0=np.ones(3), **second)
    with pytest.raises(UserError, match=complaint):
        Lpips(maps_file, tmp_path / "lin.npz")


def test_lpips_files_that_are_something_else(tmp_path, maps_file):
    with pytest.raises(UserError, match="gone.npz does not exist"):
        Lpips(maps_file, tmp_path / "gone.npz")
    np.save(tmp_path / "lin.npy", np.ones(3))
    (tmp_path / "lin.txt").write_text("1 1 1")
    for name in ("lin.npy", "lin.txt"):
        with pytest.raises(UserError, match=f"{name} cannot be loaded: ."):
            Lpips(maps_file, tmp_path / name)
    averaging_network().save(tmp_path / "mean.keras")
    with pytest.raises(UserError, match="must give feature maps"):
        Lpips(tmp_path / "mean.keras", tmp_path / "lin.npy")


def test_lpips_by_hand():
    # Two places of a layer: (3, 4) → (0.6, 0.8) against (1, 0), then equal.
    features = np.array([[[[3.0, 4], [2, 0]]]])
    reference = np.array([[[[5.0, 0], [1, 0]]]])
    weights = np.array([1.0, 0.5])
    # ((0.6 − 1)²·1 + 0.8²·0.5 + 0) / 2 places = (0.16 + 0.32) / 2
    one = lpips([features], [reference], [weights])
    np.testing.assert_allclose(one, [0.24])
    # A second layer, of one place: (0, 1) against (1, 0): 1·2 + 1·3.
    second = [np.array([[[x]]]) for x in ([0.0, 7], [7.0, 0])]
    both = lpips(
        [features, second[0]], [reference, second[1]], [weights, [2.0, 3.0]]
    )
    np.testing.assert_allclose(both, [5.24])
    # A place without features does no harm.
    nothing = np.zeros((2, 1, 1, 2))
    np.testing.assert_array_equal(lpips([nothing], [nothing], [[1, 1]]), [0, 0])
