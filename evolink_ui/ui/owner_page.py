"""The page on which the app's owner operates it: markup, script and style, apart from everybody's page."""

import html
import json

from evolink_ui.ui.parts import asset
from evolink_ui.ui.words_owner import OWNER
from evolink_ui.web.admin import AdminAssets


def admin_assets() -> AdminAssets:
    """What `web.admin` answers with; built once, at the start."""
    title, words = html.escape(OWNER["title"]), html.escape(json.dumps(dict(OWNER)))
    markup = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<title>{title}</title><link rel="stylesheet" href="admin/page.css"></head>'
        f'<body><div class="gradio-container"><main class="mc-part" id="owner" data-words="{words}"></main></div>'
        '<script src="admin/page.js"></script></body></html>\n'
    )
    return AdminAssets(page=markup, script=asset("owner.js"), style="\n".join((asset("theme.css"), asset("owner.css"))))
