"""Branches and EF-GAN: what reaches the output, and what is left of x."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from efgan_tf import geometry
from efgan_tf.models import build_branch, build_efgan

REGIONS = {"face", "eyes", "nose", "mouth"}
both_heads = pytest.mark.parametrize("color_head", ["image", "change"])
both_kinds = pytest.mark.parametrize(
    ("injection", "color_head"), [("concat", "image"), ("film", "change")]
)


def run(model, image, units):
    outputs = model({"image": image, "action_units": units})
    return keras.tree.map_structure(np.array, outputs)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"height": 26}, "sides"),
        ({"width": 4}, "sides"),  # it would build and crash when it is called
        ({"injection": "tiled"}, "injection"),
        ({"color_head": "paint"}, "color head"),
    ],
)
def test_branch_refuses_what_it_cannot_build(changes, named):
    arguments = {"height": 24, "width": 24, "channels": 4, "blocks": 1}
    arguments |= {"injection": "concat", "attention_bias": 0.0} | changes
    with pytest.raises(ValueError, match=named):
        build_branch(**arguments, name="branch")


@both_heads
def test_heads_start_near_the_attention_bias(tiny, color_head):
    """The picture is changed little at first: a tenth of Glorot's weights."""
    keras.utils.set_random_seed(0)
    config = tiny(color_head=color_head, base_width=32, attention_bias=1.5)
    model = build_efgan(config)
    limit = np.sqrt(6 / (49 * (32 + 4)))
    limit *= {"image": 1, "change": 0.1}[color_head]
    for name in ("face", "refiner"):
        kernel, bias = model.get_layer(name).get_layer("heads").get_weights()
        np.testing.assert_array_equal(bias, [0, 0, 0, 1.5])
        assert 0.99 * limit < np.abs(kernel).max() <= limit
        np.testing.assert_allclose(kernel.std(), limit / 3**0.5, rtol=0.02)


def test_changed_colors_start_from_what_each_branch_refines(
    tiny, faces, set_heads
):
    """The own crop, and the global result for the refiner."""
    model = build_efgan(tiny(color_head="change"))
    for name in REGIONS | {"refiner"}:
        set_heads(model.get_layer(name), 0.0, 0.5)
    # The global result is another picture than the source.
    set_heads(model.get_layer("face"), 0.5, 0.5)
    image = faces["image"]
    out = run(model, image, faces["target_action_units"])["branches"]
    for region, crop in _crops(image, tiny().boxes).items():
        np.testing.assert_allclose(
            out[region]["color"], np.clip(crop, -0.98, 0.98), atol=1e-6
        )
    whole = out["face"]["image"]
    assert np.abs(whole - image).mean() > 0.1
    np.testing.assert_allclose(
        out["refiner"]["color"], np.clip(whole, -0.98, 0.98), atol=1e-6
    )


@both_kinds
def test_each_unit_changes_the_center_of_the_image(
    tiny, faces, injection, color_head
):
    keras.utils.set_random_seed(0)
    model = build_efgan(tiny(au_injection=injection, color_head=color_head))
    image = np.repeat(faces["image"][:1], 18, axis=0)
    units = np.concatenate([np.zeros((1, 17)), np.eye(17)])
    out = run(model, image, units.astype("float32"))
    for result in (out["image"], out["branches"]["face"]["image"]):
        change = np.abs(result[1:] - result[:1])[:, 30:34, 30:34]
        # Batched sums alone differ by 1e-6.
        assert change.max((1, 2, 3)).min() > 1e-4
    # …and not all units do the same.
    differences = out["image"][1:] - out["image"][:1]
    assert np.linalg.matrix_rank(differences.reshape(17, -1), tol=1e-3) == 17


def test_compiled_and_eager_agree(efgan, faces):
    """TensorFlow's constant folding once broke several branches together."""
    inputs = {
        "image": faces["image"],
        "action_units": faces["target_action_units"],
    }
    compiled = tf.function(lambda x: efgan(x)["image"])(inputs)
    np.testing.assert_allclose(compiled, efgan(inputs)["image"], atol=1e-5)


