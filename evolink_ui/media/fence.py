"""The limits a child puts on itself before it touches a stranger's bytes. Each degrades to nothing where unknown."""

import os
import signal
import sys
import threading
import time
from typing import Final

from evolink_ui.media import limits

CLOCK_GRACE_SECONDS: Final = 2.0
"""A child that is still at one job so long after its deadline ends itself, should its parent be gone."""
LOOK_AT_PARENT_SECONDS: Final = 0.5


def shut_doors() -> int:  # pragma: no cover - would shut those of the tests
    """Keep the real standard output for answers, give everybody else the void; return its descriptor."""
    answers = os.dup(1)
    void = os.open(os.devnull, os.O_RDWR)
    os.dup2(void, 1)
    os.dup2(void, 2)
    os.set_inheritable(answers, False)
    return answers


def limit_memory(
    address_space_bytes: int = limits.CHILD_ADDRESS_SPACE_BYTES, data_bytes: int = limits.CHILD_DATA_BYTES
) -> None:
    """No more address space and no more private memory than this, no core dumps."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":  # macOS refuses or ignores it
        _lower(resource.RLIMIT_AS, address_space_bytes)
        _lower(resource.RLIMIT_DATA, data_bytes)


def limit_writing(file_bytes: int) -> None:
    """No file may grow beyond this; 0 means that nothing can be written at all."""
    if sys.platform == "win32":
        return
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _lower(resource.RLIMIT_FSIZE, file_bytes)


class ParentWatch:
    """While a job runs nobody reads our input, so its end would go unnoticed: look twice a second who our parent is."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._busy = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def job_begins(self) -> None:
        """From now on, end when the parent is gone."""
        self._busy.set()

    def job_ends(self) -> None:
        """The end of our input tells us again."""
        self._busy.clear()

    def _watch(self) -> None:
        while self._busy.wait():
            if os.getppid() != self._parent:
                end_family()
            time.sleep(LOOK_AT_PARENT_SECONDS)


def end_family() -> None:  # pragma: no cover - would end the tests
    """End this process and what it started, at once."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():  # ours alone: the parent started us in a new session
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def die_with_parent() -> None:
    """To be called between fork and exec, from a main thread: the kernel ends the new process when we end (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def start_clock(seconds: float) -> None:
    """End this process, whatever it is doing, `seconds` from now; 0 stops the clock."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _lower(which: int, value: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def hide_dotenv() -> None:
    """MoviePy's import reads a .env file found upwards into the environment; a child must not hold the keys in it."""
    sys.modules["dotenv"] = None  # type: ignore[assignment]  # the documented way to make an import fail
