"""What may be repeated, and after how long. Pure decisions: no clock, no chance, no I/O.

Two policies, by what a repetition can cost. The paid order goes out once and is repeated only where it certainly did
nothing. Everything else is free to ask again and is asked again through every passing fault.
"""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

ORDER_PATIENCE_SECONDS = 600.0
"""How long an order that EvoLink has not taken is offered again: ten minutes outlast a rate window and a restart."""

READ_PATIENCE_SECONDS = 180.0
"""How long one read is repeated where nobody follows: a gateway's restart takes a minute or two."""

NOT_FOUND_GRACE_SECONDS = 60.0
"""A task just created may not be known on every machine of the vendor; one minute covers any such delay."""

UPLOAD_ATTEMPTS = 4
"""Uploads are free but large: three repetitions, then the person decides."""

DOWNLOAD_ATTEMPTS = 6
"""Fruitless attempts in a row at a result; the count starts again whenever bytes arrived."""

FIRST_WAIT_SECONDS = 2.0
"""First pause where nobody names one; doubles from there."""

LONGEST_WAIT_SECONDS = 60.0
"""Longest single pause of a read or upload: a person watches."""

SHORTEST_WAIT_SECONDS = 1.0
"""`Retry-After: 0` must not become a storm."""


class Fault(Enum):
    """How an exchange ended without a whole answer."""

    NEVER_SENT = "never_sent"
    """No connection: refused, time-out while connecting, or no free place in the pool. Not a byte was delivered."""

    UNTRUSTED = "untrusted"
    """No connection: nobody that we trust vouches for the host's certificate. Not a byte was delivered, and no waiting
    changes it."""

    TIMED_OUT = "timed_out"
    """Connected, and then silence."""

    LOST = "lost"
    """The connection broke, before or after the server did its work: it can't be told which."""


class Verdict(Enum):
    """What to do with one exchange."""

    ACCEPT = "accept"
    REPEAT = "repeat"
    REFUSED = "refused"
    UNKNOWN = "unknown"


ORDER_REFUSALS = frozenset({
    300, 301, 302, 303, 305, 307, 308,  # a wrong base URL; a redirect after work done names what it made, see below
    400, 401, 402, 403, 404, 405, 410, 411, 413, 414, 415, 421, 422, 431, 451,
})  # fmt: skip
"""Statuses that say in so many words that the order was not taken. Not among them: 304 (some cache's word about an
answer that we never had), 406 (said of an answer, which may exist), 408 and 425 (of a connection), 409 (of a state)."""

REPLACED_STATUSES = frozenset({403})
"""Statuses that firewalls put, with a page of their own, in the place of an answer which they hold back."""

REQUEST_STATUSES = frozenset({405, 411, 413, 414, 415, 431})
"""Refusals of a request's form or size. They hold for every repetition, whoever answers."""

MONEY_CODES = frozenset({
    "insufficient_quota", "insufficient_user_quota", "quota_not_enough", "insufficient_token_quota",
    "token_daily_quota_exceeded", "account_balance_insufficient", "key_quota_exhausted", "key_daily_quota_exhausted",
})  # fmt: skip
"""Codes that no waiting of minutes cures, whatever status carries them."""


def judge_order(
    status: int | None,
    code: str | None,
    *,
    fault: Fault | None = None,
    paced: bool = False,
    is_foreign: bool = False,
    names_task: bool = False,
) -> Verdict:
    """Decide about the paid POST. A 2xx is accepted here; the caller still has to find a task id in it.

    `paced`: the answer names a Retry-After. `is_foreign`: it has nothing of EvoLink's,
    as a firewall's page. `names_task`: a task id
    that the order did not hold stands somewhere in it.
    """
    if fault is not None or status is None:
        if fault is Fault.UNTRUSTED:
            return Verdict.REFUSED
        return Verdict.REPEAT if fault is Fault.NEVER_SENT else Verdict.UNKNOWN
    if code == "paid_outcome_unknown":
        return Verdict.UNKNOWN
    if 200 <= status < 300:
        return Verdict.ACCEPT
    # Where the answer names a task, there is one, whatever the status says: a redirect to what the order made, a
    # conflict with its first copy, an error after the work. To call that free, or to repeat it, could pay twice.
    if names_task:
        return Verdict.UNKNOWN
    if status == 429:
        return Verdict.REFUSED if code in MONEY_CODES and not paced else Verdict.REPEAT
    # A foreign refusal comes from whatever stands before EvoLink (an edge, a proxy, a wrong host), which judges a
    # request before it passes it on: no order. The one exception is a filter that lets the request through and holds
    # back the *answer*; those say 403. Behind such a page may stand a task.
    if is_foreign and status in REPLACED_STATUSES:
        return Verdict.UNKNOWN
    if status in ORDER_REFUSALS or (status == 409 and code == "idempotency_conflict"):
        return Verdict.REFUSED
    return Verdict.UNKNOWN


def judge_read(
    status: int | None,
    *,
    usable: bool,
    seconds_since_start: float = math.inf,
    fault: Fault | None = None,
    is_page: bool = False,
) -> Verdict:
    """Decide about anything that is free to repeat. `usable`: the body is what was asked for; `seconds_since_start`:
    how long this task has been asked for, inside the grace of a 404; `is_page`: not EvoLink answered, but something
    before it, which may pass."""
    if fault is Fault.UNTRUSTED:
        return Verdict.REFUSED
    if status is None:
        return Verdict.REPEAT
    if 200 <= status < 300:
        return Verdict.ACCEPT if usable else Verdict.REPEAT
    if is_page and status not in REQUEST_STATUSES:
        return Verdict.REPEAT
    if status == 404:
        return Verdict.REPEAT if seconds_since_start < NOT_FOUND_GRACE_SECONDS else Verdict.REFUSED
    if status < 400 or status in (408, 425, 429) or status >= 500:
        return Verdict.REPEAT
    return Verdict.REFUSED


def backoff_seconds(attempt: int, *, longest: float = LONGEST_WAIT_SECONDS) -> float:
    """2, 4, 8 ... seconds for attempt 1, 2, 3 ..., at most `longest`."""
    return min(longest, FIRST_WAIT_SECONDS * 2.0 ** min(30, max(0, attempt - 1)))


def order_wait_seconds(attempt: int, told: float | None) -> float:
    """Pause before the order is offered again: as told, or 2, 4, 8 ... seconds."""
    return backoff_seconds(attempt) if told is None else max(SHORTEST_WAIT_SECONDS, told)


def read_wait_seconds(
    attempt: int, told: float | None, chance: float, *, floor: float = SHORTEST_WAIT_SECONDS
) -> float:
    """Pause before a read is repeated: as told but at most a minute, or growing, spread by `chance` (0 to 1) over its
    upper half so that followers do not return all at once. Never below `floor`, the shortest distance of two looks."""
    if told is not None:
        return max(floor, min(LONGEST_WAIT_SECONDS, told))
    return max(floor, backoff_seconds(attempt) * (0.5 + 0.5 * chance))


def retry_after_seconds(header: str | None, *, date: str | None, now: float) -> float | None:
    """Read Retry-After, in seconds from now; None where there is none that makes sense.

    A date is measured from the answer's own `Date` where it has one, so that our clock's error does not matter;
    `now` is seconds since 1970.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        until = _epoch(header)
        if until is None:
            return None
        seconds = until - (_epoch(date) or now)
        return max(0.0, seconds)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _epoch(text: str | None) -> float | None:
    try:
        date = parsedate_to_datetime(text) if text else None
        if date is None:
            return None
        # One of the three forms that HTTP allows names no zone: it is UTC, not ours.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
