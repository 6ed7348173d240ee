"""The command `evolink-ui`."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import evolink_ui
from evolink_ui.cli import cli
from evolink_ui.extras import MODULES, MissingExtra, require
from evolink_ui.serve import require_extras_of
from evolink_ui.settings import load_settings
from tests.browser.app_process import free_port
from tests.stub.clip import small_clip

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    result = CliRunner().invoke(cli, arguments)
    return result.exit_code, result.output


def test_its_version_is_the_packages() -> None:
    assert run("--version") == (0, f"{evolink_ui.__version__}\n")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "character.bin"  # content decides, not the name
    Image.effect_noise((320, 400), 50).convert("RGB").save(path, "PNG")
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "dance.bin"
    path.write_bytes(small_clip(12.0, 360, 480, 10))
    return path


def test_check_says_which_files_an_order_would_take(picture: Path, video: Path) -> None:
    assert run("check", str(picture)) == (0, f"{picture}: good\n")
    code, said = run("check", str(picture), str(video))
    assert code == 1
    assert f"{picture}: good" in said and f"{video}: would be refused" in said and "10 s" in said
    assert run("check", "--facing", "video", str(video))[0] == 0


def test_check_prints_json_for_programs(picture: Path, tmp_path: Path) -> None:
    code, said = run("check", "--json", str(picture), str(tmp_path / "none.png"))
    good, missing = (json.loads(line) for line in said.splitlines())
    assert code == 1
    assert (good["ok"], good["facts"]["width"]) == (True, 320)
    assert missing["problems"][0]["code"] == "file_missing"


def test_the_sandboxs_own_options_are_its_own() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "evolink_ui", "sandbox", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert help_text.startswith("usage: evolink-ui sandbox") and "--fail-rate" in help_text


def without(modules: tuple[str, ...], command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a module of ours in a process in which `modules` are not installed."""
    code = (
        "import importlib.machinery as machinery, runpy, sys\n"
        f"gone, real = {modules!r}, machinery.PathFinder.find_spec\n"
        "def find(name, path=None, target=None):\n"
        "    return None if name.split('.')[0] in gone else real(name, path, target)\n"
        "machinery.PathFinder.find_spec = find\n"
        f"sys.argv = {list(command)!r}\n"
        f"runpy.run_module({command[0]!r}, run_name='__main__', alter_sys=True)\n"
    )
    environment = {
        **os.environ,
        "EVOLINK_API_KEY": "",
        "EVOLINK_UI_DATA_DIR": str(folder),
        "GRADIO_SERVER_PORT": str(free_port()),
    }
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("gone", "command", "extra"),
    [
        (("typer",), ("evolink_ui", "serve"), "cli"),
        (("gradio",), ("evolink_ui", "serve"), "app"),
        (("pydantic_settings", "sqlalchemy"), ("evolink_ui", "serve"), "app"),
        (("cv2",), ("evolink_ui", "serve"), "sandbox"),
        (("cv2", "starlette", "uvicorn"), ("evolink_ui", "sandbox"), "sandbox"),
        (("cv2", "starlette", "uvicorn"), ("evolink_ui.sandbox",), "sandbox"),
        (("av",), ("evolink_ui", "check", "x.png"), "app"),
    ],
)
def test_a_missing_extra_is_one_line_that_says_how_to_install_it(
    gone: tuple[str, ...], command: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    ended = without(gone, command, tmp_path)
    assert ended.returncode == 1
    said = f"{gone[0]} is not installed. Run: pip install 'evolink-ui[{extra}]'"
    assert ended.stderr.removeprefix("error: ").startswith(said) and ended.stderr.count("\n") == 1, ended.stderr


def test_stores_and_databases_that_are_not_set_up_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"obstore", "psycopg", "cv2"}
    monkeypatch.setattr("evolink_ui.extras.find_spec", lambda name: None if name in gone else find_spec(name))
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-1")
    require_extras_of(load_settings())
    with pytest.raises(MissingExtra, match=r"evolink-ui\[postgres\]"):
        require_extras_of(load_settings(database_url="postgresql://x/y"))
    store = {"s3_endpoint": "https://s3.example.com", "s3_bucket": "b", "s3_access_key_id": "i"}
    with pytest.raises(MissingExtra, match=r"evolink-ui\[s3\]"):
        require_extras_of(load_settings(s3_secret_access_key="s", **store))


def test_every_extra_is_whole_here() -> None:
    for extra in MODULES:
        require(extra)


def test_the_package_gives_the_clients_names_without_loading_the_app() -> None:
    code = (
        "import sys, evolink_ui\n"
        "assert not [name for name in sys.modules if name.startswith('evolink_ui.')], 'nothing before the first use'\n"
        "from evolink_ui import EvoLink, EvoLinkError, ModelParams, MotionControlRequest, Task, failure_of\n"
        "print([name for name in ('gradio', 'numpy', 'PIL', 'sqlalchemy', 'starlette') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "[]\n", ended.stderr
    assert re.fullmatch(r"\d+\.\d+\.\d+", evolink_ui.__version__)
