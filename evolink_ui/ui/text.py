"""Every sentence of the page by its code, one table a language; English is put together from three files.

A code is `part.name`; `{holes}` are filled in by the page (`kit.t`) with numbers, dates and money in the visitor's
locale. Errors and problems that have no entry here are shown in the words of whoever raised them, which are English.
A second language is a second table with the same codes.
"""

from collections.abc import Mapping
from typing import Final

from evolink_ui.ui.words_form import FORM
from evolink_ui.ui.words_jobs import JOBS

LANGUAGE: Final = "en"
"""Of the page, whatever the browser prefers."""

TITLE: Final = "Motion Control"
DESCRIPTION: Final = "Animate the character in your picture with the motion from your video."

ENGLISH: Final[Mapping[str, str]] = {
    # -- the frame of the page
    "head.title": TITLE,
    "head.line": "Your picture, moving like your video.",
    "head.sandbox": "Sandbox",
    "head.sandbox.hint": "Free previews, made on this server. Add a key for the real model.",
    "head.live": "Live",
    "head.live.hint": "Orders go to EvoLink and cost credits.",
    "head.own.hint": "Orders go to EvoLink and are charged to your key.",
    "head.sign_in": "Sign in",
    "head.sign_out": "Sign out",
    "tab.create": "Create",
    "tab.videos": "My videos",
    "tab.lookup": "Look up",
    "tab.code": "As code",
    # -- used everywhere
    "common.copy": "Copy",
    "common.copied": "Copied",
    "common.cancel": "Cancel",
    "common.try_again": "Try again",
    "common.more": "Show more",
    "level.problem": "Problem: ",
    "level.warning": "Note: ",
    "unit.kb": "{n} kB",
    "unit.mb": "{n} MB",
    "unit.seconds": "{n} s",
    "unit.credits": "{n} credits",
    "unit.credits_sandbox": "{n} credits (nothing was charged)",
    "mode.sandbox": "Sandbox",
    "mode.live": "Live",
    # -- errors of the page's own making; others come with their words
    "error.no_connection": "The server could not be reached.",
    "next.no_connection": (
        "Check the connection and press again; what you entered is kept, and nothing is ordered twice."
    ),
    "error.request_failed": "The server could not do this.",
    "next.request_failed": "Try again in a moment. Nothing was ordered.",
    "error.stopped_before_order": "Stopped before anything was ordered.",
    "error.upload_failed": "The file could not be sent.",
    "next.upload_failed": "Try again.",
    "error.too_big_for_server": "The file is larger than this server accepts.",
    "next.too_big_for_server": "Choose a smaller one.",
    "error.too_many_requests": "Too many requests in a short time.",
    "next.too_many_requests": "Wait a minute, then try again.",
    "error.too_many_uploads": "Too many files in a short time.",
    "next.too_many_uploads": "Wait a few minutes, then try again.",
    "error.file_gone": "The file is no longer on the server.",
    "next.file_gone": "Choose it again. Nothing was ordered.",
    "error.mending_gone": "This file is no longer being fixed.",
    "next.mending_gone": "Choose the file again.",
    "error.key_changed": "The key that pays was changed in another tab. Nothing was ordered.",
    "next.key_changed": "Check what the page says now, then press Generate again.",
    "error.owner_only": "Tasks of this app's own key are for its owner.",
    "next.owner_only": "Use your own EvoLink key, or open the owner's link that the app printed when it started.",
    "error.not_yours": "This job belongs to somebody else.",
    "next.not_yours": "Open the page it was started from.",
    "error.wrong_type": "The field “{field}” must be a text. Nothing was done.",
    "next.wrong_type": "Send it as a JSON string.",
    "error.no_such_job": "There is no such job.",
    "next.no_such_job": "Check its id.",
    "error.job_not_found": "You don't have access to this video.",
    "next.job_not_found": "See My videos.",
    "error.result_missing": "The task has no such result.",
    "next.result_missing": "Look the task up again.",
    "error.result_unknown": "This result isn't a video, picture or sound that a page can show.",
    "next.result_unknown": "Open its link instead.",
    **FORM,
    **JOBS,
}

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {LANGUAGE: ENGLISH}


def words(language: str = LANGUAGE) -> dict[str, str]:
    """Every sentence of the page by its code; a gap in a language is filled in English."""
    return {**ENGLISH, **LANGUAGES.get(language, {})}


def say(code: str, **values: object) -> str:
    """One sentence in English, its holes filled."""
    return ENGLISH[code].format(**values)
