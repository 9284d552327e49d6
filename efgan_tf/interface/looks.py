"""How the page looks: calm, and with the fonts that the machine has."""

import gradio as gr

from efgan_tf.interface.layout import asset_text


def page_theme() -> gr.themes.Base:
    """Gradio's theme, without fonts from elsewhere."""
    return gr.themes.Default(
        primary_hue="teal",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def page_css() -> str:
    """What the theme does not say."""
    return asset_text("page.css")
