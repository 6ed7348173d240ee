"""The shipped haproxy.cfg, in front of two stand-ins: who gets which visitor, and what visitors can't forge."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolink_ui.web.origin import FORWARDING

from .proxy import FRONT, SHIPPED, proxy
from .stand_ins import NameServer, Replica

SEEN_SECONDS = 8.0  # two probes a second apart, and a busy machine
SOURCES = [f"127.0.1.{number}" for number in range(2, 14)]  # so many that each replica has some of them
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the world's certificates takes 20 ms for each client
FORGED = {name.decode(): "203.0.113.1" for name in FORWARDING} | {"x-forwarded-proto": "https"}


@pytest.fixture
def replicas() -> Iterator[tuple[Replica, Replica]]:
    with Replica("app-1") as first, Replica("app-2") as second:
        yield first, second


@pytest.fixture
def url(replicas: tuple[Replica, Replica], tmp_path: Path) -> Iterator[str]:
    with proxy(tmp_path, [replica.address for replica in replicas]) as address:
        until(lambda: served(address) == {"app-1", "app-2"})
        yield address


def until(holds: Callable[[], bool], seconds: float = SEEN_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def asked_from(url: str, source: str, **options: Any) -> httpx.Response:
    """One request from an address of loopback."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source, verify=NO_TLS)) as client:
        return client.request(options.pop("method", "GET"), url, timeout=10, **options)


def replica_of(answer: httpx.Response) -> str:
    name: str = answer.json()["replica"]
    return name


def served(url: str) -> set[str]:
    """The replicas that new visitors get."""
    return {replica_of(asked_from(url, source)) for source in SOURCES}


def test_new_visitors_are_spread_and_each_one_stays_where_it_began(url: str) -> None:
    assert served(url) == {"app-1", "app-2"}
    with httpx.Client(base_url=url, trust_env=False) as visitor:
        assert len({replica_of(visitor.get("/")) for _ in range(10)}) == 1
        assert visitor.cookies.get("replica") == replica_of(visitor.get("/"))


def test_a_program_without_cookies_finds_its_answer_where_it_asked(url: str) -> None:
    """A call of Gradio's API is a POST and then a GET for the answer, which only that process has."""
    for source in SOURCES:
        assert len({replica_of(asked_from(url, source)) for _ in range(3)}) == 1


def test_who_takes_no_orders_gets_no_new_visitors_and_keeps_its_own(
    url: str, replicas: tuple[Replica, Replica]
) -> None:
    with httpx.Client(base_url=url, trust_env=False, cookies={"replica": "app-1"}) as visitor:
        replicas[0].is_ready = False
        until(lambda: served(url) == {"app-2"})
        assert replica_of(visitor.get("/")) == "app-1", "its uploads and events are there"
        replicas[0].lives = False
        until(lambda: replica_of(visitor.get("/")) == "app-2")
        replicas[0].is_ready = replicas[0].lives = True
        until(lambda: served(url) == {"app-1", "app-2"})


def test_while_nobody_takes_orders_everybody_still_gets_the_page(url: str, replicas: tuple[Replica, Replica]) -> None:
    for replica in replicas:
        replica.is_ready = False
    time.sleep(SEEN_SECONDS / 2)
    assert served(url) == {"app-1", "app-2"}


def test_while_no_replica_lives_visitors_are_told_what_happened_to_their_money(
    url: str, replicas: tuple[Replica, Replica]
) -> None:
    for replica in replicas:
        replica.lives = False
    until(lambda: httpx.get(url, trust_env=False).status_code == 503)
    assert "Nothing was ordered or charged." in httpx.get(url, trust_env=False).text


def test_a_page_is_asked_again_and_an_order_is_not(url: str, replicas: tuple[Replica, Replica]) -> None:
    """A replica that ends closes connections that it has taken and not read."""
    first, second = replicas
    first.breaks_off = True
    cookie = {"Cookie": "replica=app-1"}
    assert replica_of(httpx.get(f"{url}/page", headers=cookie, trust_env=False)) == "app-2"
    first.asked.clear()
    second.asked.clear()
    answer = httpx.post(f"{url}/order", headers=cookie, trust_env=False)
    assert answer.status_code == 502
    assert "look under My videos before you order again" in answer.text
    assert first.asked == ["POST /order"] and second.asked == []


def test_visitors_can_not_say_where_they_come_from(url: str) -> None:
    headers = asked_from(url, "127.0.1.7", headers=FORGED).json()["headers"]
    assert headers.keys() & FORGED.keys() == {"x-forwarded-for", "x-forwarded-proto"}
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.1.7", "http")


def test_the_tls_front_says_where_its_visitors_come_from(url: str) -> None:
    said = {**FORGED, "X-Forwarded-For": "198.51.100.4"}
    answer = asked_from(url, FRONT, headers=said)
    headers = answer.json()["headers"]
    assert headers["x-forwarded-proto"] == "https" and "x-forwarded-host" not in headers
    # http.server shows the last of two lines; the app joins both and takes the right-most address that is no proxy's.
    assert headers["x-forwarded-for"] in ("198.51.100.4", "198.51.100.4, " + FRONT, FRONT)
    spread = {
        replica_of(asked_from(url, FRONT, headers={"X-Forwarded-For": f"198.51.100.{place}"})) for place in range(12)
    }
    assert spread == {"app-1", "app-2"}, "all visitors of the front would share one replica"


def test_replicas_whose_names_are_not_known_yet_or_change_their_address(tmp_path: Path) -> None:
    with Replica("app-1") as first, NameServer() as names:
        port = first.server_address[1]
        known = [f"app-1:{port}", f"app-2:{port}"]
        with proxy(tmp_path, known, name_server_port=names.port) as url:
            assert httpx.get(url, trust_env=False).status_code == 503, "it runs, and has nobody to ask"
            names.addresses["app-1"] = "127.0.0.1"
            until(lambda: httpx.get(url, trust_env=False).status_code == 200)
            names.addresses["app-1"] = "127.0.0.99"  # where nobody listens
            until(lambda: httpx.get(url, trust_env=False).status_code == 503)
            names.addresses["app-1"] = "127.0.0.1"
            until(lambda: httpx.get(url, trust_env=False).status_code == 200)


def test_the_shipped_file_starts_while_names_do_not_resolve() -> None:
    assert "init-addr libc,none" in SHIPPED.read_text()
