"""One request on its way in and its answer on its way out."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .doors import Door, Kind
from .headers import HeaderSets
from .received import public_name
from .refusals import CALL_TOO_LARGE, SERVER_ERROR, TOO_LARGE, TOO_SLOW, Refusal, Stop, too_many, unavailable

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

DRAIN_MAX_BYTES = 4 * 1024 * 1024
DRAIN_SECONDS = 1.0
"""What is still read of a body that is refused."""

SERVICE: tuple[Kind, ...] = ("health", "callback")
"""Machines ask these: their answers are plain and never limited by visitor."""


async def drain(receive: Receive) -> None:
    """Read on for a moment: who is cut off in the middle of sending sees a broken line instead of the reason."""
    left_bytes = DRAIN_MAX_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while left_bytes > 0:
                message = await receive()
                left_bytes -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return


class Body:
    """A request's body on its way in: counted, and not waited for without end."""

    def __init__(
        self,
        receive: Receive,
        max_bytes: int,
        seconds: float,
        charge: Callable[[int], float] | None,
        answer: "Answer",
    ) -> None:
        self._receive, self._max_bytes, self._charge, self._answer = receive, max_bytes, charge, answer
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._size_bytes = 0
        self.is_whole = False

    def again(self, whole: bytes) -> Receive:
        """A receive that gives the body, which was read before, and then the rest of the connection."""
        messages = [{"type": "http.request", "body": whole, "more_body": False}]

        async def receive() -> Any:
            return messages.pop() if messages else await self._receive()

        return receive

    async def receive(self) -> Any:
        if self.is_whole:  # what comes now is the end of the connection, which may be long in coming
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise self._stop(TOO_SLOW) from None
        if message["type"] == "http.request":
            size_bytes = len(message.get("body", b""))
            self._size_bytes += size_bytes
            self.is_whole = self._answer.body_is_whole = not message.get("more_body", False)
            if self._size_bytes > self._max_bytes:
                is_call = self._answer.door is not None and self._answer.door.is_call
                raise self._stop(CALL_TOO_LARGE if is_call else TOO_LARGE)
            if self._charge is not None and (wait := self._charge(size_bytes)):
                raise self._stop(too_many(wait))
        return message

    def _stop(self, refusal: Refusal) -> Stop:
        # Whatever the layers below make of the exception, the answer is ours.
        self._answer.refusal = refusal
        return Stop(refusal)


class Answer:
    """An answer on its way out."""

    __slots__ = (
        "_headers",
        "_held",
        "_replaced",
        "_send",
        "_started",
        "body_is_whole",
        "door",
        "files",
        "on_body",
        "refusal",
        "set_cookie",
    )

    def __init__(self, send: Send, headers: HeaderSets, door: Door | None) -> None:
        self._send, self._headers, self.door = send, headers, door
        self._started = False
        self._replaced = False
        self._held: Message | None = None
        """The start of an upload's answer, whose body will be another one."""
        self.set_cookie = ""
        self.body_is_whole = False
        """Whether all of the request has been read."""
        self.refusal: Refusal | None = None
        self.on_body: Callable[[bytes], None] | None = None
        """Hears an answer to a call."""
        self.files = 0
        """How many files an upload's answer names."""

    async def send(self, message: Message) -> None:
        if self.refusal is not None or self._replaced:
            return
        door = self.door
        if message["type"] == "http.response.start":
            if message["status"] >= 500 and door is not None and not _is_for_people(door, message):
                self._replaced = True  # a library's own words stay here
                await self._refuse(SERVER_ERROR if message["status"] == 500 else unavailable(message["status"]))
                return
            self._started = True
            headers = self._headers.dress(door.kind if door else "api", message.get("headers", []))
            if self.set_cookie:
                headers.append((b"set-cookie", self.set_cookie.encode("ascii")))
            message = {**message, "headers": headers}
            if door is not None and door.kind == "upload" and message["status"] == 200:
                self._held = message
                return
        elif self._held is not None:
            names = _public_names(message.get("body", b""))
            self.files = len(names)
            body = json.dumps(names).encode()
            kept = [pair for pair in self._held["headers"] if pair[0].lower() != b"content-length"]
            start = {**self._held, "headers": [*kept, (b"content-length", str(len(body)).encode())]}
            self._held = None
            await self._send(start)
            message = {**message, "body": body}
        elif self.on_body is not None and door is not None and door.is_call:
            self.on_body(message.get("body", b""))
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, unless an answer is already under way (the server then ends the connection)."""
        if not self._started and not self._replaced:
            await self._refuse(refusal)

    async def _refuse(self, refusal: Refusal) -> None:
        self._replaced = True
        body = refusal.body()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refusal.retry_after_seconds:
            headers.append((b"retry-after", str(int(refusal.retry_after_seconds) + 1).encode()))
        if refusal.status in (400, 408, 413):
            headers.append((b"connection", b"close"))
        headers = self._headers.dress("api", headers)
        await self._send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _public_names(body: bytes) -> list[str]:
    """Of the files that an upload brought: Gradio answers with their whole paths on this server, in one piece."""
    return [public_name(Path(path)) for path in json.loads(body)]


def _is_for_people(door: Door, message: Message) -> bool:
    if door.own_errors:
        return (b"content-type", b"application/json") in message.get("headers", ())
    # A provider that can't be reached is told by a page of ours, with the way back on it.
    return door.kind in SERVICE or (door.kind == "signin" and message["status"] == 502)
