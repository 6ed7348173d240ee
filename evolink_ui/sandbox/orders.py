"""Judging the body of POST /v1/videos/generations: all of the vendor's rules that the text can break."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import Any, Final

from evolink_ui import net
from evolink_ui.evolink.request import CALLBACK_URL_MAX_CHARS
from evolink_ui.order import MotionOrder, OrderError

from .errors import invalid_request

BODY_MAX_BYTES = 1_000_000  # the longest legal order is about 30 kB
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")

PLACES: Final[dict[str, tuple[str | int, ...]]] = {
    "model": ("model",),
    "prompt": ("prompt",),
    "quality": ("quality",),
    "image_url": ("image_urls", 0),
    "video_url": ("video_urls", 0),
    "character_orientation": ("model_params", "character_orientation"),
    "keep_sound": ("model_params", "keep_sound"),
    "watermark": ("model_params", "watermark_info", "enabled"),
    "element_id": ("model_params", "element_list", 0, "element_id"),
}
"""Where the vendor's description has each field of an order; a number is a place in an array that holds one value."""

REQUIRED: Final = frozenset({"model", "image_url", "video_url", "character_orientation", "element_id"})
"""What must stand where its object or array is given; `element_list` may be left out as a whole."""

KINDS: Final[dict[type[Any], str]] = {dict: "an object", list: "an array"}


class Order(MotionOrder):
    """One legal order, defaults filled in, and whom to call when it has ended."""

    callback_url: str | None = None

    def dump(self) -> str:
        return self.model_dump_json()

    @classmethod
    def load(cls, text: str) -> Order:
        """What `dump` of this or another version gave.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it lacks what every order has.
        """
        kept = json.loads(text)
        if "orientation" in kept:  # its name until orders had a model
            kept["character_orientation"] = kept.pop("orientation")
        known = {name: value for name, value in kept.items() if name in cls.model_fields}
        needed = {name: known[name] for name in ("image_url", "video_url", "quality", "character_orientation")}
        return cls.model_construct(**known | needed)

    @classmethod
    def unreadable(cls) -> Order:
        """In the place of one that can't be read, in a task that is over."""
        return cls()


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`.

    Raises:
        ApiError: 400, it is not one.
    """
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid_request("The request body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid_request("The request body must be a JSON object.")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is JavaScript, not JSON")


def digest(body: dict[str, Any]) -> str:
    """The same for two bodies exactly if they mean the same order."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def judge(body: dict[str, Any], *, allow_private: bool = False) -> Order:
    """The order in `body`; members that the API doesn't know are ignored, as the vendor's description allows them.

    Raises:
        ApiError: 400, with the name of the member that is wrong.
    """
    said = {}
    for field, path in PLACES.items():
        value = _at(body, field, path)
        if value is not _MISSING:
            said[field] = value
    try:
        order = MotionOrder.parse(said)
    except OrderError as error:
        place = _name(PLACES[error.field])
        said_by_field = error.message.startswith(f"{error.field} ")
        message = place + error.message.removeprefix(error.field) if said_by_field else f"{place}: {error.message}"
        raise invalid_request(message) from None
    for field in ("image_url", "video_url"):
        _check_url(getattr(order, field), _name(PLACES[field]))
    return Order.model_construct(**dict(order), callback_url=_callback(body, allow_private))


_MISSING: Final = object()


def _at(body: dict[str, Any], field: str, path: tuple[str | int, ...]) -> Any:
    """The value at a place of the body, or _MISSING."""
    holder: Any = body
    for depth, step in enumerate(path):
        kind: type[Any] = list if isinstance(step, int) else dict
        if not isinstance(holder, kind):
            raise invalid_request(f"{_name(path[:depth])} must be {KINDS[kind]}.")
        if isinstance(step, int):
            if len(holder) != 1 and (holder or field != "element_id"):
                raise invalid_request(f"{_name(path[:depth])} must hold exactly one value.")
            if not holder:
                return _MISSING
        elif step not in holder:
            left_out = path[: depth + 1]
            if field in REQUIRED and left_out != PLACES["element_id"][:2]:
                raise invalid_request(f"{_name(left_out)} is missing.")
            return _MISSING
        holder = holder[step]
    return holder


def _name(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _check_url(url: str, name: str) -> None:
    try:
        # What is a URL but may not be opened fails the task, not the order: as at the vendor, links are opened later.
        net.checked_url(url, https_only=False)
    except net.Refused as refused:
        if refused.code == "link_malformed":
            raise invalid_request(f"{name}: {refused.message}") from None


def _callback(body: dict[str, Any], allow_private: bool) -> str | None:
    if "callback_url" not in body:
        return None
    url = body["callback_url"]
    if not isinstance(url, str):
        raise invalid_request("callback_url must be a string.")
    if len(url) > CALLBACK_URL_MAX_CHARS:
        raise invalid_request(f"callback_url may have {CALLBACK_URL_MAX_CHARS} characters.")
    try:
        host = net.checked_url(url, https_only=True, allow_private=allow_private).host
    except net.Refused as refused:
        raise invalid_request(f"callback_url: {refused.message}") from None
    if not _may_be_called(host, allow_private):
        raise invalid_request("callback_url leads to a private address.")
    return url


def _may_be_called(host: str, allow_private: bool) -> bool:
    if host == "localhost":
        return allow_private
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True  # a name: judged when it is resolved, just before the connection
    return net.is_public(host) or (allow_private and net.is_loopback(host))
