"""The mending child, taken over."""

import sys
from typing import Any

from evolink_ui.media import mender
from tests.confine import probe


def mend(request: dict[str, Any], *_: object) -> dict[str, Any]:
    return probe.attempt_all(request["targets"])


if __name__ == "__main__":
    if probe.without_wall(sys.argv):
        probe.open_up()
    mender.mend = mend  # type: ignore[assignment]  # that is the take-over
    mender.main()
