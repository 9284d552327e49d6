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
