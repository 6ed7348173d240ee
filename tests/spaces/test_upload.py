"""`make space`: the last commit goes up, nothing else does."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.space import front_matter, main
from tests.pins import ROOT
from tests.spaces.builder import simple_lines
from tests.spaces.hub import Hub

COMMITTED = ("README.md", "app.py", ".gitignore", ".env.example", "evolink_ui/weights.onnx", "Dockerfile")
LEFT_OUT = (".env", "data/evolink_ui.sqlite", "data/secret", ".venv/pyvenv.cfg")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed repository in which everything lies around that must not leave the machine."""
    folder = tmp_path / "repository"
    for name in (*COMMITTED, *LEFT_OUT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x00binary\xff" if name.endswith(".onnx") else b"text\n")
    for name in ("README.md", ".gitignore"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "init")
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "All")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with closing(Hub(**{"old.py": b"from an earlier commit", ".gitattributes": b"the Hub's own"})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_TOKEN", "hf_mine")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        monkeypatch.setenv("HF_HUB_DISABLE_UPDATE_CHECK", "1")
        yield hub


def test_the_space_becomes_the_last_commit(repository: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    main(["me/motion"], repository)
    assert {(made["name"], made["type"], made["sdk"]) for made in hub.created} == {("motion", "space", "gradio")}
    assert set(hub.files) == {*COMMITTED, ".gitattributes"}, "what an earlier commit had is gone"
    assert hub.files["evolink_ui/weights.onnx"] == b"\x00binary\xff"
    assert "Bearer hf_mine" in hub.tokens
    said = capfd.readouterr().out
    assert "6 files" in said and "docs/spaces.md" in said


def test_a_docker_space_gets_its_own_front_matter(repository: Path, hub: Hub) -> None:
    main(["me/motion", "--sdk", "docker"], repository)
    assert hub.created[0]["sdk"] == "docker"
    head = simple_lines(hub.files["README.md"].decode())
    assert (head["sdk"], head["app_port"], head["hf_oauth"]) == ("docker", "7860", "true")
    assert not {"sdk_version", "python_version", "app_file"} & set(head)


def test_a_dry_run_opens_no_connection(repository: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    main(["me/motion", "--dry-run"], repository)
    assert not hub.tokens
    said = capfd.readouterr().out
    assert "6 files" in said and "would run: hf upload me/motion" in said


@pytest.mark.parametrize("name", ["app.py", "new.py"])
def test_changes_that_are_not_committed_are_refused(repository: Path, hub: Hub, name: str) -> None:
    (repository / name).write_text("changed")
    with pytest.raises(SystemExit, match="nothing was uploaded"):
        main(["me/motion"], repository)
    assert not hub.tokens


def test_a_refusal_of_the_hub_ends_in_one_line(repository: Path, hub: Hub) -> None:
    hub.refuses = True
    with pytest.raises(SystemExit, match=r"^`hf repos` failed.*hf auth login"):
        main(["me/motion"], repository)
    assert "app.py" not in hub.files


def test_the_front_matter_is_complete() -> None:
    wanted = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license"}
    readme = (ROOT / "README.md").read_text()
    head = simple_lines(readme)
    assert wanted | {"short_description", "thumbnail"} <= set(head)
    assert len(head["short_description"]) <= 60, "the Hub refuses longer ones"
    assert "\ntags:\n- " in readme.split("---\n")[1]
    assert (ROOT / head["app_file"]).is_file() and (ROOT / head["thumbnail"]).is_file()
    there = simple_lines(front_matter(readme, "me/motion", "gradio"))
    assert there["thumbnail"] == f"https://huggingface.co/spaces/me/motion/resolve/main/{head['thumbnail']}"
    assert there | {"thumbnail": ""} == head | {"thumbnail": ""}
