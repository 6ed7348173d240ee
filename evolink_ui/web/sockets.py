"""One HTTP connection: uvicorn's own, with the ends that it lacks. Without them a few hundred idle connections of one
machine would fill all places: uvicorn waits for a request's head, and for a reader, as long as they like."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .doors import UPLOAD_MAX_BYTES
from .limits import PAUSE_SECONDS
from .origin import household
from .rates import Allowance, Rates

HEAD_SECONDS = 20.0
"""From the first byte, or the beginning of a connection, to a whole request head; a phone on a poor line takes 3."""

STALLED_SECONDS = 120.0
"""How long an answer waits for its reader to take some more of it. A player that paused asks again for the rest."""

CONNECTIONS_PER_ADDRESS = 200
"""Open at once. A browser opens six a site; an office behind one address needs some more."""


UNREAD_BODY_MAX_BYTES = UPLOAD_MAX_BYTES
UNREAD_BODY_SECONDS = 120.0
"""What is still taken of a request's body after its answer. A browser that is cut off in the middle of a large upload
shows a broken line instead of the answer, so an upload may be sent to its end; nothing may be sent without end."""

MALFORMED_PER_MINUTE = 20
"""Of one address, before it waits for each refusal."""


def connection_class(is_proxy: Callable[[str], bool]) -> type[H11Protocol]:
    """The protocol for `uvicorn.run(http=…)`. A proxy speaks for many, so its connections aren't counted."""
    opened: Counter[str] = Counter()
    rates = Rates()

    class Connection(H11Protocol):
        _counted_as: str | None = None
        _head_timer: asyncio.TimerHandle | None = None
        _stall_timer: asyncio.TimerHandle | None = None
        _body_timer: asyncio.TimerHandle | None = None
        _unread_bytes = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            peer = self.client[0] if self.client else ""
            if not is_proxy(peer):
                self._counted_as = household(peer)
                opened[self._counted_as] += 1
                if opened[self._counted_as] > CONNECTIONS_PER_ADDRESS:
                    transport.abort()
                    return
            self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_wait_for_head()
            self._end_stall()
            self._end_body()
            if self._counted_as is not None:
                opened[self._counted_as] -= 1
                if opened[self._counted_as] <= 0:
                    del opened[self._counted_as]
                self._counted_as = None
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._body_timer is not None:  # uvicorn itself throws away what comes, as long as it comes
                self._unread_bytes += len(data)
                if self._unread_bytes > UNREAD_BODY_MAX_BYTES:
                    self.transport.abort()
                    return
            super().data_received(data)
            if self.conn.their_state is not h11.SEND_BODY:
                self._end_body()
            if self.conn.their_state is h11.IDLE:
                self._wait_for_head()
            else:
                self._end_wait_for_head()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.conn.their_state is h11.SEND_BODY and self._body_timer is None:
                self._unread_bytes = 0
                self._body_timer = self.loop.call_later(UNREAD_BODY_SECONDS, self.transport.abort)

        def send_400_response(self, msg: str) -> None:
            """What is no HTTP never reaches the guard; who sends much of it waits here as there, a proxy included."""
            name = household(self.client[0]) if self.client else ""
            if not rates.take(name, Allowance(MALFORMED_PER_MINUTE, 60.0)):
                super().send_400_response(msg)
                return
            self.transport.pause_reading()
            self.loop.call_later(PAUSE_SECONDS, self._refuse_late, msg)

        def _refuse_late(self, msg: str) -> None:
            if not self.transport.is_closing():
                super().send_400_response(msg)

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._stall_timer is None:
                self._stall_timer = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._end_stall()

        def _wait_for_head(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

        def _end_wait_for_head(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _end_body(self) -> None:
            if self._body_timer is not None:
                self._body_timer.cancel()
                self._body_timer = None

        def _end_stall(self) -> None:
            if self._stall_timer is not None:
                self._stall_timer.cancel()
                self._stall_timer = None

    return Connection
