"""The README's commands, as they stand there, in bash, on a copy of this repository."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.browser.app_process import free_port
from tests.pins import ROOT
from tests.spaces.builder import uv
from tests.stub.clip import small_clip

README = (ROOT / "README.md").read_text()
START_SECONDS = 180.0
INSTALL_SECONDS = 900.0
FIGURES = re.findall(r"`python -m (benchmarks\.\w+)`", README)
WITH_TOOLS = {"benchmarks.page", "benchmarks.renderer"}
"""The figures that need `make dev`."""


def line_with(words: str) -> str:
    """The README's only line of a shell block with these words, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    found: list[str] = [line for block in blocks for line in block.splitlines() if words in line]
    assert len(found) == 1, found
    return found[0].partition("  #")[0].strip()


def copy_of_repository(folder: Path) -> Path:
    """The repository's files as they are here, committed or not, as a clone would have them."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def environment(**more: str) -> dict[str, str]:
    """A person's shell: nothing of this test run's environment but the guard that keeps it on this machine."""
    ours = ("EVOLINK", "GRADIO", "VIRTUAL_ENV", "COVERAGE", "COV_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    search = [folder for folder in clean["PATH"].split(os.pathsep) if Path(folder) != Path(sys.executable).parent]
    return clean | {"PATH": os.pathsep.join(search), "GRADIO_ANALYTICS_ENABLED": "False"} | more


@contextmanager
def serving(command: str, folder: Path, url: str, **more: str) -> Iterator[httpx.Response]:
    """Run a command until `url` answers; gives the answer. Ends the command's own process group."""
    log = folder / "command.log"
    with log.open("wb") as terminal:
        process = subprocess.Popen(
            ["bash", "-euc", command],
            cwd=folder,
            env=environment(**more),
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            try:
                answer = httpx.get(url, timeout=5, trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield answer
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the environment that `make run` makes. uv installs the same lock in a tenth of pip's time."""
    folder = copy_of_repository(tmp_path_factory.mktemp("readme") / "evolink_ui")
    python = str(folder / ".venv" / "bin" / "python")
    uv("venv", str(folder / ".venv"), "--python", sys.executable)
    lock = ["--no-deps", "--require-hashes", "-r", str(folder / "requirements.lock")]
    uv("pip", "install", "--python", python, *lock)
    uv("pip", "install", "--python", python, "--no-deps", "--no-build-isolation", "--editable", str(folder))
    return folder


def run(command: str, folder: Path, seconds: float = 120.0) -> str:
    """Run a command in the activated environment; gives what it printed."""
    assert "\n. .venv/bin/activate\n" in README
    ended = subprocess.run(
        ["bash", "-euc", f". .venv/bin/activate\n{command}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("words", ["--port 9000", "--latency 0.5", "--speed 0.1"])
def test_the_sandboxs_commands_serve(repository: Path, words: str) -> None:
    command = line_with(f"evolink_ui.sandbox {words}")
    port = free_port()
    command = command.replace("9000", str(port)) if "9000" in command else f"{command} --port {port}"
    with serving(f". .venv/bin/activate\n{command}", repository, f"http://127.0.0.1:{port}/v1/credits") as answer:
        assert answer.headers["content-type"].startswith("application/json")


def test_check_names_the_files_that_would_be_refused(repository: Path) -> None:
    Image.effect_noise((320, 400), 50).convert("RGB").save(repository / "character.png")
    (repository / "dance.mp4").write_bytes(small_clip(3.2, 360, 480, 10))
    assert run(line_with("evolink-ui check"), repository) == "character.png: good\ndance.mp4: good\n"


def test_every_figures_command_starts_in_that_environment(repository: Path) -> None:
    assert set(FIGURES) > WITH_TOOLS
    run(f"python -c 'import {', '.join(sorted(set(FIGURES) - WITH_TOOLS))}'", repository)


@pytest.mark.soak
@pytest.mark.parametrize("figure", ["benchmarks.import_cost", "benchmarks.startup"])
def test_a_figure_is_printed_by_its_command(repository: Path, figure: str) -> None:
    assert figure in FIGURES
    assert run(f"python -m {figure}", repository, 600)


def test_the_installed_command_serves_from_any_folder(repository: Path, tmp_path: Path) -> None:
    """As the Dockerfile installs it: the lock without the resolver, then the package; started in an empty folder."""
    steps = [
        re.sub(r"\s+", " ", step) for step in (ROOT / "Dockerfile").read_text().splitlines() if "pip install" in step
    ]
    assert [("--no-deps" in step, "--no-cache-dir" in step) for step in steps] == [(True, True)] * 2
    python = str(tmp_path / "venv" / "bin" / "python")
    uv("venv", str(tmp_path / "venv"), "--python", sys.executable)
    uv("pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    context = tmp_path / "source"
    for name in re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M):
        copy = shutil.copytree if (repository / name).is_dir() else shutil.copy
        context.mkdir(exist_ok=True)
        copy(repository / name, context / name)
    uv("pip", "install", "--python", python, "--no-deps", "--no-build-isolation", str(context))
    shutil.rmtree(context)
    (tmp_path / "app").mkdir()
    port = free_port()
    more = {"GRADIO_SERVER_PORT": str(port), "EVOLINK_UI_DATA_DIR": str(tmp_path / "data")}
    command = f"exec {tmp_path}/venv/bin/evolink-ui serve"
    with serving(command, tmp_path / "app", f"http://127.0.0.1:{port}/", **more) as page:
        assert page.status_code == 200 and "Motion Control" in page.text


@pytest.mark.soak
def test_make_run_brings_the_page_from_nothing(tmp_path: Path) -> None:
    folder = copy_of_repository(tmp_path / "evolink_ui")
    port = free_port()
    assert line_with("make run          # then") == "make run"
    install = environment()
    install.pop("PYTHONPATH", None)  # the guard keeps the tests on this machine; installing is what may leave it
    subprocess.run(["make", ".venv/run.done"], cwd=folder, env=install, check=True, timeout=INSTALL_SECONDS)
    with serving("make run", folder, f"http://127.0.0.1:{port}/", GRADIO_SERVER_PORT=str(port)) as page:
        assert page.status_code == 200


@pytest.mark.soak
def test_without_make_it_starts_too(tmp_path: Path) -> None:
    folder = copy_of_repository(tmp_path / "evolink_ui")
    install, start = line_with("python3 -m venv .venv &&").rsplit(" && ", 1)
    unguarded = environment()
    unguarded.pop("PYTHONPATH", None)
    subprocess.run(["bash", "-euc", install], cwd=folder, env=unguarded, check=True, timeout=INSTALL_SECONDS)
    port = free_port()
    with serving(start, folder, f"http://127.0.0.1:{port}/", GRADIO_SERVER_PORT=str(port)) as page:
        assert page.status_code == 200
