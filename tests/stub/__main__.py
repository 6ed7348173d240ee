"""`python -m tests.stub --port 9000`: the stand-in as a process, until it gets SIGTERM or SIGINT."""

import argparse
import json
import signal
import sys
import threading

from tests.stub.records import Timeline
from tests.stub.server import Stub


def main() -> None:
    """Serve on one port; say where as one line of JSON on stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each task takes")
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Stub(given.port) as stub:
        stub.timeline = Timeline(seconds=given.seconds)
        sys.stdout.write(json.dumps({"base_url": stub.base_url, "files_url": stub.files_url}) + "\n")
        sys.stdout.flush()
        ended.wait()


main()
