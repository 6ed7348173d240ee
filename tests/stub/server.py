"""The stand-in as a thread with its own event loop and real listening sockets."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal

import httpx

from tests.stub.faults import Fault, Place
from tests.stub.records import Order, Timeline
from tests.stub.vendor import Vendor, as_json
from tests.stub.wire import Request, Response, serve

Door = Literal["api", "files", "results"]

CALLBACK_RETRIES_SECONDS = (1.0, 2.0, 4.0)
"""The vendor's pauses before it calls again."""


class Stub(Vendor):
    """A running stand-in. Use as a context manager, or `start()` and `stop()`.

    Three addresses (`base_url`, `files_url`, `results_url`) with a port each, so that a test sees which host got what;
    with `port` everything on that one.
    """

    def __init__(self, port: int | None = None) -> None:
        super().__init__()
        self.callbacks: list[dict[str, Any]] = []
        """Every call made to an order's callback_url: `url`, `status` (None: not reached), `task`."""
        self.send_callbacks = True
        self.on_order = self._plan_callback
        self._one_port = port
        self._ports: dict[Door, int] = {}
        self._servers: dict[Door, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stub-evolink", daemon=True)

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> "Stub":
        """Open the doors; returns once they are open."""
        self._thread.start()
        doors: tuple[Door, ...] = ("api",) if self._one_port is not None else ("api", "files", "results")
        for door in doors:
            self.open_door(door)
        for name in self.addresses:
            door = "api" if self._one_port is not None else name  # type: ignore[assignment]
            self.addresses[name] = f"http://127.0.0.1:{self._ports[door]}"
        return self

    def stop(self) -> None:
        """Close everything; returns once it is closed."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> "Stub":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _shut(self) -> None:
        for server in self._servers.values():
            server.close()
        pending = [*self._connections, *self._errands]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    # -- doors -----------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The API host."""
        return self.addresses["api"]

    @property
    def files_url(self) -> str:
        """The files host."""
        return self.addresses["files"]

    @property
    def results_url(self) -> str:
        """The host of results."""
        return self.addresses["results"]

    def open_door(self, door: Door) -> None:
        """Listen (again), on the same port as before."""
        asyncio.run_coroutine_threadsafe(self._open(door), self._loop).result(10)

    def close_door(self, door: Door) -> None:
        """Stop listening and drop every open connection: connections are refused until `open_door`."""
        asyncio.run_coroutine_threadsafe(self._close(door), self._loop).result(10)

    @contextlib.contextmanager
    def closed(self, door: Door) -> Iterator[None]:
        """Connections are refused inside the block."""
        self.close_door(door)
        try:
            yield
        finally:
            self.open_door(door)

    async def _open(self, door: Door) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
            with contextlib.suppress(asyncio.CancelledError):
                await serve(door, reader, writer, self._answer, self._fault)

        port = self._ports.get(door, self._one_port or 0)
        server = await asyncio.start_server(
            connected, "127.0.0.1", port, limit=256 * 1024, backlog=2048, family=socket.AF_INET
        )
        self._servers[door] = server
        self._ports[door] = server.sockets[0].getsockname()[1]

    async def _close(self, door: Door) -> None:
        self._servers.pop(door).close()
        pending = list(self._connections)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    # -- what a test asks and orders -------------------------------------------------------------------------------

    @property
    def paid(self) -> int:
        """How many tasks were created and paid."""
        return len(self.orders)

    def fail(self, place: Place, *faults: Fault, times: int = 1) -> None:
        """Let the next requests at a place go wrong, one fault each, the whole row `times` times."""
        self.faults[place].extend(faults * times)

    def requests(self, place: str) -> int:
        """How many requests arrived at a place."""
        return sum(seen.place == place for seen in self.seen)

    def call_back(self, order: Order) -> None:
        """Call the order's callback_url now, as if its task had ended."""
        asyncio.run_coroutine_threadsafe(self._call_back(order, 0.0), self._loop).result(30)

    def state(self) -> dict[str, Any]:
        """Everything that happened, as plain JSON."""
        return {
            "base_url": self.base_url,
            "files_url": self.files_url,
            "results_url": self.results_url,
            "paid": self.paid,
            "orders": [
                {"task_id": o.task_id, "key": o.key, "api_key": o.api_key, "body": o.body, "looks": o.looks}
                for o in self.orders
            ],
            "requests": [{"place": s.place, "method": s.method, "path": s.path, "at": s.at} for s in self.seen],
            "files": [
                {"file_id": f.file_id, "name": f.name, "size": f.size, "sha256": f.sha256, "deleted": f.deleted}
                for f in self.files.values()
            ],
            "callbacks": self.callbacks,
        }

    def set(self, **values: Any) -> None:
        """Change settings by name, as the control address does; `timeline` may be a plain dictionary."""
        for name, value in values.items():
            if name.startswith("_") or not hasattr(self, name):
                raise ValueError(f"the stand-in has no setting {name}")
            if name == "timeline" and isinstance(value, dict):
                value = Timeline(**value)
            if name == "keys" and value is not None:
                value = set(value)
            setattr(self, name, value)

    def reset(self) -> None:
        """Forget orders, requests, files and faults; keep the addresses and settings."""
        for memory in (self.orders, self.elsewhere, self.seen, self.files, self.faults, self.callbacks):
            memory.clear()

    # -- inside the loop -------------------------------------------------------------------------------------------

    def _fault(self, request: Request) -> Fault | None:
        return None if request.path.startswith("/_stub/") else self.fault_for(request)

    async def _answer(self, request: Request) -> Response:
        return self._control(request) if request.path.startswith("/_stub/") else await self.handle(request)

    def _control(self, request: Request) -> Response:
        body = json.loads(request.body or b"{}")
        match request.path.removeprefix("/_stub/"):
            case "fail":
                self.fail(body["place"], *map(Fault.from_dict, body["faults"]), times=body.get("times", 1))
            case "set":
                self.set(**body)
            case "reset":
                self.reset()
            case "state":
                return as_json(self.state())
            case _:
                return as_json({"error": "unknown control address"}, status=404)
        return as_json({"ok": True})

    def _plan_callback(self, order: Order) -> None:
        if self.send_callbacks and order.body.get("callback_url"):
            errand = self._loop.create_task(self._call_back(order, order.timeline.seconds))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    async def _call_back(self, order: Order, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        url, task = order.body["callback_url"], self.look(order)
        # A test's own https address has a certificate that nobody vouches for.
        async with httpx.AsyncClient(verify=False, timeout=10, trust_env=False) as client:  # noqa: S501
            for pause in (*CALLBACK_RETRIES_SECONDS, None):
                status: int | None = None
                with contextlib.suppress(httpx.HTTPError):
                    status = (await client.post(url, json=task)).status_code
                self.callbacks.append({"url": url, "status": status, "task": task})
                if (status is not None and 200 <= status < 300) or pause is None:
                    return
                await asyncio.sleep(pause)
