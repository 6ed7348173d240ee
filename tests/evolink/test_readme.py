"""The README's example of the client is a program that runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from evolink_ui.evolink import EvoLink, TaskFailed
from tests.evolink.conftest import KEY
from tests.stub import Stub, Timeline

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def example(stub: Stub, tmp_path: Path, picture: Path, clip: bytes) -> dict[str, Any]:
    """The example's names, as it stands but for its addresses, in a folder with its two files."""
    (text,) = [code for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "EvoLink(" in code]
    (tmp_path / "dance.mp4").write_bytes(clip)
    for name in (picture.name, "dance.mp4", "result.mp4"):
        assert text.count(f'Path("{name}")') == 1
        text = text.replace(f'Path("{name}")', f"Path({str(tmp_path / name)!r})")
    assert text.rstrip().endswith("asyncio.run(main())")
    names: dict[str, Any] = {}
    exec(compile(text.replace("asyncio.run(main())", ""), "README.md", "exec"), names)  # noqa: S102 - our own README
    names["EvoLink"] = lambda key: EvoLink(KEY, base_url=stub.base_url, files_url=stub.files_url, min_poll_seconds=0.05)
    stub.timeline = Timeline(seconds=0.1)
    return names


async def test_it_brings_a_video_home(
    example: dict[str, Any], stub: Stub, tmp_path: Path, clip: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    await example["main"]()
    assert (tmp_path / "result.mp4").read_bytes() == clip
    assert stub.paid == 1
    assert "completed 100" in capsys.readouterr().out


async def test_it_says_why_a_task_failed(example: dict[str, Any], stub: Stub) -> None:
    stub.timeline = Timeline(seconds=0.1, outcome="failed", error={"code": "content_policy_violation"})
    with pytest.raises(TaskFailed, match="content rules"):
        await example["main"]()
