"""How a part of the page is put together: one `gr.HTML` from our scripts, its words and the functions it may call."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api

FOLDER = Path(__file__).parent
KIT = "kit.js"
"""What all scripts share. The head of the page brings it once, with the words; parts may be mounted earlier."""

WAITING = """
const start = (kit) => { const { el, icon, t } = kit; %s };
if (window.evolinkKit) start(window.evolinkKit);
else window.addEventListener("evolink:kit", () => start(window.evolinkKit), { once: true });
"""

PageFunction = Callable[[Any, gr.Request], Awaitable[dict[str, Any]]]
"""Takes one JSON value from a browser and who sent it; answers a JSON object."""


@cache
def asset(name: str) -> str:
    """One of this folder's scripts or style sheets as it is sent: without indentation and comment lines.

    The page carries them all in itself, so that they cost no request; a fifth of them would be air.
    """
    lines = (line.strip() for line in (FOLDER / name).read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))


def part(
    name: str,
    *scripts: str,
    placeholder: str = "",
    props: Mapping[str, Any] | None = None,
    functions: Mapping[str, PageFunction] | None = None,
) -> gr.HTML:
    """A part of the page.

    name: becomes the element's id, `mc-name`. scripts: files of this folder, run together in this order once the part
    is on the page. placeholder: HTML of our own (never of a visitor's) that stands there until then. props: JSON-able
    values for the scripts; no markup, they never reach a template. functions: what the scripts may ask of the server,
    as `kit.ask("page_NAME", value)`. They are plain unqueued posts: a queued event that is cut off makes Gradio's page
    reload itself, and a call of `server_functions` that is cut off never ends.
    """
    for function_name, function in (functions or {}).items():
        api(function, api_name=f"page_{function_name}", api_visibility="private", queue=False)
    return gr.HTML(
        value="",
        html_template=placeholder or "<div class='mc-wait'></div>",
        css_template="",
        js_on_load=WAITING % "\n".join(asset(script) for script in scripts),
        apply_default_css=False,
        elem_id=f"mc-{name}",
        elem_classes=["mc-part"],
        **dict(props or {}),
    )


def head_part(markup: str, words: Mapping[str, str], language: str) -> gr.HTML:
    """The head of the page with what all parts share.

    markup: HTML of our own. words: every sentence by its code. language: theirs, such as "en".
    """
    return gr.HTML(
        value="",
        html_template=markup,
        css_template="",
        js_on_load=asset(KIT),
        apply_default_css=False,
        elem_id="mc-head",
        words=dict(words),
        language=language,
    )
