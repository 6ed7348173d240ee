"""What is installed: ranges in pyproject.toml, pins in requirements.txt, both locks, the wheel."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

import evolink_ui
from evolink_ui.extras import MODULES
from tests.pins import ROOT, pins, project, ranges, requirements
from tests.spaces.builder import resolve, uv

PIPS = pins(ROOT / "requirements.txt")
LOCK = pins(ROOT / "requirements.lock")
DEV_LOCK = pins(ROOT / "requirements-dev.lock")
OVERRIDDEN = {"pillow"}
"""The packages of which the locks hold another version than pip's resolver allows."""


def test_every_pin_lies_in_pyprojects_range_and_every_range_has_a_pin() -> None:
    declared = [requirement for all_of in ranges().values() for requirement in all_of]
    assert {canonicalize_name(requirement.name) for requirement in declared} == set(PIPS)
    for requirement in declared:
        for held in (PIPS, LOCK):
            version = held[canonicalize_name(requirement.name)]
            assert version in requirement.specifier, f"{requirement} and {version}"


def test_requirements_txt_asks_for_the_same_extras_and_platforms() -> None:
    pinned = {canonicalize_name(found.name): found for found in requirements(ROOT / "requirements.txt")}
    for extra, all_of in ranges().items():
        for wanted in all_of:
            found = pinned[canonicalize_name(wanted.name)]
            assert str(wanted.marker) == str(found.marker), found
            if extra != "mcp":  # which the Space's builder adds by itself
                assert wanted.extras == found.extras, found


def test_the_four_packages_that_the_app_is_built_from_are_there() -> None:
    assert {"gradio", "httpx", "pillow", "moviepy"} <= set(PIPS)


def test_both_locks_hold_the_pins_with_hashes_and_the_newer_pillow() -> None:
    for name, locked in (("requirements.lock", LOCK), ("requirements-dev.lock", DEV_LOCK)):
        assert {pin for pin, version in PIPS.items() if locked[pin] != version} == OVERRIDDEN, "run `make lock`"
        text = (ROOT / name).read_text()
        assert text.count("--hash=sha256:") >= len(locked)
        assert "/" not in "".join(re.findall(r"^\s+# via -r (.*)$", text, re.M)), "the path of somebody's machine"
    assert LOCK.items() <= DEV_LOCK.items(), "what is tested is what runs"
    assert (Version(PIPS["pillow"]).major, Version(LOCK["pillow"])) < (12, Version("12.3.1"))
    assert Version(LOCK["pillow"]) >= Version("12.3.0")


def test_every_line_of_the_development_requirements_is_locked() -> None:
    wanted = pins(ROOT / "requirements-dev.txt")
    assert wanted.items() <= DEV_LOCK.items(), "run `make lock`"


def test_a_space_can_install_it_and_gets_the_pinned_versions(tmp_path: Path) -> None:
    try:
        space = resolve(tmp_path)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr)
    assert PIPS.items() <= space.items()
    assert Version("2.11.10") <= Version(space["pydantic"]) <= Version("2.12.5"), "gradio[mcp]'s range"
    differing = {name for name in LOCK.keys() & space.keys() if LOCK[name] != space[name]}
    direct = differing & set(PIPS)
    assert direct == OVERRIDDEN, "the Space runs what the tests ran, but for Pillow"


# What is imported but comes with another package that chooses its version.
COMES_WITH = {"h11": "uvicorn", "certifi": "httpx", "httpcore": "httpx", "pydantic_core": "pydantic"}
# The scripts that made the renderer's weights are run once, by hand, and say themselves what they need.
NOT_AT_RUN_TIME = {"evolink_ui/sandbox/renderer/weights/convert.py"}


def imports(path: Path) -> set[str]:
    """The top-level names of the modules that a file imports, relative imports left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"evolink_ui"}


def test_every_package_that_is_imported_is_a_dependency_and_has_its_hint() -> None:
    files = [
        path for path in (ROOT / "evolink_ui").rglob("*.py") if path.relative_to(ROOT).as_posix() not in NOT_AT_RUN_TIME
    ]
    imported = set().union(*(imports(path) for path in files))
    distributions = packages_distributions()
    owners = {
        module: {canonicalize_name(COMES_WITH.get(module, owner)) for owner in distributions[module]}
        for module in imported
    }
    declared = {canonicalize_name(found.name): extra for extra, all_of in ranges().items() for found in all_of}
    assert {module for module, names in owners.items() if not names & declared.keys()} == set()
    hinted = {module for modules in MODULES.values() for module in modules}
    always = {"httpx", "pydantic", "onnxruntime", *COMES_WITH}  # installed by themselves, or missed by nobody
    assert imported - hinted - always == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the committed files and those that are about to be."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        [
            "/usr/bin/env",
            "git",
            "ls-files",
            "-co",
            "--exclude-standard",
            "evolink_ui",
            "pyproject.toml",
            "README.md",
            "LICENSE",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.splitlines()):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(folder / "source")], check=True
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    source = wheel.parent / "source"
    files = {path.relative_to(source).as_posix() for path in (source / "evolink_ui").rglob("*") if path.is_file()}
    assert files - set(zipfile.ZipFile(wheel).namelist()) == set()
    assert wheel.name.startswith(f"evolink_ui-{evolink_ui.__version__}-")


def test_the_changelog_and_the_version_belong_together() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased"
    assert evolink_ui.__version__ in headings
    assert "version" in project()["dynamic"]


def test_a_plain_install_gives_the_client_and_a_command_that_says_what_is_missing(wheel: Path, tmp_path: Path) -> None:
    uv("venv", str(tmp_path / "venv"), "--python", sys.executable)
    python, command = (tmp_path / "venv" / "bin" / name for name in ("python", "evolink-ui"))
    uv("pip", "install", "--python", str(python), str(wheel))
    code = "from evolink_ui import EvoLink, MotionControlRequest, failure_of; import evolink_ui.evolink"
    subprocess.run([python, "-c", code], cwd=tmp_path, check=True, timeout=60)
    installed = uv("pip", "freeze", "--python", str(python)).split()
    assert not [line for line in installed if line.startswith(("gradio", "dbos", "typer", "pillow"))]
    ended = subprocess.run([command, "serve"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.stderr == "typer is not installed. Run: pip install 'evolink-ui[cli]'\n"
    assert ended.returncode == 1
