"""Refuse every connection, datagram and name look-up that would leave this machine.

An audit hook rather than pytest-socket: it also holds for `connect_ex` and `sendto`, between tests, and in the Python
processes that tests start. They load this file because `tests/conftest.py` puts its folder on PYTHONPATH;
nothing else imports it under this name.
"""

import ipaddress
import re
import socket
import sys
from typing import Any

attempts: list[str] = []
"""What this process was kept from reaching, oldest first."""

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESERVED = r"(?:invalid|example|test|localhost|internal)"  # RFC 2606, and ICANN for `internal`: no public names
_PUBLIC_NAME = re.compile(rf"(?!.*(?:^|\.){_RESERVED}\.?$)[\w-]+(?:\.[\w-]+)+\.?", re.ASCII)
_OWN_NAMES = frozenset({"", "localhost", socket.gethostname()})


class LeavesThisMachine(RuntimeError):
    """A test would have opened a connection to another machine. No OSError, so that no retry takes it for weather."""


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)


def _is_here(host: object) -> bool:
    if host is None or _text(host) in _OWN_NAMES:
        return True
    try:
        ip = ipaddress.ip_address(_text(host).partition("%")[0])
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback or ip.is_unspecified  # the unspecified address leads to loopback, too


def _is_a_number(host: object) -> bool:
    """Whether looking it up asks no name server. `inet_aton` knows the odd spellings, such as 0x7f.1."""
    try:
        socket.inet_aton(_text(host))
    except OSError:
        return ":" in _text(host)
    return True


def _refuse(what: str) -> None:
    attempts.append(what)
    sys.stderr.write(f"LeavesThisMachine: {what}\n")  # of a child process, the log is all that a test sees
    raise LeavesThisMachine(what)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(address[0]):  # a path is a socket of this machine
            _refuse(f"{event} {address}")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        if not _is_here(host) and not _is_a_number(host):
            if _PUBLIC_NAME.fullmatch(_text(host)):
                _refuse(f"{event} {host!r}")
            # A name that nobody can have: the answer of a name server, without asking one.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


sys.addaudithook(_hook)
