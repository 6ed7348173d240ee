"""A file that was opened is closed, whoever waits for it."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from evolink_ui.evolink.disk import open_file, put_away
from evolink_ui.executors import DISK


class Held:
    """`Path.open` that waits for the test before or after it does its work, and keeps what it opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, wait_first: bool) -> None:
        self.entered, self.go_on, self.opened = threading.Event(), threading.Event(), threading.Event()
        self.files: list[Any] = []
        really = Path.open

        def held(path: Path, *args: Any) -> Any:
            self.entered.set()
            if wait_first:
                assert self.go_on.wait(10)
            self.files.append(really(path, *args))
            self.opened.set()
            return self.files[-1]

        monkeypatch.setattr(Path, "open", held)

    async def closed(self) -> bool:
        """Whether the file is closed within ten seconds."""
        for _ in range(1000):
            if self.files and self.files[0].closed:
                return True
            await asyncio.sleep(0.01)
        return False


@pytest.mark.parametrize("mode", ["rb", "xb"])
@pytest.mark.parametrize("wait_first", [True, False])
async def test_a_file_whose_waiter_was_cancelled_is_closed_and_leaves_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_first: bool, mode: str
) -> None:
    path = tmp_path / "file"
    if mode == "rb":
        path.write_bytes(b"there already")
    held = Held(monkeypatch, wait_first=wait_first)
    waiter = asyncio.create_task(open_file(path, mode))
    await asyncio.sleep(0)
    if wait_first:
        assert await asyncio.to_thread(held.entered.wait, 10)
        waiter.cancel()
        await asyncio.sleep(0)
        held.go_on.set()
    else:
        held.opened.wait(10)  # the loop stands still: the thread is done, and the waiter hasn't heard of it
        waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert await held.closed()
    assert path.exists() is (mode == "rb")


async def test_a_file_is_closed_although_the_one_who_closes_it_is_called_off_before_a_thread_is_free(
    tmp_path: Path,
) -> None:
    """As where two uploads end at once and the first one's end calls the second one off."""
    path = tmp_path / "file"
    path.write_bytes(b"there already")
    busy = threading.Event()
    file = await open_file(path, "rb")
    others = [asyncio.create_task(DISK.run(busy.wait, 10)) for _ in range(DISK.threads)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(put_away(file.close))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert file.closed
    busy.set()
    await asyncio.gather(*others)


async def test_an_error_of_the_disk_comes_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await open_file(tmp_path / "none", "rb")


def test_no_file_is_opened_from_a_loop_in_another_way() -> None:
    package = Path(__file__).parents[2] / "evolink_ui"
    another_way = re.compile(r"\.run\([\w.]+\.open\b")
    assert not [path.name for path in package.rglob("*.py") if another_way.search(path.read_text())]
