"""Formats that are decoded only where their decoders are isolated."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolink_ui import confine, media
from evolink_ui.confine import Support
from evolink_ui.media import decodable
from evolink_ui.media.child import POOL
from tests.media import studio

Save = Callable[[str, bytes], Path]


@pytest.fixture
def without_wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that isolates nothing."""
    decodable._isolated.cache_clear()
    monkeypatch.setattr(confine, "support", lambda: Support(files=False, calls=True, signals=False))
    yield
    decodable._isolated.cache_clear()
    media.decode_rare_formats(None)


@pytest.mark.usefixtures("without_wall")
def test_without_isolation_a_rare_format_reaches_no_decoder(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(POOL, "examine", decode)
    path = save("a.webp", studio.image_bytes(studio.picture(), "WEBP"))
    report = media.check_image(path)
    assert [(found.code, found.fix) for found in report.problems] == [("format_not_opened_here", None)]
    assert "JPG or PNG" in report.problems[0].next_step
    with pytest.raises(media.FixFailed, match="doesn't open WEBP"):
        media.fix_image(path, tmp_path / "out")


@pytest.mark.usefixtures("without_wall")
def test_without_isolation_what_the_vendor_takes_is_decoded(good_image: Path, good_video: Path) -> None:
    assert media.check_image(good_image).ok
    assert media.check_video(good_video).ok


@pytest.mark.usefixtures("without_wall")
def test_the_owner_may_have_all_formats_decoded_without_isolation(save: Save) -> None:
    media.decode_rare_formats(True)
    report = media.check_image(save("a.webp", studio.image_bytes(studio.picture(), "WEBP")))
    assert [found.fix for found in report.problems] == ["convert"]


def test_with_isolation_the_owner_may_still_leave_rare_formats_closed(save: Save) -> None:
    media.decode_rare_formats(False)
    try:
        report = media.check_image(save("a.webp", studio.image_bytes(studio.picture(), "WEBP")))
        assert [found.code for found in report.problems] == ["format_not_opened_here"]
    finally:
        media.decode_rare_formats(None)
