"""Validation of OpenID Connect ID tokens: signature, issuer, audience, times and nonce (OpenID Connect Core, 3.1.3.7).

By joserfc, which is Authlib's JOSE part since Authlib announced the end of its own (`authlib.jose` warns that it goes
with 2.0); by the same author, and needs `cryptography` alone.
"""

import hmac
import warnings
from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Asymmetric ones alone: with HS256 a public key would be the secret, and `none` signs nothing."""

KEYS_MAX = 20
"""Of one provider; each may cost 0.1 ms."""

LEEWAY_SECONDS = 60
"""Between the provider's clock and ours."""


class BadToken(Exception):
    """The token does not say who signed in here; the text is for the log."""


def public_keys(key_set: dict[str, Any]) -> list[Key]:
    """The usable signing keys of a JSON Web Key Set, as parsed JSON."""
    found: list[Key] = []
    values = key_set.get("keys")
    for value in values[:KEYS_MAX] if isinstance(values, list) else ():
        if not isinstance(value, dict) or value.get("use", "sig") != "sig":
            continue
        try:
            with warnings.catch_warnings(action="error", category=SecurityWarning):
                key = JWKRegistry.import_key(value)
        except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
            continue  # of a kind that we don't know, broken, or too short to be safe
        if isinstance(key, RSAKey | ECKey | OKPKey):
            found.append(key)
    return found


def claims_of(
    token: str, keys: Sequence[Key], *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """What a token says, once all of it is right.

    Args:
        token: as the provider gave it.
        keys: the provider's.
        issuer: exactly as the provider's metadata name it.
        client_id: ours at the provider.
        nonce: what this sign-in began with.
        now: seconds since 1970 (UTC).

    Raises:
        BadToken: any of it is wrong.
    """
    claims = _signed(token, keys)
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise BadToken(str(error)) from None
    said, audiences = claims["nonce"], claims["aud"]
    if not nonce or not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise BadToken("another nonce")
    is_shared = isinstance(audiences, list) and len(audiences) > 1
    if claims.get("azp", None if is_shared else client_id) != client_id:
        raise BadToken("made for another client")
    return claims


def _signed(token: str, keys: Sequence[Key]) -> dict[str, Any]:
    # Each key is tried, so that a token without a key id is judged like others.
    for key in keys:
        try:
            return jwt.decode(token, key, list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError):
            continue
    raise BadToken("no key of the provider signed it")
