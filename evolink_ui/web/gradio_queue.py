"""What Gradio's queue keeps and does for each call, and how it is kept small. Written for the pinned version; tests
hold it."""

import sys
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig
from gradio.queueing import Queue

SESSIONS_MAX = 16
"""Gradio copies the page's tables for every session that calls, so that `gr.State` and changed components have a
place. This page has neither, so a session that is forgotten is made again and nothing is lost."""


class _OfPage(BlocksConfig):
    """The page itself, whose copies for calls and sessions are `_OfSession`."""

    def __copy__(self) -> BlocksConfig:
        copied: BlocksConfig = super().__copy__()  # type: ignore[no-untyped-call]
        copied.__class__ = _OfSession
        return copied


class _OfSession(BlocksConfig):
    """A session's copy of the page without its description of every component, which only deep links use (closed
    here). For each call, also the smallest, it took 5 ms in the event loop, half of all that the loop did under load,
    and 200 KB."""

    @staticmethod
    def config_for_block(*_args: Any, **_more: Any) -> dict[str, Any]:
        """Nothing."""
        return {}


def bound(page: gr.Blocks) -> None:
    """Set the page's limits, before it is mounted."""
    page.state_session_capacity = SESSIONS_MAX
    page.default_config.__class__ = _OfPage
    queue = page._queue  # the one object that has these numbers
    # Every call would write a table of all calls' times for a monitoring page, which is closed.
    queue.ANALYTICS_MAX_EVENTS = 1
    queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize


class QueuedAnswers:
    """Answers of queued calls: `unread.Answers`."""

    def __init__(self, page: gr.Blocks) -> None:
        self._page = page

    def session_of(self, event_id: str, named: object) -> str | None:
        """The session in which a call's answer awaits its reader; None where it was read already."""
        # A call of /call without a session has one of its own, named like the event.
        return next(
            (name for name in (event_id, named) if isinstance(name, str) and self.is_unread(event_id, name)), None
        )

    def is_unread(self, event_id: str, session: str) -> bool:
        """Whether the answer of a call is still to come or to be fetched."""
        return event_id in self._queue.pending_event_ids_session.get(session, ())

    def drop(self, event_id: str, session: str) -> None:
        """Forget what is kept of a call, and its session where nothing else is awaited there."""
        queue = self._queue
        event = queue.event_ids_to_events.pop(event_id, None)
        if event is not None:
            event.alive = False  # while it runs on, it sends nothing any more
            line = queue.event_queue_per_concurrency_id.get(event.concurrency_id)
            if line is not None and event in line.queue:
                line.queue.remove(event)
        pending = queue.pending_event_ids_session.get(session, set())
        pending.discard(event_id)
        if not pending:  # Gradio itself keeps the empty set for ever
            queue.pending_event_ids_session.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)
            return
        messages = queue.pending_messages_per_session.get(session)
        if messages is not None:
            kept = [messages.get_nowait() for _ in range(messages.qsize())]
            for message in kept:
                if message.event_id != event_id:
                    messages.put_nowait(message)

    @property
    def _queue(self) -> Queue:
        return self._page._queue
