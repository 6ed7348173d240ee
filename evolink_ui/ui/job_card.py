"""The live card of one job: it asks `GET jobs/{id}` by itself, so it needs nothing of the server but its scripts."""

import gradio as gr

from evolink_ui.ui.parts import part


def job_card(*, forgets: bool) -> gr.HTML:
    """The card of the job in the page's address (`?job=`), else of the newest one that this browser started.

    forgets: the app keeps nothing over a restart, so people are told to keep the task id.
    """
    scripts = ("key_field.js", "card_screen.js", "card_actions.js", "card_facts.js", "running.js", "job_card.js")
    return part("card", *scripts, props={"forgets": forgets})
