"""What is where on the page; nothing happens here."""

import html
from importlib import resources

import gradio as gr

from efgan_tf import action_units
from efgan_tf.faces.photos import read_photo
from efgan_tf.interface.controls import intensity_slider, unit_sliders
from efgan_tf.interface.pictures import choices
from efgan_tf.interface.samples import SAMPLES, sample_path
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
            # The file as it is: what is no picture is told of in our words.
            self.photo.preprocess = lambda file: file and file.path
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
    # Where it lies on the server is nobody's business.
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
    """Pictures to choose from; the value is of `pictures.choices`."""
    return gr.HTML(
        [],
        html_template=asset_text("choice.html").replace("CAPTION", caption),
        js_on_load=asset_text("choice.js"),
        apply_default_css=False,
        elem_id=name,
    )
