"""The httpx clients behind the transport, and the end of every wait on the network."""

import asyncio
import ssl
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import httpx

USER_AGENT = "evolink-ui"

READS_AT_ONCE = 32
"""Reads under way at the same time over one httpx client; further ones queue here. The pool below goes through all of
its queue at every step: a thousand reads waiting inside it keep the loop busy until their connections time out."""

NO_PLAIN_PROXY: dict[str, None] = {"http://": None}
"""Mounts of a client that reaches http:// addresses without the environment's proxy: such a proxy would read the key on
its way to this very machine. Through a tunnel, as https:// goes, it cannot."""

_read_gates: WeakKeyDictionary[httpx.AsyncClient, asyncio.Semaphore] = WeakKeyDictionary()


def is_untrusted(error: BaseException) -> bool:
    """Whether a connection failed because nobody that we trust vouches for the other side's certificate."""
    seen: BaseException | None = error
    for _ in range(10):  # httpx's error, httpcore's, and the system's own behind them
        if seen is None or isinstance(seen, ssl.SSLCertVerificationError):
            break
        seen = seen.__cause__ or seen.__context__
    return isinstance(seen, ssl.SSLCertVerificationError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The end of every wait on the network, in seconds."""

    connect: float = 10.0
    """For a connection; the vendor's hosts answer in well under one."""

    pool: float = 30.0
    """For a free place among our own connections."""

    read: float = 30.0
    """Longest silence while reading; a task read makes the gateway ask the model's provider first."""

    order_read: float = 90.0
    """Longest silence after an order: giving up early leaves its outcome unknown, so patience is cheap."""

    write: float = 60.0
    """Longest time that one piece of an upload may stand still."""

    exchange: float = 240.0
    """Longest whole exchange of small messages, so that an answer that drips has an end."""

    upload: float = 1800.0
    """Longest whole upload: 100 MB at half a megabit per second."""

    download: float = 1800.0
    """Longest whole download, repetitions included."""

    def per_operation(self, read: float | None = None) -> dict[str, float | None]:
        """The same in httpx's words."""
        return {"connect": self.connect, "pool": self.pool, "read": read or self.read, "write": self.write}


class Clients:
    """The httpx clients, made on first use on the running loop, or borrowed and then never closed.

    Both raise RuntimeError once they are closed.
    """

    def __init__(self, http: httpx.AsyncClient | None, downloads: httpx.AsyncClient | None) -> None:
        self._http, self._downloads = http, downloads
        self._own: list[httpx.AsyncClient] = []
        self._closed = False
        self._tls: ssl.SSLContext | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """For the API and files hosts."""
        self._http = self._open(self._http, NO_PLAIN_PROXY)
        return self._http

    @property
    def downloads(self) -> httpx.AsyncClient:
        """For the hosts of results. Never sees the key."""
        self._downloads = self._open(self._downloads, {})
        return self._downloads

    @property
    def read_gate(self) -> asyncio.Semaphore:
        """To be held during a read. One for each httpx client, however many keys share it."""
        return _read_gates.setdefault(self.http, asyncio.Semaphore(READS_AT_ONCE))

    def _open(self, client: httpx.AsyncClient | None, mounts: dict[str, None]) -> httpx.AsyncClient:
        if self._closed or (client is not None and client.is_closed):
            raise RuntimeError("the EvoLink client is closed; nothing was sent")
        return client or self._make(mounts)

    def _make(self, mounts: dict[str, None]) -> httpx.AsyncClient:
        self._tls = self._tls or httpx.create_ssl_context()
        # A connection idle for longer than 5 s is not used again: the server may just be closing it, and an order lost
        # that way would have an unknown outcome.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)
        client = httpx.AsyncClient(
            verify=self._tls, limits=limits, timeout=Timeouts().read, max_redirects=5, mounts=mounts
        )
        self._own.append(client)
        return client

    async def close(self) -> None:
        """Close what was made here."""
        self._closed = True
        while self._own:
            await self._own.pop().aclose()
