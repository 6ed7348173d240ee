"""Pins and ranges of this repository's requirement files."""

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def requirements(path: Path) -> list[Requirement]:
    """The requirements of a file; hashes, comments and references to other files left out."""
    lines = (line.partition(" \\")[0].partition(" #")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def pins(path: Path) -> dict[str, str]:
    """Exact versions by name."""
    found: dict[str, str] = {}
    for requirement in requirements(path):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{requirement} in {path.name} is not pinned"
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def ranges() -> dict[str, list[Requirement]]:
    """pyproject.toml's dependencies by extra ("" for those of every install), without references to our own extras."""
    table = project()
    groups = {"": table["dependencies"], **table["optional-dependencies"]}
    parsed = {extra: [Requirement(text) for text in texts] for extra, texts in groups.items()}
    return {extra: [found for found in all_of if found.name != table["name"]] for extra, all_of in parsed.items()}
