"""Files that several tests look at, made once a session; and the promise that no child outlives the tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from evolink_ui import media
from evolink_ui.media import fix, limits, mender, worker
from evolink_ui.media.child import POOL
from tests.media import studio


@pytest.fixture(scope="session", autouse=True)
def _children() -> Iterator[None]:
    media.warm_up()
    yield
    media.close()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that lives as long as the session."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def good_video(shelf: Path) -> Path:
    """3.2 s of 480 x 360 with sound: nothing is wrong with it."""
    return studio.film(shelf / "good.mp4", sound_seconds=None)


@pytest.fixture(scope="session")
def long_video(shelf: Path) -> Path:
    """12 s of 480 x 360 with sound: too long while the character faces as in the picture."""
    return studio.film(shelf / "long.mp4", seconds=12, sound_seconds=None)


@pytest.fixture(scope="session")
def good_image(shelf: Path) -> Path:
    """A JPEG of 640 x 480 px: nothing is wrong with it."""
    path = shelf / "good.jpg"
    path.write_bytes(studio.image_bytes(studio.picture()))
    return path


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write bytes under a name and return the path."""

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the children do right here: for files that are harmless, it is the same and quicker."""

    def examine(
        request: dict[str, Any], file: BinaryIO, on_facts: Callable[[dict[str, Any]], None]
    ) -> tuple[dict[str, Any], bytes | None]:
        file.seek(0)
        request = {**request, "seconds": limits.CHECK_SECONDS}
        return worker.examine(request, file, lambda said: on_facts(said["facts"]))

    def mend(request: dict[str, Any], file: BinaryIO, *_: object) -> dict[str, Any]:
        file.seek(0)
        return mender.mend(request, file, lambda _: None)

    monkeypatch.setattr(POOL, "examine", examine)
    monkeypatch.setattr(fix, "_run", mend)
