"""The renderer, taken over. Called as `hostile_renderer.py TARGETS (walled|open) IMAGE VIDEO OUT …`."""

import json
import sys

from evolink_ui.sandbox.renderer import __main__ as renderer
from tests.confine import probe

if __name__ == "__main__":
    targets = json.loads(sys.argv[1])
    if probe.without_wall(sys.argv[2:3]):
        probe.open_up()

    def take_over(*_: object) -> tuple[dict[str, object], int]:
        return {"done": probe.attempt_all(targets)}, 0

    renderer._run = take_over  # type: ignore[assignment]  # that is the take-over
    sys.exit(renderer.main(sys.argv[3:]))
