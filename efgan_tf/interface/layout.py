"""What is where on the page; nothing happens here."""

import html
from importlib import resources

import gradio as gr

from efgan_tf import action_units
from efgan_tf.faces.photos import read_photo
from efgan_tf.interface.display import choices
from efgan_tf.interface.sample_photos import SAMPLES, sample_path
from efgan_tf.interface.session import STEP
from efgan_tf.trained.model import EditingModel


class Layout:
    """The components, made inside a `gr.Blocks`.

    First there is `start` with `photo` and `samples`; once a photo is open,
    `work` with everything else is in its place.
    """

    def __init__(self, model: EditingModel):
        gr.HTML(_header(model), apply_default_css=False, elem_id="header")
        with gr.Column(elem_id="start") as self.start:
            self.photo = gr.Image(
                sources=["upload", "webcam", "clipboard"],
                label="Your photo",
                height=320,
                placeholder="Drop a photo of a face here, or click to choose",
                elem_id="photo",
            )
            # The file as it is, so that the message on a file that is no
            # picture is ours.
            self.photo.preprocess = (  # type: ignore[method-assign]
                lambda file: file and file.path  # type: ignore
            )
            self.trouble = _said("trouble")
            self.samples = _choice("Or begin with one of these", "samples")
            self.samples.value = choices(
                SAMPLES, [read_photo(sample_path(name)) for name in SAMPLES]
            )
        with gr.Row(elem_id="work", visible=False) as self.work:
            with gr.Column(elem_id="picture"):
                self._picture(model)
            with gr.Column(elem_id="controls"):
                self._controls(model)
        gr.HTML(
            asset_text("footer.html"), apply_default_css=False, elem_id="footer"
        )

    def _picture(self, model: EditingModel) -> None:
        with gr.Tabs():
            with gr.Tab("Result"):
                self.viewer = gr.HTML(
                    html_template=asset_text("viewer.html"),
                    js_on_load=asset_text("viewer.js"),
                    apply_default_css=False,
                    elem_id="viewer",
                    photo="",
                )
            with gr.Tab("Stages and attention"):
                self.stages = gr.Radio(
                    list(range(1, model.stages + 1)),
                    value=model.stages,
                    label="Stages of the cascade",
                    visible=model.stages > 1,
                )
                self.figures = gr.HTML(
                    [],
                    html_template=asset_text("figures.html"),
                    apply_default_css=False,
                    elem_id="figures",
                )
        self.status = _said("status")
        self.faces = _choice("Faces: choose one to change", "faces")
        with gr.Row(elem_id="actions"):
            self.get_photo = gr.Button("Download picture", variant="primary")
            self.get_animation = gr.Button("Download GIF")
            self.other_photo = gr.Button("Another photo")
        self.made = gr.DownloadButton(visible="hidden")

    def _controls(self, model: EditingModel) -> None:
        with gr.Row(elem_id="presets"):
            self.presets = {
                name: gr.Button(name.capitalize(), size="sm", min_width=80)
                for name in action_units.PRESETS
            }
        with gr.Row(elem_id="ways"):
            self.reset = gr.Button("Reset to the photo", size="sm")
            self.from_photo = gr.UploadButton(
                "Take from another photo",
                file_types=["image"],
                size="sm",
                interactive=model.has_estimator,
            )
            self.load = gr.UploadButton(
                "Load expression", file_types=[".json"], size="sm"
            )
            self.save = gr.Button("Save expression", size="sm")
            self.to_all = gr.Button("Give to all faces", size="sm")
        self.intensity = intensity_slider()
        self.sliders = unit_sliders(model)


def asset_text(name: str) -> str:
    """A file of `efgan_tf/interface/assets`."""
    folder = resources.files("efgan_tf.interface") / "assets"
    return (folder / name).read_text("utf-8")


def _header(model: EditingModel) -> str:
    # Visitors do not see where it lies on the server.
    name = html.escape(model.name.rstrip("/").rpartition("/")[2])
    return asset_text("header.html").format(
        model=name, size=model.size, stages=model.stages
    )


def _said(name: str) -> gr.HTML:
    """A line of text that is read aloud when it changes."""
    return gr.HTML(
        "",
        html_template='<p role="status">{{value}}</p>',
        apply_default_css=False,
        elem_id=name,
    )


def _choice(caption: str, name: str) -> gr.HTML:
    """Pictures to choose from; the value is of `display.choices`."""
    return gr.HTML(
        [],
        html_template=asset_text("choice.html").replace("CAPTION", caption),
        js_on_load=asset_text("choice.js"),
        apply_default_css=False,
        elem_id=name,
    )


def page_theme() -> gr.themes.Base:
    """Gradio's theme, without fonts from elsewhere."""
    return gr.themes.Default(
        primary_hue="teal",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        # What is written can be read: a contrast of 4.5 and more.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_700",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        slider_color="*primary_600",
        slider_color_dark="*primary_500",
    )


def page_css() -> str:
    """What the theme does not say."""
    return asset_text("page.css")


GROUPS = {"Brows and eyes": "eyes", "Nose": "nose", "Mouth and chin": "mouth"}
"""Title → the region whose units it shows."""

MOST_INTENSE = 2.0
"""How far the page goes beyond a whole expression, which is 1."""


def unit_sliders(model: EditingModel) -> list[gr.Slider]:
    """Lays out the sliders in their groups; returns them in `NAMES`' order.

    Those of units that the model has not learned are there, and say so.
    """
    learned = dict(zip(action_units.NAMES, model.au_mask > 0, strict=True))
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
