"""deploy/compose.yaml, as far as it can be judged without Docker: its parts fit each other and the app."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from evolink_ui.jobs.machinery import ORDER_END_SECONDS
from evolink_ui.settings import load_settings
from evolink_ui.web.server import SHUTDOWN_SECONDS
from tests.pins import ROOT

DEPLOY = ROOT / "deploy"
OWN = {
    "EVOLINK_API_KEY": "sk-owner-0123456789abcdef",
    "EVOLINK_UI_SECRET": "k3J8sN2vQ9xZ4mB7tR1wY6uP5cF0dHgL",
    "PAGE_NAME": "videos.example.com",
    "STORE_NAME": "store.example.com",
    "POSTGRES_PASSWORD": "0f" * 32,
    "STORE_KEY_ID": "GK" + "0f" * 12,
    "STORE_KEY": "0f" * 32,
}
"""What the file's head asks a person to write into `.env`."""


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


def filled_in(text: str) -> str:
    """As Compose does for `${NAME}` and `${NAME:?hint}`; KeyError where the head names no such line."""
    return re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", lambda found: OWN[found[1]], text)


def seconds(text: str) -> float:
    assert re.fullmatch(r"\d+s", text), text
    return float(text[:-1])


@pytest.mark.parametrize("name", ["app-1", "app-2"])
def test_the_replicas_start_with_what_a_person_writes_into_env(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = services()[name]
    assert app["env_file"] == ["../.env"], "every setting of .env.example is passed on"
    for variable, value in app["environment"].items():
        monkeypatch.setenv(variable, filled_in(value))
    settings = load_settings(_env_file=None)
    assert settings.on_postgres and settings.hosting == "s3" and settings.has_s3
    assert settings.server_name == "0.0.0.0"
    assert settings.s3_endpoint == "https://store.example.com", "EvoLink fetches files at the address that is signed"
    assert settings.public_address == "https://videos.example.com"
    head = (DEPLOY / "compose.yaml").read_text().partition("x-confined")[0]
    assert all(f"#     {line}=" in head for line in OWN)


def test_a_replica_has_the_time_to_end_in_order() -> None:
    for name in ("app-1", "app-2"):
        assert seconds(services()[name]["stop_grace_period"]) >= ORDER_END_SECONDS + SHUTDOWN_SECONDS + 10


def test_every_service_says_how_it_is_and_nobody_starts_before_what_it_needs() -> None:
    found = services()
    for name, service in found.items():
        assert service["healthcheck"]["test"], name
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"} and needed in found
    assert "/livez" in str(found["app-1"]["healthcheck"]["test"])
    assert "/livez" in (ROOT / "Dockerfile").read_text()


def test_only_the_front_may_say_where_visitors_come_from() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    front = ipaddress.ip_address(whole["services"]["front"]["networks"]["inside"]["ipv4_address"])
    network = whole["networks"]["inside"]["ipam"]["config"][0]
    assert f"acl from_front src {front}\n" in (DEPLOY / "haproxy.cfg").read_text()
    assert front in ipaddress.ip_network(network["subnet"])
    assert front not in ipaddress.ip_network(network["ip_range"]), "another container could get its address"
    assert whole["services"]["app-1"]["environment"]["EVOLINK_UI_TRUSTED_PROXIES"] == network["subnet"]
    assert "ports" not in whole["services"]["app-1"], "nobody gets past the proxy"


def test_the_store_is_the_one_that_the_app_and_the_front_speak_to() -> None:
    store = tomllib.loads((DEPLOY / "garage.toml").read_text())
    app, service = services()["app-1"]["environment"], services()["store"]
    assert app["EVOLINK_UI_S3_REGION"] == store["s3_api"]["s3_region"]
    assert app["EVOLINK_UI_S3_BUCKET"] == service["environment"]["GARAGE_DEFAULT_BUCKET"]
    assert f"store:{store['s3_api']['api_bind_addr'].rpartition(':')[2]}" in (DEPLOY / "Caddyfile").read_text()
    assert store["rpc_bind_addr"].startswith("127.0.0.1:"), "the secret in this file is no secret"
    assert any(volume.startswith("store:") for volume in service["volumes"])
    for folder in (store["metadata_dir"], store["data_dir"]):
        assert folder.startswith("/var/lib/garage/"), "it would be lost with the container"
