"""What only trying can tell: whether the data folder can be written to, and the address listened at."""

import errno
import os
import socket
from pathlib import Path

from evolink_ui.setting_faults import PREFIX, SettingsError, line


def make_folder(folder: Path) -> None:
    """Make the data folder where it is missing.

    Raises:
        SettingsError: it can't be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        fault = f"{folder} can't be made or written to ({error.strerror})"
        raise SettingsError(line(f"{PREFIX}DATA_DIR", fault)) from None


def try_to_listen(host: str, port: int) -> None:
    """Listen at an address for a moment.

    Raises:
        SettingsError: it can't be listened at.
    """
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fault = line("GRADIO_SERVER_PORT", f"{port} is taken by another program, perhaps by this app")
        elif error.errno == errno.EACCES:
            fault = line("GRADIO_SERVER_PORT", f"{port} may not be listened at by this user")
        else:
            fault = line("GRADIO_SERVER_NAME", f"{host} is no address of this machine", "127.0.0.1")
        raise SettingsError(fault) from None
