"""What `import evolink_ui.evolink` costs, beside `import httpx`, which it cannot do without.

    python -m benchmarks.import_cost

Whole fresh processes, their bare start-up subtracted; the best of several, because the machine is shared.
"""

import subprocess
import sys
import time

BARE, FLOOR, CLIENT = "pass", "import httpx", "import evolink_ui.evolink"

RUNS = 15


def best_seconds(code: str, runs: int = RUNS) -> float:
    """Shortest time of a process that runs `code`, less that of one that does nothing."""

    def one(text: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - begun

    one(code)
    return max(1e-4, min(one(code) for _ in range(runs)) - min(one(BARE) for _ in range(runs)))


def main() -> None:
    """Print the table."""
    floor, client = best_seconds(FLOOR), best_seconds(CLIENT)
    print(f"{'import httpx':28} {floor * 1000:7.1f} ms   1.00")
    print(f"{'import evolink_ui.evolink':28} {client * 1000:7.1f} ms   {client / floor:.2f}")


if __name__ == "__main__":
    main()
