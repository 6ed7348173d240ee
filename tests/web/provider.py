"""A small OpenID provider on loopback: the code flow with PKCE, signed ID tokens, and what can go wrong with them."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.web.site import serving

CLIENT, SECRET = "client-1", "secret-marked-9c41"


@dataclass
class StandInProvider:
    """Who signs in there is `person`; `answers` replaces what a path says, `claims` parts of the ID token (None leaves
    one out), and `id_token` makes the token of its claims in another way."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "anna1", "preferred_username": "anna"})
    expires_in: object = 3600
    answers: dict[str, Response] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    id_token: Callable[[dict[str, Any]], object] | None = None
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    pkce: object = field(default_factory=lambda: ["plain", "S256"])

    def app(self) -> Starlette:
        """The provider's own routes."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
                Route("/keys", self._keys),
            ]
        )

    def calm(self) -> None:
        """As it is when nothing is wrong."""
        self.person, self.expires_in = {"sub": "anna1", "preferred_username": "anna"}, 3600
        self.answers.clear()
        self.claims.clear()
        self.id_token, self.pkce = None, ["plain", "S256"]
        self.asked.clear()

    async def _metadata(self, request: Request) -> Response:
        names = {
            f"{name}_endpoint": f"{self.url}/{path}"
            for name, path in (("authorization", "authorize"), ("token", "token"), ("userinfo", "userinfo"))
        }
        more = {"jwks_uri": f"{self.url}/keys", "code_challenge_methods_supported": self.pkce}
        known = {name: value for name, value in more.items() if value is not None}
        return self._said(request) or JSONResponse({"issuer": self.url, **names, **known})

    async def _keys(self, request: Request) -> Response:
        return self._said(request) or JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def user(self, subject: str) -> str:
        """The visitor's name in the app of a person of this provider."""
        return f"user_oidc-{hashlib.sha256(self.url.encode()).hexdigest()[:16]}:{subject}"

    def _signed(self, nonce: str | None) -> object:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.person.get("sub", "anna1"),
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return self.id_token(said) if self.id_token else jwt.encode({"alg": "RS256"}, said, self.key)

    async def _authorize(self, request: Request) -> Response:
        """The person agrees at once."""
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT or asked["code_challenge_method"] != "S256":
            return PlainTextResponse("no such client", 400)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def _token(self, request: Request) -> Response:
        said = self._said(request)
        if said is not None:
            return said
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)  # a code works once
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {basic}"
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(8)
        self.tokens.add(token)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": self.expires_in}
        return JSONResponse({**answer, "id_token": self._signed(asked.get("nonce"))})

    async def _userinfo(self, request: Request) -> Response:
        said = self._said(request)
        if said is not None:
            return said
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return JSONResponse(self.person) if token in self.tokens else JSONResponse({}, 401)

    def _said(self, request: Request) -> Response | None:
        self.asked.append(request.url.path)
        return self.answers.get(request.url.path)


@contextmanager
def provider() -> Iterator[StandInProvider]:
    """A running provider."""
    stand_in = StandInProvider()
    with serving(stand_in.app, lifespan="off") as stand_in.url:
        yield stand_in
