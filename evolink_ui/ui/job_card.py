"""The live card of one job: it asks `GET jobs/{id}` by itself, so it needs nothing of the server but its words."""

import gradio as gr

from evolink_ui.settings import Settings
from evolink_ui.ui.parts import part
from evolink_ui.ui.text import words


def job_card(settings: Settings) -> gr.HTML:
    """The card of the job in the page's address (`?job=`), else of the newest one that this browser started."""
    return part(
        "card",
        "job_card.js",
        props={
            "mode": settings.mode,
            "words": words(
                "common", "unit", "mode", "empty", "card", "state", "stage", "stands", "now", "time", "title", "spoken",
                "charged", "message", "action", "ask", "attach", "fact", "facts", "facing", "error", "next",
            ),
        },
    )  # fmt: skip
