"""Action units: order, scale, parsing, presets, the cascade's targets."""

import numpy as np
import pytest

from efgan_tf import action_units as au
from efgan_tf.common.errors import UserError


def test_order_is_openface():
    assert [int(name[2:]) for name in au.NAMES] == [
        1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45,
    ]  # fmt: skip


def test_parse_reads_what_people_type():
    assert au.parse("AU12=3,AU06=2") == {"AU12": 3.0, "AU06": 2.0}
    assert au.parse(" au6 = 2.5 , 12=0,") == {"AU06": 2.5, "AU12": 0.0}
    assert au.parse("") == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("AU03=1", "AU03"),
        ("AU12", "AU12"),
        ("AU12=5.1", "5.1"),
        ("AU12=nan", "nan"),
        ("AU12=1,AU12=2", "twice"),
    ],
)
def test_parse_names_the_mistake_in_one_line(text, named):
    with pytest.raises(UserError) as caught:
        au.parse(text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_named_units_become_a_vector():
    vector = au.to_vector({"AU12": 3.25, "AU45": 5})
    assert vector.dtype == np.float32
    assert vector.tolist() == [0] * 8 + [3.25] + [0] * 7 + [5]


def test_presets_are_the_eight_expressions_of_rafd():
    assert set(au.PRESETS) == {
        "neutral", "happy", "sad", "angry", "fearful", "disgusted",
        "surprised", "contemptuous",
    }  # fmt: skip
    assert not au.preset("neutral").any()
    assert au.preset("happy")[au.NAMES.index("AU12")] >= 3
    for vector in au.PRESETS.values():
        au.validate(vector)
    with pytest.raises(UserError, match="joyful"):
        au.preset("joyful")


def test_a_preset_cannot_be_changed_by_its_user():
    au.preset("happy")[:] = 0
    assert au.preset("happy").any()


def test_interpolation_ends_at_the_target():
    source, target = np.zeros(17), np.full(17, 3.0)
    steps = au.interpolate(source, target, 3)
    np.testing.assert_allclose([step[0] for step in steps], [1, 2, 3])
    assert au.interpolate(source, target, 1) == [target]
    with pytest.raises(ValueError):
        au.interpolate(source, target, 0)


def test_scale_conversion():
    np.testing.assert_allclose(au.normalize(np.full(17, 5.0)), 1.0)
    np.testing.assert_allclose(au.denormalize(np.full(17, 0.5)), 2.5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 5.1])
def test_validate_names_the_unit(value):
    vectors = np.zeros((3, 17), np.float32)
    vectors[2, 8] = value
    with pytest.raises(UserError, match="AU12"):
        au.validate(vectors)
    with pytest.raises(ValueError):
        au.validate(np.zeros((3, 16)))


def test_every_unit_belongs_to_a_region():
    masks = [au.region_mask(region) for region in au.REGION_UNITS]
    assert (sum(masks) >= 1).all()
    assert au.region_mask("face").all()
    # AU10 lifts the lip and shows beside the nose.
    assert au.region_mask("nose").sum() == 2
