"""What a call may name: the page's end points and their arguments, judged before Gradio looks for them.

Gradio itself fails on a name that it doesn't know, with a traceback of 7 KB in the log for a request of 20 bytes.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import gradio as gr

from .refusals import NOT_FOUND, Refusal, Stop

_NAMED = re.compile(r"/gradio_api/(?:(?P<v2>call/v2)|call|run|api)/(?P<name>[^/]+)/?")
NAME_SHOWN_MAX_CHARS = 60


class EndPoints:
    """The end points of a page that is built."""

    def __init__(self, page: gr.Blocks) -> None:
        self._page = page

    def judge(self, path: str, values: Any) -> None:
        """Judge a call's path and body. Raises Stop, where Gradio would fail."""
        if not isinstance(values, Mapping):
            return  # Gradio's own 422
        named = _NAMED.fullmatch(path)
        if named is not None and named["v2"]:
            if named["name"] not in self._parameters:
                raise Stop(NOT_FOUND)
            self._judge_arguments(self._parameters[named["name"]], values)
            return
        if named is not None and named["name"] not in self._names:
            raise Stop(NOT_FOUND)
        index = values.get("fn_index")
        if index is not None and (type(index) is not int or index not in self._page.fns):
            raise Stop(NOT_FOUND)
        if path.startswith("/gradio_api/queue/join") and values.get("session_hash") == "":
            raise Stop(_wrong("session_hash is empty.", "Send any text of your own."))

    def _judge_arguments(self, known: dict[str, bool], values: Mapping[str, Any]) -> None:
        for name in values:
            if name not in known and name != "oauth_token":  # which Gradio drops
                raise Stop(_wrong(f"There is no argument {name[:NAME_SHOWN_MAX_CHARS]!r}.", _which(known)))
        for name, is_required in known.items():
            if is_required and name not in values:
                raise Stop(_wrong(f"The argument {name!r} is missing.", _which(known)))

    @cached_property
    def _names(self) -> frozenset[str]:
        """Of all end points, also of those that the page alone calls."""
        return frozenset(str(fn.api_name) for fn in self._page.fns.values() if fn.api_name)

    @cached_property
    def _parameters(self) -> dict[str, dict[str, bool]]:
        """Of each end point for programs, its arguments and whether they must be given."""
        return {
            name.removeprefix("/"): {
                each["parameter_name"]: not each["parameter_has_default"] for each in end_point["parameters"]
            }
            for name, end_point in self._page.get_api_info()["named_endpoints"].items()
        }


def _which(known: Mapping[str, bool]) -> str:
    return f"It takes: {', '.join(known)}." if known else "It takes none; send {}."


def _wrong(message: str, next_step: str) -> Refusal:
    return Refusal(400, "wrong_arguments", f"{message} The call was not carried out.", next_step)
