"""Signing in with an OpenID provider: who comes back is who went, and nobody else profits."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from evolink_ui.jobs.ledger import Ledger
from evolink_ui.web import oidc, session
from evolink_ui.web.oidc import Person, Provider
from evolink_ui.web.session import Pending, Sessions
from evolink_ui.web.visitor import Cookies, read_cookies
from tests.jobs.test_ledger import add
from tests.web.provider import CLIENT, SECRET, StandInProvider, provider
from tests.web.site import MP4, Site, call, site

Jar = dict[str, str]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandInProvider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def open_site(
    running: Site, stand_in: StandInProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:  # after `running`: each site sets the one upload folder, and sets it back
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evolink_ui.web.limits.LOGINS_PER_MINUTE", 100_000)
        with site(tmp_path_factory.mktemp("signin"), **settings_of(stand_in)) as running:
            yield running


def settings_of(stand_in: StandInProvider, **more: Any) -> dict[str, Any]:
    return {
        "oauth_client_id": CLIENT,
        "oauth_client_secret": SECRET,
        "openid_provider_url": stand_in.url,
        "allow_private_urls": True,
        "requests_per_minute": 100_000,
        **more,
    }


@pytest.fixture(autouse=True)
def calm(stand_in: StandInProvider) -> None:
    stand_in.calm()


def leave(client: httpx.Client, ticket: str = "") -> str:
    """Press the button; where the browser is sent."""
    answer = client.post("/signin", data={"ticket": ticket})
    assert answer.status_code == 200, answer.text
    found = re.search(r'url=([^"]+)"', answer.text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def back(url: str) -> str:
    """The person agrees at the provider; the path and query with which the browser comes back."""
    parts = urlsplit(httpx.get(url).headers["location"])
    return f"{parts.path}?{parts.query}"


def sign_in(client: httpx.Client, ticket: str = "") -> httpx.Response:
    return client.get(back(leave(client, ticket)))


def test_a_visitor_signs_in_keeps_what_was_made_before_and_signs_out(
    open_site: Site, stand_in: StandInProvider
) -> None:
    with open_site.visitor() as (client, visitor):
        open_site.desk.add("early", visitor)
        client.post("/key", json={"key": "sk-mine"})
        assert client.get("/signin/state").json()["signed_in"] is False
        answer = sign_in(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert call(client, "who") == [stand_in.user("anna1")] and call(client, "whose_key") == ["sk-mine"]
        assert client.get("/signin/state").json() == {"signed_in": True, "name": "anna", "ticket": ""}
        assert "delete" in client.get("/jobs/early").json()["actions"]
        assert client.post("/signout").headers["location"] == "/"
        assert call(client, "who") == [visitor] and call(client, "whose_key") == ["owner"]
        assert client.get("/jobs/early").json()["actions"] == []
    with open_site.visitor() as (elsewhere, _):
        sign_in(elsewhere)
        assert "delete" in elsewhere.get("/jobs/early").json()["actions"]


def test_only_who_it_is_is_asked_for_and_the_secret_stays_here(open_site: Site, stand_in: StandInProvider) -> None:
    with open_site.visitor() as (client, _):
        url = leave(client)
        asked = parse_qs(urlsplit(url).query)
        assert asked["scope"] == ["openid profile"] and asked["response_type"] == ["code"]
        assert asked["redirect_uri"] == [f"{open_site.url}/signin/callback"]
        answer = client.get(back(url))
        cookies = "".join(f"{name}{value}" for name, value in client.cookies.items())
        for text in (url, answer.text, str(answer.headers), cookies):
            assert SECRET not in text and not any(token in text for token in stand_in.tokens)


def test_what_was_made_in_a_frame_comes_along_to_the_new_tab(open_site: Site) -> None:
    with open_site.visitor() as (framed, visitor), open_site.client() as tab:
        open_site.desk.add("framed", visitor)
        sign_in(tab, framed.get("/signin/state").json()["ticket"])
        assert "delete" in tab.get("/jobs/framed").json()["actions"]
        assert call(framed, "who") == [visitor], "the frame did not sign in: whoever holds a ticket gains no sign-in"


@pytest.mark.parametrize("ticket", ["x", "a.b", "v_someone", "user_hf:anna1", "A" * 600])
def test_a_ticket_that_is_not_ours_brings_nothing_along(open_site: Site, ticket: str) -> None:
    open_site.desk.add("others", "v_someone")
    with open_site.visitor() as (client, _):
        assert sign_in(client, ticket).status_code == 303
        assert client.get("/jobs/others").json()["actions"] == []


def test_nobody_who_is_signed_in_loses_jobs_to_the_next_one(open_site: Site, stand_in: StandInProvider) -> None:
    with open_site.visitor() as (client, _):
        sign_in(client)
        open_site.desk.add("annas", stand_in.user("anna1"))
        stand_in.person = {"sub": "ben2", "preferred_username": "ben"}
        sign_in(client)
        assert call(client, "who") == [stand_in.user("ben2")]
        assert client.get("/jobs/annas").json()["actions"] == []


def refused(answer: httpx.Response, client: httpx.Client, status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert "not signed in" in answer.text or "reached for signing in" in answer.text
    assert client.get("/signin/state").json()["signed_in"] is False


def test_a_way_back_that_was_not_begun_here_leads_nowhere(open_site: Site, stand_in: StandInProvider) -> None:
    """A stranger's code, planted into somebody's browser, would sign them in as the stranger."""
    with open_site.visitor() as (attacker, _), open_site.visitor() as (victim, _):
        planted = back(leave(attacker))
        refused(victim.get(planted), victim)
        leave(victim)  # also while a sign-in of the victim's own is under way
        refused(victim.get(planted), victim)
        assert stand_in.asked.count("/token") == 0, "no code was even tried"


def test_a_way_back_works_once(open_site: Site) -> None:
    with open_site.visitor() as (client, _):
        leave(client)
        before = dict(client.cookies.items())
        way_back = back(leave(client))
        cookies = dict(client.cookies.items())
        assert cookies != before
        assert client.get(way_back).status_code == 303
        client.post("/signout")
        refused(client.get(way_back), client)
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        replayed = httpx.get(open_site.url + way_back, headers={"Cookie": header})
        assert replayed.status_code == 502 and "evolink_session=v" not in str(replayed.headers)


@pytest.mark.parametrize(
    "query", ["", "?code=", "?code=x", "?state=x", "?code=x&state=", "?error=access_denied&state={s}"]
)
def test_a_way_back_without_a_code_signs_nobody_in(open_site: Site, query: str, stand_in: StandInProvider) -> None:
    with open_site.visitor() as (client, _):
        state = parse_qs(urlsplit(leave(client)).query)["state"][0]
        refused(client.get("/signin/callback" + query.replace("{s}", state)), client)
        assert "/token" not in stand_in.asked


def test_a_code_of_another_client_or_another_browser_is_refused(open_site: Site, stand_in: StandInProvider) -> None:
    with open_site.visitor() as (client, _), open_site.visitor() as (other, _):
        state = parse_qs(urlsplit(leave(client)).query)["state"][0]
        foreign = parse_qs(urlsplit(back(leave(other))).query)["code"][0]
        refused(client.get("/signin/callback", params={"code": foreign, "state": state}), client, 502)
        state = parse_qs(urlsplit(leave(client)).query)["state"][0]
        stand_in.codes["other"] = {
            "nonce": "other",
            "redirect_uri": f"{open_site.url}/signin/callback",
            "code_challenge": "other",
        }
        refused(client.get("/signin/callback", params={"code": "other", "state": state}), client, 502)


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_back_to_the_app_and_nowhere_else(open_site: Site, target: str) -> None:
    with open_site.visitor() as (client, _):
        ways = dict.fromkeys(("next", "_target_url", "redirect_uri", "return_to", "url"), target)
        answer = client.post("/signin", data=ways, params=ways)
        assert "evil.example" not in answer.text and "javascript" not in answer.text
        found = re.search(r'url=([^"]+)"', answer.text)
        assert found is not None
        back_again = client.get(back(found[1].replace("&amp;", "&")) + f"&next={target}&_target_url={target}")
        assert (back_again.status_code, back_again.headers["location"]) == (303, "/")


def test_another_sites_page_starts_no_sign_in_and_signs_nobody_out(open_site: Site) -> None:
    with open_site.visitor() as (client, _):
        for path in ("/signin", "/signout"):
            assert client.post(path, headers={"Origin": "https://evil.example"}).status_code == 403
            assert client.get("/signout").status_code == 404


BROKEN: list[tuple[str, Response]] = [
    ("/token", PlainTextResponse("down", 500)),
    ("/token", PlainTextResponse("x" * 100_000)),
    ("/token", JSONResponse({"error": "invalid_client"}, 401)),
    ("/token", JSONResponse(["access_token"])),
    ("/token", JSONResponse({"access_token": ""})),
    ("/token", JSONResponse({"access_token": "a\r\nX-Injected: 1"})),
    ("/token", RedirectResponse("https://evil.example/", 307)),
    ("/userinfo", PlainTextResponse("down", 500)),
    ("/userinfo", JSONResponse({}, 401)),
    ("/userinfo", JSONResponse({})),
    ("/userinfo", JSONResponse({"preferred_username": "anna"})),
    ("/userinfo", JSONResponse({"sub": ""})),
    ("/userinfo", JSONResponse({"sub": 7})),
    ("/userinfo", JSONResponse({"sub": "a\nb"})),
    ("/userinfo", JSONResponse({"sub": "a" * 200})),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_provider_that_is_down_or_odd_signs_nobody_in(
    open_site: Site, stand_in: StandInProvider, number: int
) -> None:
    path, said = BROKEN[number]
    with open_site.visitor() as (client, _):
        way_back = back(leave(client))
        stand_in.answers[path] = said
        refused(client.get(way_back), client, 502)


METADATA: list[Response] = [
    PlainTextResponse("down", 503),
    PlainTextResponse("none", 404),
    JSONResponse({"issuer": "https://evil.example"}),
    RedirectResponse("https://evil.example/"),
    PlainTextResponse("[" * 10_000),
]


@pytest.mark.parametrize("number", range(len(METADATA)))
async def test_metadata_that_are_missing_or_anothers_lead_nowhere(stand_in: StandInProvider, number: int) -> None:
    stand_in.answers["/.well-known/openid-configuration"] = METADATA[number]
    with pytest.raises(oidc.SignInFailed):
        await Provider(stand_in.url, CLIENT, SECRET, allow_private=True).authorize_url("https://a/b", "s", "v", "n")


def test_a_provider_that_is_down_is_told_on_the_page(tmp_path: Path) -> None:
    gone = StandInProvider("http://127.0.0.1:1")
    with site(tmp_path, **settings_of(gone)) as running, running.client() as client:
        refused(client.post("/signin"), client, 502)


async def test_a_provider_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "PROVIDER_SECONDS", 0.01)
    for url in ("http://127.0.0.1:1", "https://10.0.0.1", "https://127.0.0.1"):
        with pytest.raises(oidc.SignInFailed):
            await Provider(url, CLIENT, SECRET, allow_private=True).authorize_url("https://a/b", "s", "v", "n")


@pytest.mark.parametrize(
    "endpoint", [None, "", 7, "http://10.0.0.1/token", "ftp://a/b", "https://", "https://a/b#c", "https://a b/", "é"]
)
async def test_an_end_point_that_is_no_address_is_not_used(stand_in: StandInProvider, endpoint: object) -> None:
    good = {f"{name}_endpoint": f"{stand_in.url}/{name}" for name in ("authorization", "userinfo")}
    said = {"issuer": stand_in.url, **good, "token_endpoint": endpoint}
    stand_in.answers["/.well-known/openid-configuration"] = JSONResponse(said)
    with pytest.raises(oidc.SignInFailed):
        await Provider(stand_in.url, CLIENT, SECRET, allow_private=True).authorize_url("https://a/b", "s", "v", "n")


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"sub": "s1"}, ""),
        ({"sub": "s1", "preferred_username": None, "name": "Anna B"}, "Anna B"),
        ({"sub": "s1", "preferred_username": ["x"]}, ""),
        ({"sub": "s1", "preferred_username": "a\nb"}, ""),
        (
            {"sub": "s1", "preferred_username": "<script>alert(1)</script>" * 9},
            "<script>alert(1)</script><script>alert(1",
        ),
        ({"sub": "s1", "preferred_username": "安娜" * 30}, "安娜" * 20),
    ],
)
def test_a_person_without_a_usable_name_is_still_the_same_person(
    open_site: Site, stand_in: StandInProvider, person: dict[str, Any], name: str
) -> None:
    stand_in.person = person
    with open_site.visitor() as (client, _):
        assert sign_in(client).status_code == 303
        assert client.get("/signin/state").json()["name"] == name
        assert call(client, "who") == [stand_in.user("s1")]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (60, 60),
        (10**12, oidc.SESSION_MAX_SECONDS),
        (None, oidc.SESSION_DEFAULT_SECONDS),
        (-5, oidc.SESSION_DEFAULT_SECONDS),
        ("60", oidc.SESSION_DEFAULT_SECONDS),
        (True, oidc.SESSION_DEFAULT_SECONDS),
    ],
)
def test_a_session_ends_with_what_the_provider_gave(
    open_site: Site, stand_in: StandInProvider, expires_in: object, seconds: int
) -> None:
    stand_in.expires_in = expires_in
    with open_site.visitor() as (client, _):
        lines = sign_in(client).headers.get_list("set-cookie")
        assert any(line.startswith("evolink_session=") and f"Max-Age={seconds};" in line for line in lines)
        assert any(line.startswith("evolink_signing_in=;") and "Max-Age=0;" in line for line in lines)


def test_sessions_and_sign_ins_end_by_themselves_and_cannot_be_forged() -> None:
    now = [1_000_000.0]
    cookies = Cookies.create(b"secret", embedded=True)
    ours = Sessions(b"secret", cookies, clock=lambda: now[0])
    foreign = Sessions(b"other", Cookies.create(b"other", embedded=True), clock=lambda: now[0])
    line = ours.session_line(Person("https://huggingface.co", "s1", "anna", 60), https=True)
    assert "HttpOnly; SameSite=None; Secure; Partitioned" in line
    jar = jar_of(line)
    assert ours.user(jar) == "hf:s1" and foreign.user(jar) is None
    pending = Pending("state", "verifier", "https://a/b", ["v_1"])
    begun = jar_of(ours.pending_line(pending, https=True))
    assert "verifier" not in str(begun)
    assert ours.pending(begun, "state") == pending
    assert ours.pending(begun, "other") is None and foreign.pending(begun, "state") is None
    assert ours.pending(jar, "state") is None and ours.pending({}, "é") is None
    ticket = ours.ticket("v_1")
    assert ours.visitor_of_ticket(ticket) == "v_1" and foreign.visitor_of_ticket(ticket) is None
    assert ours.ticket("user_hf:s1") == ours.ticket("guest_1") == ""
    # Each cookie is good for its own purpose alone.
    visitor = jar_of(cookies.visitor_header("v_1", https=True))["evolink_visitor"]
    assert ours.user({session.SESSION_COOKIE: visitor}) is None
    assert ours.user({session.SESSION_COOKIE: ticket}) is None
    assert ours.visitor_of_ticket(jar[session.SESSION_COOKIE]) is None
    assert cookies.read_visitor(jar[session.SESSION_COOKIE]) is None
    now[0] += 61
    assert ours.user(jar) is None
    now[0] += session.PENDING_SECONDS
    assert ours.pending(begun, "state") is None
    now[0] += session.TICKET_SECONDS
    assert ours.visitor_of_ticket(ticket) is None


def jar_of(line: str) -> Jar:
    return read_cookies(line.split(";")[0].encode(), https=True)


def test_where_signing_in_is_required_nothing_but_the_way_in_is_open(
    stand_in: StandInProvider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("required")
    settings = settings_of(stand_in, sign_in="required")
    with site(folder, **settings) as closed, closed.client() as anna, closed.client() as ben, closed.client() as nobody:
        page = nobody.get("/", headers={"Sec-Fetch-Dest": "iframe"})
        assert page.status_code == 200 and 'target="_blank"' in page.text and "gradio" not in page.text
        assert 'target="_self"' in nobody.get("/").text
        assert "script" not in page.headers["content-security-policy"]
        for path in ("/config", "/jobs/annas", "/gradio_api/info", "/gradio_api/heartbeat/a", "/key"):
            assert nobody.get(path).status_code == 401, path
        for path in ("/gradio_api/call/who", "/gradio_api/upload", "/gradio_api/queue/join", "/jobs/annas/stop"):
            assert nobody.post(path, json={"data": []}).status_code == 401, path
        assert nobody.get("/healthz").status_code == 200
        sign_in(anna)
        stand_in.person = {"sub": "ben2"}
        sign_in(ben)
        closed.desk.add("annas", stand_in.user("anna1"), result=MP4)
        result = "/" + anna.get("/jobs/annas").json()["result"]["url"]
        assert anna.get(result).content == MP4 and "gradio" in anna.get("/").text
        assert [ben.get(path).status_code for path in ("/jobs/annas", result)] == [404, 404]
        assert nobody.get(result).status_code == 404
        forged = {"Cookie": "evolink_session=" + "A" * 40 + ".AAAAAAAAAAAAAAAAAAAAAA"}
        assert nobody.get("/jobs/annas", headers=forged).status_code == 401


def test_on_a_space_the_way_back_is_the_address_that_the_visitor_used(
    stand_in: StandInProvider, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "anna/dance")
    monkeypatch.setenv("SPACE_HOST", "anna-dance.hf.space,dance.example.com")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/dance")
    with site(tmp_path_factory.mktemp("space"), **settings_of(stand_in)) as space, space.client() as client:
        for host, wanted in (
            ("dance.example.com", "https://dance.example.com"),
            ("anna-dance.hf.space", "https://anna-dance.hf.space"),
            ("evil.example", "https://anna-dance.hf.space"),
        ):
            headers = {"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "Origin": wanted}
            answer = client.post("/dance/signin", headers=headers)
            redirect = parse_qs(urlsplit(answer.text.split("url=")[1].split('"')[0].replace("&amp;", "&")).query)
            assert redirect["redirect_uri"] == [f"{wanted}/dance/signin/callback"]
            assert "SameSite=None; Secure; Partitioned" in answer.headers["set-cookie"]
            assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]
            assert client.post("/dance/signout", headers=headers).headers["location"] == "/dance/"
            assert 'action="/dance/signin"' in client.get("/dance/signin", headers=headers).text


def test_where_no_provider_is_set_up_there_is_no_way_to_one(running: Site) -> None:
    for method, path in (("GET", "/signin"), ("POST", "/signin"), ("GET", "/signin/callback"), ("POST", "/signout")):
        assert httpx.request(method, running.url + path).status_code == 404


def test_the_ledger_hands_all_jobs_of_one_visitor_over_and_nobody_elses(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    for job_id, visitor in (("a", "v_1"), ("b", "v_1"), ("c", "v_2")):
        add(ledger, job_id, visitor=visitor)
    assert ledger.hand_over("v_1", "user_hf:anna1") == 2
    assert [ledger.get(job_id).visitor for job_id in "abc"] == ["user_hf:anna1", "user_hf:anna1", "v_2"]
    assert ledger.hand_over("v_1", "user_hf:anna1") == 0
    ledger.close()
