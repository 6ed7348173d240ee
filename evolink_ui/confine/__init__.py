"""Confinement of the children that decode strangers' bytes: Landlock for files, seccomp for everything else.

Both are the kernel's own, need no privileges and work in an ordinary container. They go one way and bind one thread
and what it starts, so a child calls `close_off` once: after its imports, before its first thread and its first byte.

Written by hand with ctypes, some 300 lines with the tables, because nothing on PyPI may carry this today (2026-11):
`landlock` is a development release of 2025, `py-landlock`, `landlockpy` and `seccompy` are months old and kept by one
person each, `pyseccomp` rests since 2021 and needs libseccomp, which slim images lack, and `sandlock` (13 MB) runs
programs under a supervisor of its own instead of closing off a process that has done its imports. The kernel's
interface is stable and small; `tests/confine` tries every promise from within.
"""

import os
import sys
import sysconfig
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evolink_ui.confine import landlock, seccomp
from evolink_ui.confine.environment import clean_environment
from evolink_ui.confine.privileges import become_nobody, drop_capabilities, hide_memory


@dataclass(frozen=True, slots=True)
class Support:
    """What this system can take from a process."""

    files: bool
    """All files but those that are named: Landlock."""
    calls: bool
    """Sockets, other processes' memory, attributes of files and so on: seccomp."""
    signals: bool
    """Signals to others, also where a child may start programs: Landlock 6 (Linux 6.12)."""

    @property
    def keeps_secrets(self) -> bool:
        """Whether a child that a file has taken over can neither read, change nor send anything of others."""
        return self.files and self.calls

    def describe(self) -> str:
        """One line for the owner's log."""
        if not self.keeps_secrets:
            missing = [name for name, there in (("Landlock", self.files), ("seccomp", self.calls)) if not there]
            return f"Decoding is limited but not isolated: this system offers no {' and no '.join(missing)}."
        if not self.signals:
            return "Decoding is isolated from files, memory and network, but not from signals (Linux 6.12 has that)."
        return "Decoding is isolated: no files, memory, network or signals of others."


def support() -> Support:
    """What `close_off` will do on this system."""
    version = landlock.version()
    return Support(files=version >= 1, calls=seccomp.is_supported(), signals=version >= 6)


def close_off(
    *,
    read: Iterable[int | Path] = (),
    write: Iterable[Path] = (),
    programs: Iterable[Path] = (),
) -> None:
    """Confine this process and all it starts, for good, as far as this system can.

    What is left is Python's own code, which libraries load in parts, and what is named here.

    Args:
        read: files and folders, or open descriptors of files, that may be opened for reading.
        write: folders in which files may be made, changed and removed.
        programs: the programs that may be started; with them comes reading libraries and what the processor can do.

    Raises OSError where a part fails that `support` promised, RuntimeError where other threads would stay outside.
    """
    if threading.active_count() > 1 or _threads() > 1:
        raise RuntimeError("close_off was called beside other threads")
    programs, found = list(programs), support()
    code = [folder for folder in _code() if folder.is_dir()]
    if read or write or programs or not all(_is_public(folder) for folder in code):
        drop_capabilities()
    else:  # nothing that is still opened has to belong to the user
        become_nobody()
    if found.files:
        rules: list[landlock.Rule] = [(place, landlock.READ) for place in (*read, *code)]
        rules += [(folder, landlock.WRITE) for folder in write]
        if programs:
            rules += [(program, landlock.READ_FILE | landlock.EXECUTE) for program in programs]
            rules += [(path, landlock.READ) for path in (*_LIBRARIES, *_HARDWARE) if path.exists()]
            rules += [(loader, landlock.READ_FILE | landlock.EXECUTE) for loader in _loaders()]
            rules.append((Path(os.devnull), landlock.READ_FILE | landlock.WRITE_FILE))
        landlock.restrict(rules)
    if found.calls:
        seccomp.restrict(may_start_programs=bool(programs))


_HARDWARE = tuple(map(Path, ("/proc/cpuinfo", "/sys/devices/system/cpu")))
_LIBRARIES = tuple(map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")))


def _code() -> list[Path]:
    """The folders that Python imports from, and this package; not the one around it, which may hold .env and data."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    packages = [path for path in sys.path if path.endswith("-packages")]
    return [Path(__file__).resolve().parents[1], *map(Path, {*map(sysconfig.get_path, names), *packages})]


def _is_public(folder: Path) -> bool:
    """Whether every user may read in a folder, by the mode of it and of those around it."""
    return all(place.stat().st_mode & 0o005 == 0o005 for place in (folder, *folder.resolve().parents))


def _loaders() -> list[Path]:
    """The dynamic loader, which the kernel executes for programs that are not linked statically."""
    patterns = ("ld-linux*.so*", "ld-musl*.so*")
    return [path for folder in _LIBRARIES[:2] if folder.is_dir() for name in patterns for path in folder.glob(name)]


def _threads() -> int:
    """Of this process, those of libraries included; 1 where the system doesn't tell."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if sys.platform == "linux" and tasks.is_dir() else 1


__all__ = ["Support", "clean_environment", "close_off", "hide_memory", "support"]
