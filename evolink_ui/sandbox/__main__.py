"""`python -m evolink_ui.sandbox`: the sandbox on a port, for any client.

Any bearer key works; `--help` lists those that always fail, for tests.
"""

from __future__ import annotations

import argparse
import logging
import sqlite3
import sys
from pathlib import Path

from evolink_ui.addresses import host_in_url
from evolink_ui.extras import MissingExtra, require
from evolink_ui.setting_faults import SettingsError
from evolink_ui.setting_network import check_network_variables

DEFAULT_PORT = 9000
DEFAULT_DATA_DIR = Path.home() / ".cache" / "evolink-ui" / "sandbox"
GRACEFUL_SECONDS = 2  # how long open answers may finish after Ctrl-C


def parse(arguments: list[str] | None = None, program: str = "python -m evolink_ui.sandbox") -> argparse.Namespace:
    """The command line (`arguments`, or the process's own)."""
    from . import keys

    parser = argparse.ArgumentParser(
        prog=program,
        description="EvoLink's motion-control API on this machine: real videos, play money.",
        epilog=keys.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--base-url", help="how clients reach it, for the links it hands out (default: host and port)")
    parser.add_argument(
        "--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="what it keeps between runs (default: %(default)s)"
    )
    parser.add_argument("--max-renders", type=int, default=1, help="renders at once (default: %(default)s)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before every answer")
    parser.add_argument(
        "--fail-rate",
        type=float,
        default=0.0,
        metavar="P",
        help="share (0-1) of requests answered with 429 or 500 - half of the 500s on orders come after the task was "
        "made - and of tasks that fail",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the same failures in every run")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="below 1: tasks seem to take 1/X times as long"
    )
    parser.add_argument(
        "--public-urls-only", action="store_true", help="refuse links and callbacks to loopback, as the real service"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, program: str = "python -m evolink_ui.sandbox") -> None:
    """Serve until told to stop. program: how the command is called in its help."""
    try:
        require("sandbox")
        chosen = parse(arguments, program)
        check_network_variables()
    except (MissingExtra, SettingsError) as wrong:
        sys.exit(f"error: {wrong}")
    import uvicorn

    from .api import create_sandbox

    logging.basicConfig(level=logging.INFO)
    config = uvicorn.Config(
        _not_ready, host=chosen.host, port=chosen.port, log_level="info", timeout_graceful_shutdown=GRACEFUL_SECONDS
    )
    with config.bind_socket() as listener:  # before the app is made: its links name the port that it really got
        base_url = chosen.base_url or f"http://{host_in_url(chosen.host)}:{listener.getsockname()[1]}"
        try:
            sandbox = create_sandbox(
                chosen.data_dir,
                base_url=base_url,
                max_renders=chosen.max_renders,
                allow_private_urls=not chosen.public_urls_only,
                latency_seconds=chosen.latency,
                fail_rate=chosen.fail_rate,
                seed=chosen.seed,
                speed=chosen.speed,
            )
        except ValueError as wrong:
            sys.exit(f"error: {wrong}")
        except (OSError, sqlite3.Error) as wrong:
            sys.exit(f"error: the folder {chosen.data_dir} can't be used ({wrong}); name another with --data-dir")
        try:
            config.app = sandbox.app
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            sandbox.close()


async def _not_ready(scope: object, receive: object, send: object) -> None:
    raise RuntimeError("the socket is bound before the app exists; nobody is served yet")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    main()
