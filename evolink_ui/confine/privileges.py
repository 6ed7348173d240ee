"""What a process is to the others of its user: its memory readable or not, its capabilities, its user."""

import contextlib
import ctypes
import os
import sys
from typing import Final

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 4, 38, 24
_CAPABILITY_VERSION_3: Final = 0x20080522
_DAC_OVERRIDE: Final = 1
"""CAP_DAC_OVERRIDE is kept: as root the app may work in a folder of another user, which only this capability opens."""
_NEEDED: Final = 1 << 5 | 1 << 6 | 1 << 7
"""CAP_KILL, CAP_SETGID, CAP_SETUID: without the first, the parent could not end a child of another user."""
_MAX_CAPABILITIES: Final = 64

_FIRST_UID, _UIDS = 61_184, 4_336
"""61184 to 65519: set aside by systemd for users that exist only while a program runs (systemd.exec, DynamicUser)."""


def forbid_new_privileges() -> None:
    """No program started from here gains rights by its owner or capabilities. Raises OSError."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """Nobody but root with all capabilities reads this process's memory, environment and descriptors in /proc.

    The price: debuggers and profilers of the same user can't attach, and there are no core dumps. Linux only.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _prctl(_PR_SET_DUMPABLE, 0)


def drop_capabilities() -> None:
    """Leave root without its powers, but for reaching files of other users. Nothing changes for anybody else.

    Children that open files by their names stay root: as another user they could not open an upload of mode 0600 again,
    as FFmpeg must, nor write beside the app's files, without changing owner and mode of both. Raises OSError.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_MAX_CAPABILITIES):
        if capability != _DAC_OVERRIDE:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that don't exist or are dropped already
    kept = _held() & (1 << _DAC_OVERRIDE)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _held() -> int:
    """The effective capabilities of this process among the first 32, as bits."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    return int(held[0]) if ctypes.CDLL(None, use_errno=True).capget(header, held) == 0 else 0


def become_nobody() -> None:
    """As root: go on as a user whom no other process has, without groups. Nothing changes where that can't be.

    For processes that open no file any more. Containers without CAP_SETUID or with few users stay as they are.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    if _held() & _NEEDED != _NEEDED:
        return
    uid = _FIRST_UID + os.getpid() % _UIDS
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")
