"""The ID token says who signed in, or nobody is signed in."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from starlette.responses import JSONResponse, PlainTextResponse, Response

from evolink_ui.web.oidc import Person, Provider, SignInFailed
from evolink_ui.web.session import Pending, Sessions
from evolink_ui.web.signing import Signer
from evolink_ui.web.visitor import Cookies
from tests.web.provider import CLIENT, SECRET, StandInProvider, provider
from tests.web.site import Site, call, site
from tests.web.test_signin import jar_of, leave, settings_of, sign_in

NONCE = "nonce-of-this-sign-in"
Forge = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandInProvider]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def signing(stand_in: StandInProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evolink_ui.web.limits.LOGINS_PER_MINUTE", 100_000)
        with site(tmp_path_factory.mktemp("tokens"), **settings_of(stand_in)) as running:
            yield running


@pytest.fixture(autouse=True)
def calm(stand_in: StandInProvider) -> None:
    stand_in.calm()


async def person(stand_in: StandInProvider, nonce: str = NONCE) -> Person:
    """The person behind a code that the provider gave for `NONCE`."""
    uri, verifier = "https://app.example/signin/callback", "v" * 43
    client = Provider(stand_in.url, CLIENT, SECRET, allow_private=True)
    url = await client.authorize_url(uri, "state", verifier, NONCE)
    async with httpx.AsyncClient() as browser:
        location = (await browser.get(url)).headers["location"]
    return await client.person(httpx.URL(location).params["code"], verifier, uri, nonce)


async def refused(stand_in: StandInProvider, nonce: str = NONCE) -> None:
    with pytest.raises(SignInFailed):
        await person(stand_in, nonce)


async def test_a_right_token_says_who_it_is(stand_in: StandInProvider) -> None:
    found = await person(stand_in)
    assert (found.issuer, found.subject, found.name) == (stand_in.url, "anna1", "anna")


NOW = int(time.time())
CLAIMS: list[dict[str, Any]] = [
    {"aud": "client-2"},
    {"aud": ["client-2"]},
    {"aud": ["client-2", CLIENT]},
    {"aud": ["client-2", CLIENT], "azp": "client-2"},
    {"aud": CLIENT, "azp": "client-2"},
    {"aud": []},
    {"aud": None},
    {"aud": {"client-1": 1}},
    {"iss": "https://evil.example"},
    {"iss": None},
    {"iss": ["x"]},
    {"exp": NOW - 300},
    {"exp": None},
    {"exp": "never"},
    {"exp": True},
    {"iat": NOW + 3600},
    {"iat": None},
    {"nbf": NOW + 3600},
    {"sub": "ben2"},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": ["anna1"]},
    {"nonce": "another"},
    {"nonce": None},
    {"nonce": ""},
    {"nonce": [NONCE]},
    {"nonce": 7},
]


# Numbered: the times among them differ between the processes of one test run.
@pytest.mark.parametrize("number", range(len(CLAIMS)))
async def test_a_token_with_a_wrong_claim_signs_nobody_in(stand_in: StandInProvider, number: int) -> None:
    stand_in.claims = dict(CLAIMS[number])
    await refused(stand_in)


async def test_a_list_of_audiences_with_us_as_the_authorised_one_is_right(stand_in: StandInProvider) -> None:
    stand_in.claims = {"aud": ["client-2", CLIENT], "azp": CLIENT}
    assert (await person(stand_in)).subject == "anna1"


async def test_a_token_of_another_sign_in_signs_nobody_in(stand_in: StandInProvider) -> None:
    """A stolen code that is brought into another browser comes with that browser's nonce; one of before has none."""
    await refused(stand_in, "nonce-of-another-browser")
    await refused(stand_in, "")


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forgeries(stand_in: StandInProvider) -> dict[str, Forge]:
    """Tokens that say the right things and that the provider did not sign."""
    other = RSAKey.generate_key(2048)
    public_pem = stand_in.key.as_pem(private=False)
    public_json = json.dumps(stand_in.key.as_dict(private=False)).encode()

    def by_secret(secret: bytes) -> Forge:
        return lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), ["HS256"])

    def changed(claims: dict[str, Any]) -> str:
        head, _, seal = jwt.encode({"alg": "RS256"}, {**claims, "sub": "ben2"}, stand_in.key).split(".")
        return f"{head}.{packed(claims)}.{seal}"

    return {
        "none": lambda claims: f"{packed({'alg': 'none'})}.{packed(claims)}.",
        "NONE": lambda claims: f"{packed({'alg': 'NONE', 'typ': 'JWT'})}.{packed(claims)}.",
        "no alg": lambda claims: f"{packed({})}.{packed(claims)}.",
        "public key as secret, PEM": by_secret(public_pem),
        "public key as secret, JWK": by_secret(public_json),
        "client secret": by_secret(SECRET.encode()),
        "another key": lambda claims: jwt.encode({"alg": "RS256"}, claims, other),
        "own key in the head": lambda claims: jwt.encode(
            {"alg": "RS256", "jwk": dict(other.as_dict(private=False))}, claims, other
        ),
        "unknown critical head": lambda claims: (
            f"{packed({'alg': 'RS256', 'crit': ['x'], 'x': 1})}.{packed(claims)}.AA"
        ),
        "changed body": changed,
        "cut": lambda claims: jwt.encode({"alg": "RS256"}, claims, stand_in.key)[:-8],
        "no seal": lambda claims: jwt.encode({"alg": "RS256"}, claims, stand_in.key).rpartition(".")[0] + ".",
        "a list": lambda claims: [jwt.encode({"alg": "RS256"}, claims, stand_in.key)],
        "nothing": lambda _claims: None,
        "empty": lambda _claims: "",
        "no token": lambda _claims: "a.b",
        "not ASCII": lambda _claims: "\u00e4.b.c",
    }


