"""A Landlock domain: which files a confined process may open, and nothing else (Linux 5.13 and newer).

The kernel's interface is three system calls with the same numbers everywhere, described in
https://docs.kernel.org/userspace-api/landlock.html.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from typing import Final

from evolink_ui.confine.privileges import forbid_new_privileges

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_FILE: Final = 1 << 5
MAKE_REG: Final = 1 << 8
TRUNCATE: Final = 1 << 14

_OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
"""Rights that a rule for a file, rather than a folder, may hold."""
_KNOWN_BY_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights of files a version knows; all of them are taken away unless a rule gives them back."""
_BIND_AND_CONNECT: Final = 3
_SIGNALS_AND_ABSTRACT_SOCKETS: Final = 3

READ: Final = READ_FILE | READ_DIR
"""Look at a folder and all in it, or at one file."""
WRITE: Final = READ | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE
"""Make, change, rename and remove files in a folder; no folders, links, devices or sockets."""

Rule = tuple[int | str | os.PathLike[str], int]
"""A path or an open descriptor, and the rights in it and below it."""


def version() -> int:
    """The version (ABI) of Landlock in this kernel; 0 where there is none or it is switched off."""
    if sys.platform != "linux":
        return 0
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(rules: Iterable[Rule]) -> None:
    """Take all rights to open files from this thread and all it starts, but for those in the rules, for good.

    From version 4 on it makes and reaches no TCP port, from 6 on it signals nobody outside and reaches no abstract
    socket. What is open already stays open. Raises OSError.
    """
    found = version()
    handled = (1 << _KNOWN_BY_VERSION.get(found, 16)) - 1
    attributes = struct.pack("=Q", handled)
    if found >= 4:
        attributes += struct.pack("=Q", _BIND_AND_CONNECT)
    if found >= 6:
        attributes += struct.pack("=Q", _SIGNALS_AND_ABSTRACT_SOCKETS)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for place, rights in rules:
            _add(ruleset, place, rights & handled)
        forbid_new_privileges()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _add(ruleset: int, place: int | str | os.PathLike[str], rights: int) -> None:
    opened = place if isinstance(place, int) else os.open(place, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, opened)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        if not isinstance(place, int):
            os.close(opened)


def _call(number: int, *arguments: int | bytes | None) -> int:
    # Integers as whole registers: an undefined upper half would be another value.
    whole = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *whole))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result
