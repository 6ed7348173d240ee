"""Promises of the repository itself."""

import re

from tests.pins import ROOT, pins
from tests.spaces.builder import front_matter


def test_a_space_runs_the_gradio_that_is_pinned() -> None:
    assert front_matter()["sdk_version"] == pins(ROOT / "requirements.txt")["gradio"]


def test_every_benchmark_in_the_readme_exists_and_the_other_way_round() -> None:
    named = set(re.findall(r"python -m benchmarks\.(\w+)", (ROOT / "README.md").read_text()))
    there = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__init__"}
    assert named == there


def test_the_files_that_the_readme_shows_are_there() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / path).is_file(), path


def test_blocking_work_runs_in_an_executor_of_its_kind_and_never_in_a_loops_default_pool() -> None:
    """Ruff's banned-api refuses `asyncio.to_thread`; here are the other ways into a pool that others share."""
    ways = r"run_in_executor\(\s*None|set_default_executor|\bto_thread\.|import to_thread|\.getaddrinfo\("
    guilty = [path for path in (ROOT / "evolink_ui").rglob("*.py") if re.search(ways, path.read_text())]
    assert guilty == []


def test_keys_are_derived_in_crypto_and_nowhere_else() -> None:
    derives = re.compile(r"\bFernet\(|\bHKDF\(|hmac\.(digest|new)\(")
    guilty = {path.name for path in (ROOT / "evolink_ui").rglob("*.py") if derives.search(path.read_text())}
    assert guilty == {"crypto.py"}


def test_dbos_is_imported_in_the_pipeline_and_nowhere_else() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "evolink_ui").rglob("*.py")
        if re.search(r"^\s*(from|import) dbos\b", path.read_text(), re.M)
    }
    assert importing == {"evolink_ui/jobs/pipeline.py"}


ARROWS: dict[str, set[str]] = {
    "catalog.py": set(),
    "order.py": {"catalog"},
    "confine": set(),
    "evolink": {"order", "catalog", "executors"},
    "media": {"catalog", "settings", "confine"},
    "hosting": {"settings", "evolink", "executors", "net"},
    "jobs": {
        *("order", "catalog", "background", "crypto", "disk_space", "executors", "logs", "metrics", "net", "settings"),
        *("media", "hosting", "evolink"),
    },
    "sandbox": {
        *("order", "catalog", "background", "confine", "evolink", "executors", "media", "net"),
        *("addresses", "extras", "setting_faults", "setting_network"),
    },
    "web": {"background", "crypto", "disk_space", "executors", "jobs", "logs", "metrics", "settings", "net"},
}


def test_each_room_uses_only_the_rooms_that_it_may() -> None:
    for room, may_use in ARROWS.items():
        place = ROOT / "evolink_ui" / room
        files = [place] if place.is_file() else [*place.rglob("*.py")]
        assert files, room
        for path in files:
            used = set(re.findall(r"^\s*(?:from|import) evolink_ui(?:\.| import )(\w+)", path.read_text(), re.M))
            assert used - {room} <= may_use, path
