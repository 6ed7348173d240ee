"""Judging the body of POST /v1/videos/generations: all of the vendor's rules that the text can break."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from evolink_ui import net
from evolink_ui.media import limits

from .errors import invalid_request
from .keys import MODEL

BODY_MAX_BYTES = 1_000_000  # the longest legal order is about 30 kB
CALLBACK_URL_MAX_CHARS = 2048  # the vendor's limit
IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._-]{16,96}")
QUALITIES = ("720p", "1080p")
ORIENTATIONS = ("image", "video")


@dataclass(frozen=True, slots=True)
class Order:
    """One legal order, defaults filled in."""

    image_url: str
    video_url: str
    prompt: str
    quality: str
    orientation: str
    keep_sound: bool = True
    watermark: bool = False
    callback_url: str | None = None

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Order:
        """What `dump` of this or another version gave.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it lacks what every order has.
        """
        kept = json.loads(text)
        return cls(**{name: value for name, value in kept.items() if name in cls.__dataclass_fields__})

    @classmethod
    def unreadable(cls) -> Order:
        """In the place of one that can't be read, in a task that is over."""
        return cls("", "", "", QUALITIES[0], ORIENTATIONS[0])


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
    if body.get("model") != MODEL:
        raise invalid_request(f"model must be '{MODEL}'.")
    params = _member(body, "model_params", dict, required=True)
    orientation = _one_of(params, "character_orientation", ORIENTATIONS, "model_params.", default=None)
    elements = _member(params, "element_list", list, prefix="model_params.") or []
    if len(elements) > 1:
        raise invalid_request("model_params.element_list may hold one element.")
    for element in elements:
        if not isinstance(element, dict) or not isinstance(element.get("element_id"), str):
            raise invalid_request("model_params.element_list must hold objects with a string element_id.")
    if elements and orientation != "video":
        raise invalid_request("model_params.element_list works only with character_orientation 'video'.")
    keep_sound = _member(params, "keep_sound", bool, prefix="model_params.")
    watermark = _member(params, "watermark_info", dict, prefix="model_params.") or {}
    enabled = _member(watermark, "enabled", bool, prefix="model_params.watermark_info.")
    prompt = _member(body, "prompt", str) or ""
    if len(prompt) > limits.PROMPT_MAX_CHARS:
        raise invalid_request(f"prompt may have {limits.PROMPT_MAX_CHARS} characters.")
    return Order(
        image_url=_one_url(body, "image_urls"),
        video_url=_one_url(body, "video_urls"),
        prompt=prompt,
        quality=_one_of(body, "quality", QUALITIES, "", default="720p"),
        orientation=orientation,
        keep_sound=True if keep_sound is None else keep_sound,
        watermark=bool(enabled),
        callback_url=_callback(body, allow_private),
    )


def _member(holder: dict[str, Any], name: str, kind: type[Any], *, prefix: str = "", required: bool = False) -> Any:
    if name not in holder:
        if required:
            raise invalid_request(f"{prefix}{name} is missing.")
        return None
    value = holder[name]
    if not isinstance(value, kind):
        names = {str: "a string", bool: "true or false", list: "an array", dict: "an object"}
        raise invalid_request(f"{prefix}{name} must be {names[kind]}.")
    return value


def _one_of(holder: dict[str, Any], name: str, choices: tuple[str, ...], prefix: str, *, default: str | None) -> str:
    value = holder.get(name, default) if default is not None else holder.get(name)
    if not isinstance(value, str) or value not in choices:
        raise invalid_request(f"{prefix}{name} must be {' or '.join(repr(choice) for choice in choices)}.")
    return value


def _one_url(body: dict[str, Any], name: str) -> str:
    urls = _member(body, name, list, required=True)
    if len(urls) != 1 or not isinstance(urls[0], str):
        raise invalid_request(f"{name} must hold exactly one URL.")
    try:
        # What is a URL but may not be opened fails the task, not the order: as at the vendor, links are opened later.
        net.checked_url(urls[0], https_only=False)
    except net.Refused as refused:
        if refused.code == "link_malformed":
            raise invalid_request(f"{name}: {refused.message}") from None
    return str(urls[0])


def _callback(body: dict[str, Any], allow_private: bool) -> str | None:
    url = _member(body, "callback_url", str)
    if url is None:
        return None
    if len(url) > CALLBACK_URL_MAX_CHARS:
        raise invalid_request(f"callback_url may have {CALLBACK_URL_MAX_CHARS} characters.")
    try:
        host = net.checked_url(url, https_only=True, allow_private=allow_private).host
    except net.Refused as refused:
        raise invalid_request(f"callback_url: {refused.message}") from None
    if not _may_be_called(host, allow_private):
        raise invalid_request("callback_url leads to a private address.")
    return str(url)


def _may_be_called(host: str, allow_private: bool) -> bool:
    if host == "localhost":
        return allow_private
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True  # a name: judged when it is resolved, just before the connection
    return net.is_public(host) or (allow_private and net.is_loopback(host))
