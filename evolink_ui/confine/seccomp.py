"""A seccomp filter: which system calls a confined process may make (Linux on x86_64 and arm64).

A list of what is denied, not of what is allowed: the codecs, OpenCV and ONNX Runtime use other calls with every
version, and files are Landlock's part. Calls newer than the list are answered with ENOSYS, so that a later kernel opens
nothing. What is denied gives EPERM, which libraries handle like any other error.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

from evolink_ui.confine import syscalls
from evolink_ui.confine.privileges import forbid_new_privileges

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column in `syscalls`, and AUDIT_ARCH_*."""

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

_CLONE_THREAD: Final = 0x00010000
_CLONE_NAMESPACES: Final = 0x7E020080
_FCNTL_SIGNALS: Final = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: let the kernel send a signal to any process of the same user."""
_IOCTL_SIGNALS: Final = (0x8901, 0x8902, 0x5412)
"""FIOSETOWN, SIOCSPGRP: the same; TIOCSTI: types into a terminal."""

_SECCOMP_SET_MODE_FILTER, _SECCOMP_GET_ACTION_AVAIL = 1, 2
_SECCOMP_FILTER_FLAG_TSYNC: Final = 1
_SECCOMP_NUMBERS: Final = (317, 277)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def is_supported() -> bool:
    """Whether this kernel takes filters and this architecture's numbers are known."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    column, _ = _ARCHITECTURES[platform.machine()]
    action = ctypes.c_uint32(_ERRNO)
    return _seccomp(column, _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0


def restrict(*, may_start_programs: bool) -> None:
    """Filter the system calls of this process and of all that it starts, for good.

    may_start_programs: whether it may fork and exec; which file may be executed is Landlock's part. Without it the
    process may signal itself alone. Raises OSError.
    """
    column, architecture = _ARCHITECTURES[platform.machine()]
    program = _assemble(column, architecture, may_start_programs=may_start_programs, pid=os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    whole = _Program(len(program) // 8, ctypes.addressof(buffer))
    forbid_new_privileges()
    if _seccomp(column, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(whole)) != 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _seccomp(column: int, operation: int, flags: int, argument: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    number, whole = ctypes.c_long(_SECCOMP_NUMBERS[column]), (ctypes.c_long(operation), ctypes.c_long(flags))
    return int(libc.syscall(number, *whole, argument))


def _assemble(column: int, architecture: int, *, may_start_programs: bool, pid: int) -> bytes:
    deny, unknown = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS

    def number(name: str) -> int | None:
        return syscalls.BY_ARGUMENT[name][column]

    blocks = [
        _step(_LOAD, _ARCHITECTURE_AT) + _step(_EQUAL, architecture, 1, 0) + _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD, _NUMBER_AT),
        # Newer than the list, and all of x32, x86_64's second interface, whose numbers begin at 2^30.
        _step(_AT_LEAST, syscalls.NEWEST + 1, 0, 1) + _step(_RETURN, unknown),
        _when(number("clone3"), _step(_RETURN, unknown)),  # its flags are out of reach; libraries fall back to clone
    ]
    denied = [
        numbers[column]
        for table in (
            syscalls.SOCKETS,
            syscalls.PROCESSES,
            syscalls.FILE_ATTRIBUTES,
            syscalls.SHARED_OBJECTS,
            syscalls.DANGEROUS,
            syscalls.ADMINISTRATION,
        )
        for numbers in table.values()
    ]
    if may_start_programs:
        blocks.append(_when(number("clone"), _argument(0) + _deny_if(_ANY_BIT, _CLONE_NAMESPACES)))
    else:
        denied += [number(name) for name in ("fork", "vfork", "execve")]
        blocks.append(_when(number("clone"), _argument(0) + _allow_if(_ANY_BIT, _CLONE_THREAD)))
        blocks += [_when(number(name), _argument(0) + _allow_if(_EQUAL, pid, 0)) for name in ("kill", "tgkill")]
    for name in ("prlimit64", "sched_setaffinity"):  # 0 is the process itself
        blocks.append(_when(number(name), _argument(0) + _allow_if(_EQUAL, 0, pid)))
    blocks.append(_when(number("fcntl"), _argument(1) + b"".join(_deny_if(_EQUAL, each) for each in _FCNTL_SIGNALS)))
    blocks.append(_when(number("ioctl"), _argument(1) + b"".join(_deny_if(_EQUAL, each) for each in _IOCTL_SIGNALS)))
    blocks += [_when(each, _step(_RETURN, deny)) for each in denied]
    return b"".join(blocks) + _step(_RETURN, _ALLOW)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction (`struct sock_filter`); jumps count instructions from the next one on."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _when(number: int | None, block: bytes) -> bytes:
    """The block for one system call; it ends in a verdict and needs the number in the accumulator before."""
    if number is None:
        return b""
    block += b"" if _ends(block) else _step(_RETURN, _ALLOW)
    return _step(_EQUAL, number, 0, len(block) // 8) + block


def _ends(block: bytes) -> bool:
    return struct.unpack("=HBBI", block[-8:])[0] == _RETURN and len(block) == 8


def _argument(index: int) -> bytes:
    """Load the lower half of an argument (both architectures are little-endian)."""
    return _step(_LOAD, _ARGUMENTS_AT + 8 * index)


def _deny_if(test: int, value: int) -> bytes:
    return _step(test, value, 0, 1) + _step(_RETURN, _ERRNO | errno.EPERM)


def _allow_if(test: int, *values: int) -> bytes:
    """Allow where the accumulator passes the test with one of the values; deny otherwise."""
    return b"".join(_step(test, value, 0, 1) + _step(_RETURN, _ALLOW) for value in values) + _step(
        _RETURN, _ERRNO | errno.EPERM
    )
