"""What the page offers depends on the model."""

import pytest

from efgan_tf import action_units
from tests.editing.scenes import mute_editor, tiny_editor
from tests.trained.conftest import MASKED

pytest.importorskip("gradio", reason="gradio is not installed")


def _components(editor):
    """Kind → the properties of all such components, in their order."""
    from efgan_tf.interface.page import build_page

    kinds = {}
    for each in build_page(editor, 10**6).get_config_file()["components"]:
        kinds.setdefault(each["type"], []).append(each["props"])
    return kinds


def test_every_unit_has_its_slider_and_one_not_learned_says_so():
    sliders = _components(tiny_editor())["slider"]
    units = [each for each in sliders if "AU" in each["label"]]
    assert sorted(each["label"][-5:-1] for each in units) == sorted(
        action_units.NAMES
    )
    for each in units:
        learned = MASKED not in each["label"]
        assert each["interactive"] == learned
        assert each.get("info") == (None if learned else
                                "not learned by this model")  # fmt: skip
        assert (each["minimum"], each["maximum"]) == (0, 5)


@pytest.mark.parametrize("editor", [tiny_editor, mute_editor])
def test_another_photo_is_only_read_by_a_model_that_can(editor):
    buttons = _components(editor())["uploadbutton"]
    (upload,) = [each for each in buttons if "photo" in each["label"]]
    assert upload["interactive"] == editor().model.has_estimator


def test_nothing_on_the_page_is_an_api():
    from efgan_tf.interface.page import build_page

    page = build_page(tiny_editor(), 10**6)
    assert page.get_api_info()["named_endpoints"] == {}
