"""The packages that a Space's builder installs: requirements.txt and its own additions, in one resolution.

python -m tests.spaces.builder FOLDER [--with-tests]

makes a virtual environment with them. Resolved by uv, which needs the package index (or its cache) and nothing else.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.pins import ROOT, pins

SECONDS = 600.0
"""Until everything is downloaded and installed; with a warm cache it takes about ten."""


def simple_lines(readme: str) -> dict[str, str]:
    """The lines `name: value` of a README's front matter."""
    head = readme.split("---\n")[1]
    return {name: value.strip('"') for name, value in re.findall(r"^(\w+): (\S.*)$", head, re.M)}


def front_matter() -> dict[str, str]:
    """Those of this repository's README."""
    return simple_lines((ROOT / "README.md").read_text())


def added_by_builder() -> list[str]:
    """What the builder adds to requirements.txt, as its logs show."""
    return [f"gradio[oauth,mcp]=={front_matter()['sdk_version']}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]


def uv(*arguments: str, standard_input: str = "") -> str:
    """Run uv without this repository's overrides.

    Raises:
        subprocess.CalledProcessError: with uv's explanation in `stderr`.
    """
    command = [str(Path(sys.executable).with_name("uv")), *arguments, "--no-config", "--quiet"]
    without = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(
        command, input=standard_input, env=without, capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout


def resolve(folder: Path) -> dict[str, str]:
    """The builder's resolution: version by name. folder: any empty one, for the result."""
    result = folder / "resolved.txt"
    target = ("--python-version", front_matter()["python_version"], "--output-file", str(result))
    uv("pip", "compile", *target, str(ROOT / "requirements.txt"), "-", standard_input="\n".join(added_by_builder()))
    return pins(result)


def make_environment(folder: Path, *more: str) -> Path:
    """Make the environment with the builder's packages, and `more` as uv's arguments; gives its python."""
    python = folder / "bin" / "python"
    if not python.exists():
        uv("venv", str(folder), "--python", sys.executable)
    uv("pip", "install", "--python", str(python), "-r", str(ROOT / "requirements.txt"), *added_by_builder(), *more)
    return python


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--with-tests", action="store_true", help="with the development tools, too")
    chosen = parser.parse_args()
    try:
        make_environment(chosen.folder, *(["-r", str(ROOT / "requirements-dev.txt")] if chosen.with_tests else []))
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)


if __name__ == "__main__":
    main()