def test_parts_are_joined_as_the_method_says(efgan, faces, tiny):
    image, units = faces["image"], faces["target_action_units"]
    out = run(efgan, image, units)
    boxes, branches = tiny().boxes, out["branches"]
    total, count = np.zeros_like(image), geometry.coverage(64, boxes)
    for region, crop in {"face": image, **_crops(image, boxes)}.items():
        result = branches[region]
        blended = (
            result["attention"] * result["color"]
            + (1 - result["attention"]) * crop
        )
        np.testing.assert_allclose(result["image"], blended, atol=1e-6)
        if region != "face":
            geometry.crop(total, boxes[region])[:] += blended
    stitched = np.where(count > 0, total / np.maximum(count, 1), image)
    np.testing.assert_allclose(out["stitched"], stitched, atol=1e-6)
    whole = branches["face"]["image"]
    base = np.where(count > 0, (whole + stitched) / 2, whole)
    seen = np.concatenate([whole, stitched, image], axis=-1)
    refined = run(efgan.get_layer("refiner"), seen, units)
    final = (
        refined["attention"] * refined["color"]
        + (1 - refined["attention"]) * base
    )
    np.testing.assert_allclose(out["image"], final, atol=1e-5)


def _crops(image, boxes):
    return {name: geometry.crop(image, box) for name, box in boxes.items()}


def test_combined_attention_is_the_weight_of_the_input(tiny, faces, set_heads):
    """Colors being constant, the output moves with the input by 1 - Â."""
    model = build_efgan(tiny())
    attentions = {
        "face": 0.5, "eyes": 0.2, "nose": 0.4, "mouth": 0.8, "refiner": 0.25,
    }  # fmt: skip
    for name, attention in attentions.items():
        set_heads(model.get_layer(name), 0.3, attention)
    image, units = faces["image"], faces["target_action_units"]
    before, after = run(model, image, units), run(model, -image, units)
    moved = after["image"] - before["image"]
    expected = (1 - before["attention"]) * (-2 * image)
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_ablations_build(tiny, faces):
    image, units = faces["image"], faces["target_action_units"]
    bare = tiny(local_branches=False, refiner=False)
    out = run(build_efgan(bare), image, units)
    assert set(out) == {"image", "attention", "branches"}
    assert set(out["branches"]) == {"face"}
    for key in ("image", "attention"):
        np.testing.assert_array_equal(out[key], out["branches"]["face"][key])

    out = run(build_efgan(tiny(refiner=False)), image, units)
    assert set(out["branches"]) == REGIONS
    inside = geometry.coverage(64, tiny().boxes)[..., 0] > 0
    whole = out["branches"]["face"]["image"]
    base = np.where(inside[..., None], (whole + out["stitched"]) / 2, whole)
    np.testing.assert_allclose(out["image"], base, atol=1e-6)


@both_heads
def test_names_do_not_depend_on_what_else_was_built(tiny, color_head):
    """Names that Keras makes up count up, and checkpoints would go by them."""

    def names(model):
        inside = [
            names(part)
            for part in model.operations
            if isinstance(part, keras.Model)
        ]
        return [part.name for part in model.operations] + inside

    first, second = (
        names(build_efgan(tiny(color_head=color_head))) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("policy", "color_head"),
    [
        ("float32", "image"),
        ("mixed_float16", "change"),
        ("mixed_bfloat16", "image"),
        ("mixed_bfloat16", "change"),
    ],
)
def test_dtypes_under_each_policy(tiny, faces, policy, color_head, request):
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    keras.config.set_dtype_policy(policy)
    config = tiny(color_head=color_head)
    model = build_efgan(config)
    keras.config.set_dtype_policy("float32")
    half = {"float32": "float32"}.get(policy, policy.removeprefix("mixed_"))
    exact = {
        "heads", "split_heads", "stitch", "stitch_attention", "base",
        "base_attention", "refiner_input", "combined_attention",
    }  # fmt: skip
    for layer in model._flatten_layers(include_self=False):
        float32 = layer.name in exact or layer.name.endswith(
            ("_blend", "_crop")
        )
        wanted = "float32" if float32 else half
        assert layer.compute_dtype == wanted, layer.path
        assert layer.variable_dtype == "float32", layer.path
    out = run(model, faces["image"], faces["target_action_units"])
    assert {x.dtype.name for x in keras.tree.flatten(out)} == {"float32"}
    reference = build_efgan(config)
    reference.set_weights(model.get_weights())
    expected = run(reference, faces["image"], faces["target_action_units"])
    error = np.abs(out["image"] - expected["image"]).mean()
    assert error < 0.02


def test_half_precision_keeps_an_unedited_image_exact(
    tiny, faces, set_heads, request
):
    request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build_efgan(tiny())
    for name in REGIONS | {"refiner"}:
        set_heads(model.get_layer(name), 0.3, 0.0)
    out = run(model, faces["image"], faces["target_action_units"])
    np.testing.assert_allclose(out["image"], faces["image"], atol=1e-6)
