"""A 100 MB file given to the page: how much the app's memory grows, beside what a whole copy would cost.

python -m benchmarks.app_upload
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.browser.app_process import AppProcess

SIZE_BYTES = 100_000_000
PIECE_BYTES = 1 << 20
LIMIT_MB = 10.0
BOUNDARY = b"benchmark-boundary"


def form() -> Iterator[bytes]:
    """A multipart form with one large file, made as it is sent."""
    yield b'--%s\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n' % BOUNDARY
    for start in range(0, SIZE_BYTES, PIECE_BYTES):
        yield bytes(min(PIECE_BYTES, SIZE_BYTES - start))
    yield b"\r\n--%s--\r\n" % BOUNDARY


def peak_mb(pid: int) -> float:
    """The largest resident memory that a process has had since the mark was last set back, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


def main() -> None:
    """Print the growth."""
    with tempfile.TemporaryDirectory() as folder:
        app = AppProcess(Path(folder) / "data")
        try:
            with httpx.Client(base_url=app.url, timeout=60, trust_env=False) as browser:
                browser.get("/config").raise_for_status()
                time.sleep(15)  # what the app makes ready after its start isn't the upload's
                growth = []
                for _ in range(3):
                    Path(f"/proc/{app.pid}/clear_refs").write_text("5")  # the peak starts again from here
                    before = peak_mb(app.pid)
                    answer = browser.post(
                        "/gradio_api/upload",
                        content=form(),
                        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"},
                    )
                    answer.raise_for_status()
                    growth.append(peak_mb(app.pid) - before)
        finally:
            app.stop()
    print(f"a whole copy in memory would cost  {SIZE_BYTES / 1e6:7.1f} MB")
    print(f"ours, worst of 3 uploads           {max(growth):7.1f} MB  (limit {LIMIT_MB:.0f})")


if __name__ == "__main__":
    main()
