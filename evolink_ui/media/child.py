"""The parent's side of the children: a small pool of warm ones, each ended and replaced when it takes too long."""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from evolink_ui.confine import clean_environment
from evolink_ui.media import limits
from evolink_ui.media.channel import MAX_LINE_BYTES, Sender

MAX_CHILDREN: Final = 2
"""Checks at the same time; each child holds about 80 MB when idle."""
WAIT_FOR_CHILD_SECONDS: Final = 8.0
"""With more people than children a check waits its turn, but not for ever."""
START_SECONDS: Final = 20.0
"""A child that cannot load its libraries in this time will not do so at all."""
WATCH_SECONDS: Final = 0.05
"""How often a late child's processor time is looked at."""
JOBS_PER_CHILD: Final = 500
"""Then it is replaced, so that no library's leak adds up."""
MAX_POSTER_BYTES: Final = 2_000_000


class ChildFailed(Exception):
    """The child ended, took too long or answered nonsense."""


class Busy(Exception):
    """No child became free in time."""


def _processor_seconds(pid: int) -> float | None:
    """Processor time that a process has had so far; None where the system doesn't tell (all but Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


class Child:
    """One child process with a line in and a line out. One job at a time."""

    def __init__(self, module: str = "evolink_ui.media.worker", arguments: tuple[str, ...] = ()) -> None:
        self._sender = Sender()
        try:
            # Its own session, so that a signal can reach it together with whatever it started, and Ctrl-C does not.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=self._sender.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=clean_environment(),
                cwd=os.path.abspath(os.sep),  # noqa: PTH100 - nothing is ever looked up beside the app
                start_new_session=True,
            )
        except BaseException:
            self._sender.close()
            raise
        self._sender.started()
        self.jobs = 0
        self.ready = False

    def kill(self) -> None:
        """End it and everything it started, and wait until it is gone. Never fails."""
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                self.process.kill()
            else:
                os.killpg(self.process.pid, 9)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self._sender.close()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def read_line(self) -> dict[str, Any]:
        """One answer. Raises ChildFailed when there is none."""
        assert self.process.stdout is not None  # noqa: S101 - for the type checker; it is a pipe by construction
        try:
            line = self.process.stdout.readline(MAX_LINE_BYTES)
            message = json.loads(line)
        except (OSError, ValueError) as error:
            raise ChildFailed from error
        if not isinstance(message, dict):
            raise ChildFailed
        return message

    def read_bytes(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises ChildFailed."""
        assert self.process.stdout is not None  # noqa: S101 - see read_line
        if not 0 <= count <= MAX_POSTER_BYTES:
            raise ChildFailed
        data = self.process.stdout.read(count)
        if len(data) != count:
            raise ChildFailed
        return data

    def send(self, request: dict[str, Any], file: BinaryIO) -> None:
        """Hand over a job and the file that it is about. Raises ChildFailed."""
        try:
            self._sender.send(self.process, request, file)
        except (OSError, ValueError) as error:
            raise ChildFailed from error

    def wait_ready(self, seconds: float) -> None:
        """Until it has loaded its libraries. Raises ChildFailed."""
        if not self.ready:
            with self.deadline(seconds):
                self.ready = self.read_line().get("ready") is True
        if not self.ready:
            raise ChildFailed

    @contextlib.contextmanager
    def deadline(self, seconds: float, *, busy_factor: float = 1.0) -> Iterator[None]:
        """Kill the child when the block is not left in time; a read in it then raises ChildFailed.

        With a `busy_factor` above 1 the time is processor time, as long as the wall clock is within that factor.
        """
        left = threading.Event()
        watch = threading.Thread(target=self._watch, args=(left, max(seconds, 0.01), busy_factor), daemon=True)
        watch.start()
        try:
            yield
        finally:
            left.set()

    def _watch(self, left: threading.Event, seconds: float, busy_factor: float) -> None:
        before = _processor_seconds(self.process.pid)
        if left.wait(seconds):
            return
        give_up_at = time.monotonic() + seconds * (busy_factor - 1)
        while time.monotonic() < give_up_at:
            used = _processor_seconds(self.process.pid)
            if before is None or used is None or used - before >= seconds:
                break
            if left.wait(WATCH_SECONDS):
                return
        self.kill()


class Pool:
    """At most `size` warm children, started when first needed and never before."""

    def __init__(self, size: int = MAX_CHILDREN) -> None:
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._owner = os.getpid()
        self._closed = False

    def examine(
        self, request: dict[str, Any], file: BinaryIO, on_facts: Callable[[dict[str, Any]], None]
    ) -> tuple[dict[str, Any], bytes | None]:
        """Let a child do one job with a file; `on_facts` gets what the header said, even when the rest fails.

        Returns what the child found and the poster. Raises ChildFailed or Busy.
        """
        if not self._places.acquire(timeout=WAIT_FOR_CHILD_SECONDS):
            raise Busy
        try:
            started = time.monotonic()
            child = self._take()
            try:
                # A cold start on a busy machine is not the file's fault: it takes at most a quarter of its time.
                child.wait_ready(START_SECONDS)
                left = max(limits.CHECK_SECONDS - (time.monotonic() - started), limits.CHECK_SECONDS * 3 / 4)
                with child.deadline(left, busy_factor=limits.BUSY_FACTOR):
                    child.send({**request, "seconds": left}, file)
                    answer = child.read_line()
                    while "done" not in answer:
                        on_facts(dict(answer.get("facts") or {}))
                        answer = child.read_line()
                    done = answer["done"]
                    count = answer.get("poster_bytes")
                    poster = child.read_bytes(count) if isinstance(count, int) and count else None
                if not isinstance(done, dict):
                    raise ChildFailed
            except BaseException:
                child.kill()
                self._replace()
                raise
            self._give_back(child)
            return done, poster
        finally:
            self._places.release()

    def warm_up(self) -> None:
        """Have one child ready; takes some 0.3 s, so call it in a thread at the start of the app. Never fails."""
        try:
            with self._places:
                child = self._take()
                try:
                    child.wait_ready(START_SECONDS)
                except ChildFailed:
                    child.kill()
                else:
                    self._give_back(child)
        except ChildFailed:
            return  # no process to be had now; the first check will try again

    def close(self) -> None:
        """End all children that are idle; those at work end with their job."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def _take(self) -> Child:
        with self._lock:
            if self._owner != os.getpid():  # after a fork the children belong to the other process
                self._idle, self._owner = [], os.getpid()
            self._closed = False
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    return child
                child.kill()
        try:
            return Child()
        except OSError as error:
            raise ChildFailed from error

    def _give_back(self, child: Child) -> None:
        child.jobs += 1
        if child.jobs >= JOBS_PER_CHILD:
            child.kill()
            self._replace()
            return
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.kill()

    def _replace(self) -> None:
        """Start the next child now: it loads its libraries while nobody waits."""
        with contextlib.suppress(OSError):
            child = Child()
            with self._lock:
                if not self._closed:
                    self._idle.append(child)
                    return
            child.kill()


POOL: Final = Pool()
atexit.register(POOL.close)
