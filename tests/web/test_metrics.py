"""/metrics tells an operator how the app does, and nobody else anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.site import Site, site

TOKEN = "prometheus-01-aZ9_kq7RrT4yWmN2-xB6"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a token, a cap, and a proxy on loopback that is trusted."""
    with site(
        tmp_path_factory.mktemp("scraped"),
        metrics_token=TOKEN,
        daily_credits=500.0,
        trusted_proxies="127.0.0.0/8",
        requests_per_minute=100_000,
        public_url="https://videos.example",
    ) as started:
        yield started


def ask(running: Site, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.get(f"{running.url}/metrics", headers=headers, trust_env=False)


def values(text: str) -> dict[str, float]:
    """Every sample by its name and labels, as `name{a=b}`."""
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_program_on_this_machine_reads_what_an_operator_watches(scraped: Site) -> None:
    answer = ask(scraped)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = values(answer.text)
    assert found["evolink_ui_jobs{state=unknown}"] == 1
    assert found["evolink_ui_queue_length"] == 2
    assert found["evolink_ui_stopped_paid_jobs"] == 3
    assert found["evolink_ui_spent_today_credits{payer=owner}"] == 32.7
    assert found["evolink_ui_spent_today_credits{payer=visitors}"] == 9.5
    assert found["evolink_ui_orders_today"] == 4
    assert found["evolink_ui_daily_cap_credits"] == 500
    assert found["evolink_ui_ready"] == found["evolink_ui_database_answers"] == 1
    assert found["evolink_ui_disk_free_bytes"] > 0
    for name in ("check", "fix", "render"):
        assert f"evolink_ui_{name}_seconds_count" in found
    assert "process_resident_memory_bytes" in found


def test_a_database_that_is_away_is_seen_in_the_metrics(scraped: Site, caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        async def health(self) -> dict[str, object]:
            return await scraped.desk.figures()  # type: ignore[return-value]  # raises

    scraped.desk.healthy = False
    scraped.desk.health = Away().health  # type: ignore[method-assign]
    try:
        answer = ask(scraped)
    finally:
        scraped.desk.healthy = True
        del scraped.desk.health
    found = values(answer.text)
    assert found["evolink_ui_ready"] == found["evolink_ui_database_answers"] == 0
    assert "evolink_ui_queue_length" not in found, "an unknown number is no number"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": ""},
        {"x-real-ip": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Proto": "https"},
        {"CF-Connecting-IP": "203.0.113.7"},
        {"X-Client-IP": "127.0.0.1"},
        {"Host": "videos.example"},
        {"Host": "rebound.example:7860"},
        {"Host": "localhost.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Authorization": f"Bearer {TOKEN[:-1]}", "Via": "x"},
        {"Authorization": f"Bearer {TOKEN}x", "Via": "x"},
        {"Authorization": "Bearer", "Via": "x"},
        {"Authorization": f"Basic {TOKEN}", "Via": "x"},
        {"Authorization": TOKEN, "Via": "x"},
        {"Authorization": "Bearer \xff\xfe", "Via": "x"},
        {"Cookie": f"token={TOKEN}", "Via": "x"},
    ],
)
def test_whoever_came_through_a_proxy_or_another_name_needs_the_token(scraped: Site, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = httpx.get(f"{scraped.url}/metrics", headers=raw, trust_env=False)
    assert answer.status_code in (400, 404)
    assert "evolink_ui_" not in answer.text


def test_the_token_opens_it_from_everywhere(scraped: Site) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {TOKEN}", "X-Forwarded-For": "203.0.113.7", "Host": "app-1:7860"}
        assert "evolink_ui_jobs" in ask(scraped, headers).text


def test_the_token_in_the_address_opens_nothing(scraped: Site) -> None:
    answer = httpx.get(f"{scraped.url}/metrics?token={TOKEN}", headers={"Via": "x"}, trust_env=False)
    assert answer.status_code == 404


def test_without_a_token_no_bearer_is_right(running: Site) -> None:
    for given in ("None", "false", TOKEN):
        answer = ask(running, {"Authorization": f"Bearer {given}", "X-Forwarded-For": "203.0.113.7"})
        assert answer.status_code == 404
    assert ask(running).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(scraped: Site, method: str) -> None:
    assert httpx.request(method, f"{scraped.url}/metrics", headers=BEARER, trust_env=False).status_code in (403, 404)


def test_its_paths_are_exact(scraped: Site) -> None:
    for path in ("/metrics/x", "/metrics%2f..%2fjobs", "//metrics", "/gradio_api/metrics"):
        assert httpx.get(scraped.url + path, headers=BEARER, trust_env=False).status_code == 404, path


def test_no_label_names_a_person_a_key_or_a_task(scraped: Site) -> None:
    scraped.desk.add("job-of-anna", "user_anna")
    text = ask(scraped).text
    assert set(re.findall(r"[{,](\w+)=", text)) <= {"state", "payer", "place", "outcome", "check", "le"}
    assert "anna" not in text and "task-unified" not in text


def test_on_an_instance_with_logins_the_token_is_enough(tmp_path: Path) -> None:
    with site(tmp_path, metrics_token=TOKEN, auth="anna:secret-of-anna") as private:
        assert "evolink_ui_jobs" in ask(private, BEARER | {"Via": "x"}).text
        assert ask(private, {"Via": "x"}).status_code == 404


def test_it_carries_no_cookie_and_is_never_kept(scraped: Site) -> None:
    headers = ask(scraped).headers
    assert "set-cookie" not in headers
    assert headers["cache-control"] == "no-store"
