"""What the app is built from and runs beside has exact versions, and containers are confined."""

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from tests.pins import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXACT = re.compile(r"^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?$")  # a digest would be one of a single registry's


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    return services


def test_every_image_has_an_exact_version() -> None:
    services = compose()
    images = [service["image"] for service in services.values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    images += re.findall(r"container: (\S+)", "".join(path.read_text() for path in WORKFLOWS))
    assert len(images) > 5
    for image in images:
        assert EXACT.match(image), image
        assert image.startswith("postgres:") or image.count(".") >= 2, image


def test_every_container_is_confined() -> None:
    services = compose()
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "front" else []), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["pids_limit"], name


def test_the_workflows_use_exact_versions_and_run_what_ci_runs() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"[\w./-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", action) for action in used), used
    assert "run: .ci/run" in text and "pip-audit==" in text and "codeql-action/analyze@" in text
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}, path.name
