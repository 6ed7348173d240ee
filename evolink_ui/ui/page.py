"""The page as pure layout: which parts there are and where they stand."""

import html
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.components.api_component import Api

from evolink_ui.jobs import Jobs
from evolink_ui.sandbox.examples import ExamplePair, ensure_examples
from evolink_ui.settings import Settings
from evolink_ui.ui.api import add_api
from evolink_ui.ui.as_code import as_code
from evolink_ui.ui.create import create_form
from evolink_ui.ui.desk import Desk
from evolink_ui.ui.history import history
from evolink_ui.ui.job_card import job_card
from evolink_ui.ui.lookup import lookup
from evolink_ui.ui.parts import head_part, part
from evolink_ui.ui.text import LANGUAGE, TITLE, say, words
from evolink_ui.ui.theme import head, theme

CACHE_SWEEP_SECONDS = 3600
CACHE_KEEP_SECONDS = 24 * 3600
"""Uploads that nobody ordered with are removed after a day; a job has its own copies."""


class _Page(gr.Blocks):
    """Blocks whose end points may be called with their first values only; the others have their defaults.

    A program that lists values without names keeps working when an end point gets a further parameter. Gradio answers
    such a call with `error: null`.
    """

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        inputs += [block.value for block in block_fn.inputs[len(inputs) :] if isinstance(block, Api)]
        super().validate_inputs(block_fn, inputs)


def build_page(settings: Settings, jobs: Jobs) -> gr.Blocks:
    """The Blocks of the app. Mount it with `page_options()`."""

    def examples() -> list[ExamplePair]:
        return ensure_examples(settings.data_dir / "examples", apart=True)

    page: gr.Blocks
    desk = Desk(jobs, examples, settings.mode)
    with _Page(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS),
    ) as page:
        head_part(_header(settings.mode, signs=settings.has_sign_in), words(), LANGUAGE)
        if settings.has_sign_in:
            part("signin", "signin.js", placeholder="<span></span>")
        with gr.Tabs(elem_id="mc-tabs"):
            with gr.Tab(say("tab.create")), gr.Row(elem_id="mc-two"):
                with gr.Column(min_width=280, elem_id="mc-left"):
                    create_form(settings, jobs, desk)
                with gr.Column(min_width=280, elem_id="mc-right"):
                    job_card(forgets=settings.storage_warning is not None)
            with gr.Tab(say("tab.videos")):
                history(jobs)
            with gr.Tab(say("tab.lookup")):
                lookup(settings, jobs)
            with gr.Tab(say("tab.code")):
                as_code(settings, jobs)
        add_api(jobs, private=settings.is_private, mode=settings.mode)
    return page


def page_options() -> dict[str, Any]:
    """What Gradio must be told when the page is mounted, so that it looks as meant."""
    return {"theme": theme(), "head": head(), "footer_links": ["api"]}


def _header(mode: str, *, signs: bool) -> str:
    """The head's markup. signs: visitors can sign in, which takes a place of its own."""
    badge, hint, way = (html.escape(say(code)) for code in (f"head.{mode}", f"head.{mode}.hint", "key.ask"))
    return (
        f'<header class="mc-header{" signs" if signs else ""}"><div class="mc-brand">'
        '<span class="mc-mark" aria-hidden="true"><i></i><i></i></span>'
        f"<div><h1>{html.escape(say('head.title'))}</h1><p>{html.escape(say('head.line'))}</p></div></div>"
        f'<div class="mc-mode"><span class="mc-badge {mode}">{badge}</span> <span>{hint}</span> '
        f'<span{" hidden" if mode == "live" else ""}><button type="button" class="mc-link">{way}</button></span>'
        "</div></header>"
    )
