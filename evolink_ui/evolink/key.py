"""The API key, and the addresses it may go to."""

import ipaddress
import re

import httpx

SECRET_MIN_CHARS = 8
"""A shorter key is no secret, and hiding it would maim ids and words that happen to hold it."""

_HOST = re.compile(rb"[A-Za-z0-9._:-]+")


def checked_base_url(url: str) -> str:
    """Return the base URL without its last slash.

    Raises ValueError where a key would travel unencrypted (http:// is for loopback only) or the URL carries anything
    besides host and path.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise ValueError("the base URL is not a URL") from None
    if not _HOST.fullmatch(parsed.raw_host) or parsed.userinfo or "?" in url or "#" in url:
        raise ValueError("the base URL must be a host and at most a path")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and is_loopback(parsed.host)):
        raise ValueError("the base URL must begin with https:// (http:// only for this machine itself)")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether this name or address never leaves the machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ApiKey:
    """A key that shows itself only in the header of a request."""

    __slots__ = ("_header",)

    def __init__(self, text: str) -> None:
        key = text.strip() if isinstance(text, str) else ""
        if not re.fullmatch(r"[!-~]{1,512}", key):
            # Checked here because a refused header is quoted, key and all, by the libraries below.
            raise ValueError("the API key must be printable ASCII without spaces")
        self._header = f"Bearer {key}"

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled")

    def header(self) -> str:
        """The value of the Authorization header."""
        return self._header

    def hide_in(self, text: str | None) -> str | None:
        """The text without the key, should a server have echoed it."""
        key = self._header.removeprefix("Bearer ")
        return text.replace(key, "[key]") if text and len(key) >= SECRET_MIN_CHARS else text
