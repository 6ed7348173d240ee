"""The second reader, taken over by a file that says what to try."""

import json
from typing import Any, BinaryIO

from evolink_ui.media import second_reader_worker
from tests.confine import probe


def facts_of(file: BinaryIO) -> dict[str, Any]:
    return dict(probe.attempt_all(json.loads(file.read())))


if __name__ == "__main__":
    second_reader_worker.facts_of = facts_of
    second_reader_worker.main()
