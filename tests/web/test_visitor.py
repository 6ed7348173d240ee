"""Who is asking, and what they may."""

import pytest

from evolink_ui.web.visitor import (
    COOKIE_SECONDS,
    KEY_SECONDS,
    RENEW_SECONDS,
    Caller,
    Cookies,
    caller_of,
    key_of,
    may,
    may_look,
    owns,
    user_name,
    visitor_of,
)
from tests.web.site import StandInJob


class Clock:
    """Seconds that a test sets."""

    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def value_of(line: str) -> str:
    return line.split(";")[0].partition("=")[2]


def test_a_cookie_names_its_visitor_until_it_is_too_old() -> None:
    clock = Clock()
    cookies = Cookies.create(b"secret", embedded=False, clock=clock)
    visitor = cookies.new_visitor()
    value = value_of(cookies.visitor_header(visitor, https=True))
    assert cookies.read_visitor(value) == (visitor, False)
    clock.now += RENEW_SECONDS + 1
    assert cookies.read_visitor(value) == (visitor, True)
    clock.now += COOKIE_SECONDS
    assert cookies.read_visitor(value) is None


def test_visitors_are_not_guessed_and_cookies_not_forged() -> None:
    cookies = Cookies.create(b"secret", embedded=False)
    assert len({cookies.new_visitor() for _ in range(1000)}) == 1000
    forged = Cookies.create(b"other", embedded=False)
    assert cookies.read_visitor(value_of(forged.visitor_header("v_1", https=False))) is None
    assert cookies.read_visitor("") is None


@pytest.mark.parametrize(
    ("embedded", "https", "wanted", "unwanted"),
    [
        (False, False, ["HttpOnly", "SameSite=Lax", "Path=/"], ["Secure", "Partitioned"]),
        (False, True, ["HttpOnly", "SameSite=Lax", "Secure"], ["Partitioned", "SameSite=None"]),
        (True, True, ["HttpOnly", "SameSite=None", "Secure", "Partitioned"], ["Lax"]),
    ],
)
def test_cookies_fit_where_the_page_lives(embedded: bool, https: bool, wanted: list[str], unwanted: list[str]) -> None:
    cookies = Cookies.create(b"secret", embedded=embedded)
    for line in (cookies.visitor_header("v_1", https=https), cookies.key_header("sk-1", "v_1", https=https)):
        attributes = [part.strip() for part in line.split(";")[1:]]
        assert set(wanted) <= set(attributes)
        assert not [word for word in unwanted if word in line.partition(";")[2]]


def test_a_sealed_key_opens_for_its_visitor_and_for_a_month() -> None:
    clock = Clock()
    cookies = Cookies.create(b"secret", embedded=False, clock=clock)
    line = cookies.key_header("sk-marked", "v_1", https=False)
    assert "sk-marked" not in line
    sealed = value_of(line)
    assert cookies.open_key(sealed, "v_1") == "sk-marked"
    assert cookies.open_key(sealed, "v_2") is None
    assert cookies.open_key(sealed[:-4] + "AAAA", "v_1") is None
    assert cookies.open_key("", "v_1") is None
    assert cookies.open_key("\x00é", "v_1") is None
    clock.now += KEY_SECONDS + 1
    assert cookies.open_key(sealed, "v_1") is None
    assert "Max-Age=0" in cookies.key_header("", "v_1", https=False)


def test_neither_repr_nor_str_of_a_caller_shows_a_key() -> None:
    cookies = Cookies.create(b"secret", embedded=False)
    caller = Caller("v_1", "192.0.2.1", False, None, cookies, "sk-marked", "sealed-marked")
    assert "marked" not in repr(caller) + str(caller) and "secret" not in repr(caller)
    assert caller.key() == "sk-marked"


def test_guests_own_nothing_owners_everything_and_strangers_may_only_stop_what_guests_began() -> None:
    cookies, elsewhere = (Cookies.create(secret, embedded=False) for secret in (b"secret", b"other"))
    guest = cookies.guest_name("192.0.2.1")
    assert guest == cookies.guest_name("192.0.2.1") != cookies.guest_name("192.0.2.2")
    assert guest != elsewhere.guest_name("192.0.2.1"), "whoever reads it could try all addresses"
    assert "192" not in guest
    by_guest, by_visitor = StandInJob("1", guest), StandInJob("2", "v_1")
    assert not owns(guest, by_guest) and owns("v_1", by_visitor) and not owns("v_2", by_visitor)
    assert not owns("user_v_1", by_visitor) and not owns("ü", by_visitor)
    assert may(guest, by_guest, "stop") and may("v_2", by_guest, "stop")
    assert not may(guest, by_guest, "delete") and not may("v_2", by_visitor, "stop")
    assert may("v_1", by_visitor, "delete")
    assert may_look("v_2", by_visitor, private=False) and not may_look("v_2", by_visitor, private=True)


def test_a_login_name_can_never_be_a_guest_or_a_cookie() -> None:
    for name in ("guest_1", "v_1", "user_1"):
        assert user_name(name) == f"user_{name}"


def test_without_the_guard_everybody_is_a_stranger_who_owns_nothing() -> None:
    class Bare:
        scope: dict[str, object] = {}  # noqa: RUF012 - a stand-in for a request
        request = None

    assert caller_of(Bare()) is None and key_of(Bare()) is None
    first, second = visitor_of(Bare()), visitor_of(Bare())
    assert first != second
    assert not owns(first, StandInJob("1", first))