FORGERIES = list(forgeries(StandInProvider()))


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(stand_in: StandInProvider, name: str) -> None:
    stand_in.id_token = forgeries(stand_in)[name]
    await refused(stand_in)


async def test_a_token_by_an_elliptic_key_and_without_a_key_id_is_read(stand_in: StandInProvider) -> None:
    key = ECKey.generate_key("P-256")
    keys = KeySet([RSAKey.generate_key(2048), key]).as_dict(private=False)
    stand_in.answers["/keys"] = JSONResponse(keys)
    stand_in.id_token = lambda claims: jwt.encode({"alg": "ES256"}, claims, key)
    assert (await person(stand_in)).subject == "anna1"


KEY_SETS: list[Response] = [
    PlainTextResponse("down", 503),
    PlainTextResponse("none", 404),
    PlainTextResponse("["),
    JSONResponse([]),
    JSONResponse({"keys": {}}),
    JSONResponse({"keys": []}),
    JSONResponse({"keys": [None, 7, {}, {"kty": "RSA"}, {"kty": "new"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}),
    JSONResponse({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
]


@pytest.mark.parametrize("number", range(len(KEY_SETS)))
async def test_without_usable_keys_nobody_is_signed_in(stand_in: StandInProvider, number: int) -> None:
    stand_in.answers["/keys"] = KEY_SETS[number]
    await refused(stand_in)


@pytest.mark.parametrize(
    ("methods", "is_good"), [(["S256"], True), (None, True), (["plain"], False), ([], False), ("S256", False)]
)
async def test_a_provider_that_says_it_has_no_pkce_is_not_used(
    stand_in: StandInProvider, methods: object, is_good: bool
) -> None:
    stand_in.pkce = methods
    if is_good:
        assert (await person(stand_in)).subject == "anna1"
    else:
        await refused(stand_in)


def test_through_the_browser_a_wrong_token_leaves_nobody_signed_in(signing: Site, stand_in: StandInProvider) -> None:
    for claims in (
        {"aud": "client-2"},
        {"nonce": "x"},
        {"sub": "ben2"},
        {"exp": NOW - 300},
        {"iss": "https://e.example"},
    ):
        stand_in.claims = claims
        with signing.visitor() as (client, visitor):
            assert sign_in(client).status_code == 502
            assert call(client, "who") == [visitor]


def test_each_sign_in_has_a_nonce_of_its_own(signing: Site) -> None:
    with signing.visitor() as (client, _):
        nonces = {httpx.URL(leave(client)).params["nonce"] for _ in range(5)}
    assert len(nonces) == 5 and min(map(len, nonces)) == 43


def test_what_the_version_before_named_without_an_issuer_is_found_after_signing_in(
    signing: Site, stand_in: StandInProvider
) -> None:
    signing.desk.add("of-before", "user_hf:anna1")
    signing.desk.add("of-another", "user_hf:ben2")
    with signing.visitor() as (client, _):
        sign_in(client)
        assert "delete" in client.get("/jobs/of-before").json()["actions"]
        assert client.get("/jobs/of-another").json()["actions"] == []


def test_the_same_subject_of_two_providers_is_two_people_and_hugging_faces_name_stays() -> None:
    people = [
        Person(issuer, "anna1", "anna", 60)
        for issuer in ("https://huggingface.co", "https://a.example", "https://b.example")
    ]
    names = [Sessions.user_of(found) for found in people]
    assert names[0] == "hf:anna1" and len(set(names)) == 3
    assert Sessions.earlier_user_of(people[0]) is None and Sessions.earlier_user_of(people[1]) == "hf:anna1"
    # What Hugging Face's subjects look like stays Hugging Face's, where another provider takes its place.
    assert Sessions.earlier_user_of(Person("https://a.example", "5f3ac1d2e4b09a7c6d8e1f20", "x", 60)) is None


def test_a_session_and_a_sign_in_of_the_version_before_still_read() -> None:
    secret, now = b"secret", 1_000_000.0
    cookies = Cookies.create(secret, embedded=False)
    ours = Sessions(secret, cookies, clock=lambda: now)
    old = Signer(secret, "session").sign(b"1000060\nanna1\nAnna")
    found = ours.session({"evolink_session": old})
    assert found is not None and (found.user, found.name) == ("hf:anna1", "Anna")
    new = jar_of(ours.session_line(Person("https://a.example", "anna1", "Anna", 60), https=True))
    assert ours.user(new) == Sessions.user_of(Person("https://a.example", "anna1", "Anna", 60))
    begun = jar_of(ours.pending_line(Pending("state", "verifier", "https://a/b", []), https=True))
    pending = ours.pending(begun, "state")
    assert pending is not None and pending.nonce == "", "and an empty nonce signs nobody in"
