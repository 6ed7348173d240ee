"""Bounds on answers that nobody fetched. Gradio keeps what a queued call answered until its event stream is read.

A call whose answer would be one too many is refused and not carried out, so that no answer that was given is lost:
it may be an order's. What is still unread after `KEEP_SECONDS` is dropped. For one event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from .limits import PEOPLE_PER_ADDRESS
from .refusals import Refusal, Stop
from .streams import Accounts

UNREAD_PER_VISITOR = 32
"""Answers at the same time, also of calls that still run. A client reads one after the other; an answer has some KB."""

UNREAD_IN_ALL = 2_000
"""As many event streams as Gradio keeps itself."""

KEEP_SECONDS = 300.0
"""A client fetches within a second; a link that is fetched meanwhile takes two minutes at most."""

TOO_MANY_UNREAD = Refusal(
    429,
    "too_many_unread",
    f"You have {UNREAD_PER_VISITOR} answers waiting to be fetched. This call was not carried out.",
    "Read their event streams first (GET /gradio_api/call/NAME/EVENT_ID).",
    10.0,
)
BUSY = Refusal(503, "busy", "The server is busy. This call was not carried out.", "Try again in 30 seconds.", 30.0)


class Answers(Protocol):
    """Where the answers are kept."""

    def session_of(self, event_id: str, named: object) -> str | None:
        """The session in which a call's answer awaits its reader; None where it was read already.

        `named`: what the call itself gave as its session.
        """

    def is_unread(self, event_id: str, session: str) -> bool:
        """Whether the answer of a call is still to come or to be fetched."""

    def drop(self, event_id: str, session: str) -> None:
        """Forget what is kept of a call, and its session where nothing else is awaited there."""


class Unread:
    """Counts the unread answers of each visitor and address."""

    def __init__(self, answers: Answers, *, later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._answers, self._later = answers, later
        self._events: dict[str, dict[str, tuple[str, str]]] = {}
        """Of each account, event id to address and session."""
        self._asked: Counter[str] = Counter()
        """Of each account, places of calls that were let in and have not begun."""
        self._at_address: Counter[str] = Counter()
        self._in_all = 0

    def admit(self, accounts: Accounts) -> Callable[[], None]:
        """Judge a call that would be queued, and keep a place for its answer, lest calls that come together all find
        the same place free. What it gives returns the place: when the call begins, or when it comes to nothing.

        Raises Stop.
        """
        account, address = accounts
        self.settle(accounts)
        too_many = len(self._events.get(account, ())) + self._asked[account] >= UNREAD_PER_VISITOR
        if too_many or self._at_address[address] >= UNREAD_PER_VISITOR * PEOPLE_PER_ADDRESS:
            raise Stop(TOO_MANY_UNREAD)
        if self._in_all >= UNREAD_IN_ALL:
            raise Stop(BUSY)
        self._asked[account] += 1
        self._count(address, 1)
        kept = [account]

        def give_back() -> None:
            if kept:
                kept.clear()
                self._asked[account] -= 1
                if self._asked[account] <= 0:
                    del self._asked[account]
                self._count(address, -1)

        return give_back

    def began(self, event_id: str, named: object, accounts: Accounts) -> None:
        """Count a call that was queued; `named` is the session that it gave, if any."""
        session = self._answers.session_of(event_id, named)
        if session is None:
            return
        account, address = accounts
        self._events.setdefault(account, {})[event_id] = (address, session)
        self._count(address, 1)
        later = self._later or asyncio.get_running_loop().call_later
        later(KEEP_SECONDS, lambda: self._drop(event_id, account))

    def settle(self, accounts: Accounts) -> None:
        """Stop counting what was read meanwhile, by a visitor or before it had its cookie."""
        for account in accounts:
            for event_id, (_, session) in list(self._events.get(account, {}).items()):
                if not self._answers.is_unread(event_id, session):
                    self._drop(event_id, account)

    def _drop(self, event_id: str, account: str) -> None:
        events = self._events.get(account, {})
        if event_id not in events:
            return
        address, session = events.pop(event_id)
        self._answers.drop(event_id, session)
        if not events:
            del self._events[account]
        self._count(address, -1)

    def _count(self, address: str, change: int) -> None:
        self._in_all += change
        self._at_address[address] += change
        if self._at_address[address] <= 0:
            del self._at_address[address]
