"""What the guard says no with."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Refusal:
    """One no, in words for whoever asked."""

    status: int
    code: str
    message: str
    next_step: str
    retry_after_seconds: float = 0.0

    def body(self) -> bytes:
        """As JSON; `detail` is where Gradio's page looks."""
        return _body(self.code, self.message, self.next_step)


@lru_cache(maxsize=64)  # most refusals are a flood's, and all alike
def _body(code: str, message: str, next_step: str) -> bytes:
    fault = {"code": code, "message": message, "next_step": next_step}
    return json.dumps({"error": fault, "detail": message}).encode()


class Stop(Exception):
    """Ends a request with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


TOO_MANY = 429
DISK_FULL = Refusal(
    507, "disk_full", "This server has no room for more files. No order was placed by this call.", "Try again later."
)
TOO_LONG = Refusal(414, "too_long", "The address is too long.", "Use a shorter one.")
UNKNOWN_HOST = Refusal(
    421,
    "unknown_host",
    "This app does not answer under that name.",
    "Open it at its own address. If you run it: set EVOLINK_UI_PUBLIC_URL to that address, and let a proxy in front of "
    "it pass the Host header on.",
)
FOREIGN = Refusal(
    403,
    "foreign_origin",
    "Another site's page may not do this here. Nothing was changed.",
    "Use this app's own page. Behind a proxy, set EVOLINK_UI_PUBLIC_URL to the app's address.",
)
LOGIN_NEEDED = Refusal(401, "login_needed", "This instance needs a login.", "Log in on the page, then try again.")
TOO_LARGE = Refusal(413, "too_large", "That is larger than this app takes. Nothing was kept.", "Send a smaller file.")
CALL_TOO_LARGE = Refusal(
    413,
    "call_too_large",
    "A call may have at most 64 KB. Nothing was done.",
    "Upload files first, and send their names.",
)
TOO_SLOW = Refusal(408, "too_slow", "The upload took too long. Nothing was kept.", "Try again on a faster line.")
TWO_LENGTHS = Refusal(
    400, "two_lengths", "The request says in two ways how long it is.", "Send Content-Length or chunks, not both."
)
NO_BODY = Refusal(413, "no_body", "A request to this address has no body. Nothing was done.", "Send it without one.")
NOT_FOUND = Refusal(404, "not_found", "There is nothing here.", "Go back to the page.")
SERVER_ERROR = Refusal(500, "server_error", "Something went wrong here.", "Try again; the server's log says more.")


def too_many(wait_seconds: float) -> Refusal:
    """Too often, or too much at once; `wait_seconds` goes out as Retry-After."""
    return Refusal(TOO_MANY, "too_many_requests", "Too many requests.", "Wait a little, then try again.", wait_seconds)


def too_many_files(wait_seconds: float) -> Refusal:
    """A visitor's files of the hour are used up; `wait_seconds` goes out as Retry-After."""
    minutes = max(1, math.ceil(wait_seconds / 60))
    return Refusal(
        TOO_MANY,
        "too_many_files",
        "You have used up your files for now: uploads, links, fixes and examples count together. "
        "No order was placed by this call.",
        f"Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
        wait_seconds,
    )


def unavailable(status: int) -> Refusal:
    """In place of a library's own 5xx."""
    return Refusal(status, "unavailable", "The server can't take this now.", "Try again in a minute.")
