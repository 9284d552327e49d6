"""The controls of an expression: one slider for each action unit."""

import gradio as gr

from efgan_tf import action_units
from efgan_tf.interface.session import STEP
from efgan_tf.trained.model import EditingModel

GROUPS = {"Brows and eyes": "eyes", "Nose": "nose", "Mouth and chin": "mouth"}
"""Title → the region whose units it shows."""

MOST_INTENSE = 2.0
"""How far the page goes beyond a whole expression, which is 1."""


def unit_sliders(model: EditingModel) -> list[gr.Slider]:
    """Lays out the sliders in their groups; returns them in `NAMES`' order.

    Those of units that the model has not learned are there, and say so.
    """
    learned = dict(zip(action_units.NAMES, model.learned > 0, strict=True))
    sliders, regions = {}, action_units.by_region(action_units.NAMES)
    for title, region in GROUPS.items():
        with gr.Accordion(title, elem_classes="units"):
            for name in regions[region]:
                sliders[name] = _slider(name, bool(learned[name]))
    return [sliders[name] for name in action_units.NAMES]


def intensity_slider() -> gr.Slider:
    """How much of the expression is shown."""
    return gr.Slider(
        0,
        MOST_INTENSE,
        value=1,
        step=0.05,
        label="Intensity",
        info="0 is the photo, 1 the expression below, more overdoes it",
        buttons=[],
    )


def _slider(name: str, learned: bool) -> gr.Slider:
    return gr.Slider(
        0,
        action_units.MAX_INTENSITY,
        value=0,
        step=STEP,
        label=f"{action_units.DESCRIPTIONS[name].capitalize()} ({name})",
        info=None if learned else "not learned by this model",
        interactive=learned,
        buttons=[],
    )
