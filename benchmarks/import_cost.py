"""What `import evolink_ui.evolink` costs, beside `import httpx`, which it cannot do without.

    python -m benchmarks.import_cost

Each in fresh processes that time their own import; the best of several, because the machine is shared.
"""

import subprocess
import sys

FLOOR, CLIENT = "import httpx", "import evolink_ui.evolink"

RUNS = 15

TIMED = """
import time
begun = time.perf_counter()
{statement}
print(time.perf_counter() - begun)
"""


def best_seconds(statement: str, runs: int = RUNS) -> float:
    """Shortest time that the import takes in a fresh process; a first one that warms the disk does not count."""
    command = [sys.executable, "-c", TIMED.format(statement=statement)]
    times = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(runs + 1)]
    return min(times[1:])


def main() -> None:
    """Print the table."""
    floor, client = best_seconds(FLOOR), best_seconds(CLIENT)
    print(f"{'import httpx':28} {floor * 1000:7.1f} ms   1.00")
    print(f"{'import evolink_ui.evolink':28} {client * 1000:7.1f} ms   {client / floor:.2f}")


if __name__ == "__main__":
    main()
