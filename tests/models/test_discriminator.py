"""Critics: shapes, heads, and what they cannot see."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf import action_units
from efgan_tf.models import (
    build_critic,
    build_critics,
    critic_crop,
    discriminator,
    region_units,
)

REGIONS = ("face", "eyes", "nose", "mouth")


@pytest.fixture(scope="module")
def critics(tiny):
    return build_critics(tiny())


def test_regions_have_their_units():
    assert region_units("face") == tuple(range(17))
    names = [action_units.NAMES[unit] for unit in region_units("nose")]
    assert names == ["AU09", "AU10"]
    assert [action_units.NAMES[unit] for unit in region_units("eyes")] == [
        "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU45",
    ]  # fmt: skip
    assert len(region_units("mouth")) == 9


@pytest.mark.parametrize(
    "size,region,patch,units",
    [
        # 64 → 4 in four steps; 24×40 → 3×5, 24×24 → 3×3, 32×32 → 4×4 in three.
        (64, "face", (4, 4), 17),
        (64, "eyes", (3, 5), 7),
        (64, "nose", (3, 3), 2),
        (64, "mouth", (4, 4), 9),
        # Twice as large takes one step more.
        (128, "face", (4, 4), 17),
        (128, "eyes", (3, 5), 7),
        (128, "nose", (3, 3), 2),
        (128, "mouth", (4, 4), 9),
    ],
)
def test_shapes(tiny, size, region, patch, units):
    critic = build_critic(tiny(image_size=size), region, name="critic")
    assert critic.output["patch"].shape == (None, *patch, 1)
    assert critic.output["action_units"].shape == (None, units)


def test_channels_double_up_to_a_limit(tiny, monkeypatch):
    assert discriminator.MAX_CHANNELS == 2048
    monkeypatch.setattr(discriminator, "MAX_CHANNELS", 16)
    critic = build_critic(tiny(critic_width=5), "face", name="critic")
    widths = [
        layer.filters
        for layer in critic.layers
        if layer.name.startswith("down") and hasattr(layer, "filters")
    ]
    assert widths == [5, 10, 16, 16]


def test_heads_are_linear_and_the_patch_head_has_no_bias(critics):
    for critic in critics.values():
        assert critic.get_layer("patch").bias is None
        for head in ("patch", "action_units"):
            layer = critic.get_layer(head)
            assert layer.activation is keras.activations.linear
            assert layer.compute_dtype == "float32"


def test_critics_do_not_mix_samples(critics, faces):
    critic = critics["face"]
    together = critic(faces["image"])["patch"]
    alone = critic(faces["image"][:1])["patch"]
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


@pytest.mark.parametrize("region", REGIONS)
def test_a_critic_is_blind_outside_its_box(critics, faces, tiny, region):
    image, boxes = tf.constant(faces["image"]), tiny().boxes
    with tf.GradientTape() as tape:
        tape.watch(image)
        out = critics[region](critic_crop(image, region, boxes))
        total = tf.reduce_sum(out["patch"] ** 2) + tf.reduce_sum(
            out["action_units"] ** 2
        )
    seen = np.abs(tape.gradient(total, image)).max((0, 3)) > 0
    expected = np.ones((64, 64), bool)
    if region != "face":
        box = boxes[region]
        expected[:] = False
        expected[
            box.top : box.top + box.height, box.left : box.left + box.width
        ] = True
    np.testing.assert_array_equal(seen, expected)


def test_both_heads_train_every_layer(critics, faces):
    critic = critics["face"]
    variables = critic.trainable_variables
    for head, untouched in (("patch", 2), ("action_units", 1)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(critic(faces["image"])[head] ** 2)
        gradients = tape.gradient(loss, variables)
        # The other head's variables, and only those, get none.
        assert sum(g is None for g in gradients) == untouched


def test_half_precision_critics_give_float32(tiny, faces, request):
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    critic = build_critic(tiny(), "face", name="critic")
    assert critic.get_layer("down_1_conv").compute_dtype == "bfloat16"
    out = critic(faces["image"])
    assert {x.dtype.name for x in out.values()} == {"float32"}


def kernels(critic):
    return [
        layer.layer.kernel.numpy().reshape(-1, layer.layer.filters)
        for layer in critic.layers
        if isinstance(layer, keras.layers.SpectralNormalization)
    ]


def test_spectral_kernels_go_to_a_norm_of_1_the_same_way_every_time(
    tiny, faces, tmp_path
):
    def build(seed):
        keras.utils.set_random_seed(seed)
        config = tiny(critic_norm="spectral")
        return build_critic(config, "face", name="critic")

    first, second, restored = build(0), build(0), build(1)
    assert len(kernels(first)) == 5  # four steps down and the patch head
    for _ in range(20):
        first(faces["image"], training=True)
    for kernel in kernels(first):
        # Measured after 20 calls: 1.0083 at most.
        assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=0.02)
    before = first.get_weights()
    first(faces["image"], training=False)
    for _ in range(20):
        second(faces["image"], training=True)
    for one, other, again in zip(
        before, first.get_weights(), second.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, again)

    path = tf.train.Checkpoint(critic=first).write(str(tmp_path / "critic"))
    tf.train.Checkpoint(critic=restored).read(path).assert_consumed()
    for critic in (first, restored):
        critic(faces["image"], training=True)
    for one, other in zip(
        first.get_weights(), restored.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
