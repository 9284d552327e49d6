"""The model card: true to the model, for each way that it was made."""

import re

import pytest

from efgan_tf import action_units
from efgan_tf.serving import model_card
from efgan_tf.serving.signatures import MAX_SIDE, Signatures
from efgan_tf.trained import presets
from efgan_tf.trained.info import ModelInfo
from efgan_tf.trained.runs import read_run


@pytest.fixture(scope="module")
def card(exported):
    return (exported.saved_model / model_card.FILE_NAME).read_text("utf-8")


def test_its_signatures_are_those_that_there_are(exported, card):
    functions = Signatures(read_run(exported.run)).functions()
    rows = re.findall(r"^\| `(\w+)` \| (`.*) \| `", card, re.M)
    found = {key: set(re.findall(r"`(\w+)`", inputs)) for key, inputs in rows}
    assert found == {
        key: {spec.name for spec in function.input_signature}
        for key, function in functions.items()
    }
    assert "float32 [b, 64, 64, 3]" in card
    assert "[b, 2, 64, 64, 1]" in card  # two stages
    assert f"up to {MAX_SIDE} pixels a side" in card


def test_it_names_the_units_and_what_was_learned_of_what(card):
    units = re.findall(r"^\| (\d+) \| (AU\d\d) \|", card, re.M)
    assert [unit for _, unit in units] == list(action_units.NAMES)
    assert [int(index) for index, _ in units] == list(range(17))
    assert "did not learn AU45:" in card
    assert "dataset `synthetic` (60 rendered people" in card
    # Of a file only the name is shown.
    assert "`a.keras`" in model_card.model_origin("/private/place/a.keras")


def test_a_preset_brings_its_own_words():
    name = presets.DEFAULT
    info = presets.read_preset(name).info
    card = model_card.model_card("efgan", info, model_card.model_origin(name))
    for line in presets.read_card(name).splitlines()[1:]:
        assert line in card
    # One title, and no heading of the preset's beside the card's own.
    assert re.findall(r"^# (.*)", card, re.M) == ["efgan"]
    assert "It learned all" in card and info == ModelInfo(info.model)
