"""What `import evolink_ui.evolink` costs, beside `import httpx`, which it cannot do without.

    python -m benchmarks.import_cost

Each in fresh processes that take the processor time of their own import; the best of several, turn by turn, because
the machine is shared.
"""

import subprocess
import sys
from collections.abc import Sequence

FLOOR, CLIENT = "import httpx", "import evolink_ui.evolink"

RUNS = 15

TIMED = """
import time
begun = time.process_time()
{statement}
print(time.process_time() - begun)
"""


def best_seconds(statements: Sequence[str], runs: int = RUNS) -> list[float]:
    """Least processor time that each import takes in a fresh process; the first round only warms the disk."""
    rounds = [[_seconds(statement) for statement in statements] for _ in range(runs + 1)]
    return [min(times) for times in zip(*rounds[1:], strict=True)]


def _seconds(statement: str) -> float:
    command = [sys.executable, "-c", TIMED.format(statement=statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Print the table."""
    floor, client = best_seconds([FLOOR, CLIENT])
    print(f"{'import httpx':28} {floor * 1000:7.1f} ms   1.00")
    print(f"{'import evolink_ui.evolink':28} {client * 1000:7.1f} ms   {client / floor:.2f}")


if __name__ == "__main__":
    main()
