"""What the child's parts say to each other when a file cannot pass."""

from collections.abc import Callable
from typing import Any

Tell = Callable[[dict[str, Any]], None]
"""Sends one answer to the parent."""


class Refused(Exception):
    """The file cannot pass; `code` says why, in the words of words.py, `values` are the numbers of the sentence."""

    def __init__(self, code: str, **values: float | int | str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
