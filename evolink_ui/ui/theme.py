"""How the page looks: our colours on Gradio's base theme, system fonts, and our style sheets in the page's head.

The style sheets define every colour once for light and once for dark; Gradio's own parts (tabs, the API page) take
theirs from here. Nothing is fetched from another host.
"""

from typing import Final

import gradio as gr

from evolink_ui.ui.parts import asset
from evolink_ui.ui.text import DESCRIPTION

SYSTEM_FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO_FONTS: Final = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

STYLES: Final = ("theme.css", "create.css", "drop.css", "job_card.css", "history.css", "lookup.css")

PAPER, PAPER_DARK = "#f7f5f1", "#131514"
SURFACE, SURFACE_DARK = "#ffffff", "#1c1f1e"
INK, INK_DARK = "#1f2421", "#eef1ee"
MUTED, MUTED_DARK = "#5a625d", "#a9b2ac"
LINE, LINE_DARK = "#dedad2", "#343936"
ACCENT, ACCENT_DARK = "#0b6b5f", "#6fd6c3"


def theme() -> gr.themes.Base:
    """Gradio's base theme in our colours."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        font=SYSTEM_FONTS,
        font_mono=MONO_FONTS,
    ).set(
        body_background_fill=PAPER,
        body_background_fill_dark=PAPER_DARK,
        background_fill_primary=SURFACE,
        background_fill_primary_dark=SURFACE_DARK,
        background_fill_secondary=PAPER,
        background_fill_secondary_dark=PAPER_DARK,
        body_text_color=INK,
        body_text_color_dark=INK_DARK,
        body_text_color_subdued=MUTED,
        body_text_color_subdued_dark=MUTED_DARK,
        border_color_primary=LINE,
        border_color_primary_dark=LINE_DARK,
        link_text_color=ACCENT,
        link_text_color_dark=ACCENT_DARK,
        color_accent=ACCENT,
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_dark=ACCENT,
        button_primary_text_color="white",
    )


def head() -> str:
    """What goes into the page's head: its description and our style sheets, inline."""
    sheets = "\n".join(asset(name) for name in STYLES)
    return f'<meta name="description" content="{DESCRIPTION}">\n<style>\n{sheets}\n</style>'
