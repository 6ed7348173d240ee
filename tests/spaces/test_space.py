"""An emulated Space: its builder's packages, its variables, read-only code. It starts, serves and makes a video."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.browser.app_process import free_port
from tests.pins import ROOT
from tests.spaces.builder import make_environment
from tests.web.process import order, wait_for

START_SECONDS = 180.0
STOP_SECONDS = 30.0
HOST = "localhost"  # me-motion.hf.space there; the app asks itself at this name whether it is public

# The image of a Space with the Gradio SDK sets these; SPACE_* and SYSTEM come with every Space.
SPACE = {
    "SPACE_ID": "me/motion",
    "SPACE_HOST": HOST,
    "SPACE_AUTHOR_NAME": "me",
    "SPACE_REPO_NAME": "motion",
    "SYSTEM": "spaces",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_THEME": "huggingface",
    "GRADIO_ALLOW_FLAGGING": "never",
    "OAUTH_CLIENT_ID": "client-of-the-space",
    "OAUTH_CLIENT_SECRET": "secret-of-the-space",
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter with what the builder installs."""
    try:
        return make_environment(tmp_path_factory.mktemp("space") / "venv")
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The files that are uploaded (as they are here, committed or not), which nobody may write to."""
    folder = tmp_path / "code"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "app.py", "evolink_ui", "README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@contextmanager
def running(python: Path, code: Path, home: Path, **environment: str) -> Iterator[httpx.Client]:
    """The Space, and a client that asks as the proxy in front of it does."""
    home.mkdir()
    port = free_port()
    full = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("EVOLINK", "GRADIO", "HF_"))},
        **SPACE,
        "GRADIO_SERVER_NAME": "127.0.0.1",  # 0.0.0.0 there
        "GRADIO_SERVER_PORT": str(port),
        "HOME": str(home),
        **environment,
    }
    command = [str(python), "app.py"]
    if os.geteuid() == 0:  # permissions hold for root only without these capabilities
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    log = home.with_suffix(".log")
    with log.open("wb") as terminal:
        process = subprocess.Popen(command, cwd=code, env=full, stdout=terminal, stderr=terminal)
    # The proxy forwards the name under which the Space was asked, and that the way there was encrypted.
    headers = {"host": HOST, "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.9"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False) as client:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(client):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield client
            assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_starts_on_read_only_code_serves_its_page_and_makes_a_video(
    python: Path, code: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data" / "evolink_ui"
    with running(python, code, tmp_path / "home", EVOLINK_UI_DATA_DIR=str(data)) as visitor:
        page = visitor.get("/")
        assert page.status_code == 200
        assert "https://huggingface.co" in page.headers["content-security-policy"], "only the Hub frames it"
        assert visitor.get("/config").status_code == 200
        job = order(visitor)
        assert (job["mode"], job["state"]) != ("sandbox", "failed")
        done = wait_for(visitor, job["id"], "done", "failed", seconds=120)
        assert done["state"] == "done", done
        video = visitor.get(done["result"]["url"])
        assert video.headers["content-type"] == "video/mp4" and len(video.content) > 1000
    assert (data / "evolink_ui.sqlite").is_file()
    assert not [path for path in code.rglob("*") if path.stat().st_mode & 0o200], "nothing was written beside the code"


def test_without_storage_it_starts_and_says_what_that_means(python: Path, code: Path, tmp_path: Path) -> None:
    code.chmod(0o755)  # the code's folder belongs to the Space's user, and goes with it
    with running(python, code, tmp_path / "home") as visitor:
        assert visitor.get("/").status_code == 200
    assert "no storage mounted" in (tmp_path / "home.log").read_text()
