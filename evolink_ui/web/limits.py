"""How much somebody may do: often, at once, and in bytes. Every no is a `Stop`."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

from evolink_ui.jobs import JobError

from .doors import Kind
from .exchange import SERVICE
from .rates import Allowance, Rates, Slots
from .refusals import DISK_FULL, Stop, too_many, too_many_files

log = logging.getLogger(__name__)

PEOPLE_PER_ADDRESS = 10
"""Visitors behind one address (an office, a family) that together have as many allowances."""

LOGINS_PER_MINUTE = 10
NEW_VISITORS_PER_HOUR = 600
"""Of one address; further ones stay guests, who share one name and its limits."""

CALLBACKS_PER_MINUTE = 6000
"""The vendor's machines call a few times a job, from few addresses."""

AT_ONCE = 64
"""Open requests of one visitor (streams count); a browser opens six connections per tab."""

AT_ONCE_PER_ADDRESS = 256
"""Of all visitors behind one address together; the server has places for four such addresses."""

UPLOADS_AT_ONCE = 4
BYTES_PER_UPLOAD = 32 * 1024 * 1024
"""What an upload may weigh on average over the hour: a 100 MB video comes with a picture and is not sent hourly."""

PATIENT_REFUSALS_PER_MINUTE = 20
PAUSE_SECONDS = 1.0
PAUSED_AT_ONCE = 200
"""Who goes on after that many refusals waits for each further one: fifty connections then cost 50 answers a second
instead of all that the machine has. Only so many wait at a time, as each holds a connection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The owner's settings, as allowances."""

    requests: Allowance
    uploads: Allowance

    @property
    def upload_bytes(self) -> Allowance:
        """Bytes that may be uploaded in the same time."""
        return Allowance(self.uploads.amount * BYTES_PER_UPLOAD, self.uploads.seconds)


class Meter:
    """Counts for one instance. An `account` is a visitor, or the address of somebody who has no cookie.

    `free_bytes` says how much more may be written to the disk that uploads land on.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        free_bytes: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._free_bytes, self._rates = limits, free_bytes, Rates(clock)
        self._together = limits.requests.times(PEOPLE_PER_ADDRESS)
        at_once = Slots(AT_ONCE)
        self._pools: dict[Kind, tuple[Slots, ...]] = dict.fromkeys(get_args(Kind), (at_once,))
        self._pools["upload"] = (at_once, Slots(UPLOADS_AT_ONCE))
        self._pools.update(dict.fromkeys(SERVICE, ()))
        self._at_address = Slots(AT_ONCE_PER_ADDRESS)
        self._paused = Slots(PAUSED_AT_ONCE)

    def request(self, kind: Kind, account: str, address: str, cost: float) -> None:
        """Count a request."""
        if kind == "health":
            return
        if kind == "callback":
            wait = self._rates.take(f"callbacks {address}", Allowance(CALLBACKS_PER_MINUTE, 60.0))
        else:
            wait = self._rates.take(f"requests {account}", self._limits.requests, cost)
            if not wait and account != address:
                wait = self._rates.take(f"all requests {address}", self._together, cost)
        if wait:
            raise Stop(too_many(wait))

    def may_be_new(self, address: str) -> bool:
        """Count a visitor who is made; False where an address made too many."""
        return not self._rates.take(f"new {address}", Allowance(NEW_VISITORS_PER_HOUR, 3600.0))

    def login(self, address: str) -> None:
        """Count an attempt to log in."""
        wait = self._rates.take(f"logins {address}", Allowance(LOGINS_PER_MINUTE, 60.0))
        if wait:
            raise Stop(too_many(wait))

    def upload(self, account: str, address: str, announced_bytes: int) -> None:
        """Count an upload of at least one file and of as many bytes as it announces."""
        self._judge_room(announced_bytes)
        self._file(account, address, announced_bytes)

    def _judge_room(self, size_bytes: int) -> None:
        if self._free_bytes is not None and self._free_bytes() < size_bytes:
            log.error("files are refused: the disk is nearly full")
            raise Stop(DISK_FULL)

    def _file(self, account: str, address: str, size_bytes: int) -> None:
        for name, factor in ((account, 1), (f"at {address}", PEOPLE_PER_ADDRESS)):
            wait = self._rates.take(f"uploads {name}", self._limits.uploads.times(factor)) or self._rates.take(
                f"bytes {name}", self._limits.upload_bytes.times(factor), size_bytes
            )
            if wait:
                raise Stop(too_many_files(wait))

    def file(self, account: str, address: str, room_bytes: int) -> None:
        """Count a file that comes by another way than an upload, of at most so many bytes."""
        self._judge_room(room_bytes)
        self._file(account, address, 0)

    def came(self, account: str, address: str, size_bytes: int) -> None:
        """Count the bytes of such a file, even into debt: they are known only afterwards."""
        for name, factor in ((account, 1), (f"at {address}", PEOPLE_PER_ADDRESS)):
            self._rates.charge(f"bytes {name}", self._limits.upload_bytes.times(factor), size_bytes)

    def streamed(self, account: str, address: str, size_bytes: int) -> float:
        """Count bytes of an upload that announced none; the seconds to wait where they are too many, else 0."""
        return self._rates.take(f"bytes {account}", self._limits.upload_bytes, size_bytes) or self._rates.take(
            f"bytes at {address}", self._limits.upload_bytes.times(PEOPLE_PER_ADDRESS), size_bytes
        )

    def further_files(self, account: str, number: int) -> None:
        """Count the files of an upload beyond its first, which are known only afterwards."""
        if number > 0:
            self._rates.charge(f"uploads {account}", self._limits.uploads, number)

    @contextmanager
    def at_once(self, kind: Kind, account: str, address: str) -> Iterator[None]:
        """Count a request that is being worked on."""
        pools = [(pool, account) for pool in self._pools[kind]]
        if pools:
            pools.append((self._at_address, address))
        entered: list[tuple[Slots, str]] = []
        try:
            for pool, name in pools:
                if not pool.enter(name):
                    raise Stop(too_many(1.0))
                entered.append((pool, name))
            yield
        finally:
            for pool, name in entered:
                pool.leave(name)

    async def pause(self, account: str) -> None:
        """Let somebody wait who goes on after many refusals."""
        patience = Allowance(PATIENT_REFUSALS_PER_MINUTE, 60.0)
        if self._rates.take(f"refusals {account}", patience) and self._paused.enter(""):
            try:
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._paused.leave("")


@dataclass(frozen=True, slots=True)
class FileQuota:
    """One visitor's share of the uploads, for files that come by another way: `evolink_ui.jobs.quota.Quota`."""

    meter: Meter
    account: str
    address: str

    def take(self, files: int = 1, *, room_bytes: int = 0) -> None:
        """Count files that are about to come, of at most `room_bytes` on the disk. Raises JobError."""
        try:
            for _ in range(files):
                self.meter.file(self.account, self.address, room_bytes)
        except Stop as stop:
            refusal = stop.refusal
            raise JobError(refusal.code, refusal.message, refusal.next_step, status=refusal.status) from None

    def took(self, size_bytes: int) -> None:
        """Count the bytes of a file that came, once they are known."""
        self.meter.came(self.account, self.address, size_bytes)
