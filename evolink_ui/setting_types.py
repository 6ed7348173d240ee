"""What values the variables may have. A `ValueError` says what is wrong; `setting_faults` makes a line of it."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from evolink_ui.addresses import LOOPBACK_NAMES


def _address(value: str) -> str:
    value = _store_address(value)
    parts = urlsplit(value)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise ValueError("must begin with https:// (plain http:// is for this machine only)")
    return value


def _store_address(value: str) -> str:
    value = value.rstrip("/")
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("is not an http(s) address")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must be a plain address, without user, query or fragment")
    _ = parts.port  # raises where it is none
    return value


def _key(value: SecretStr | None) -> SecretStr | None:
    key = value.get_secret_value().strip() if value else ""
    if not key.isascii() or not all(sign.isprintable() and sign not in " '\"" for sign in key):
        raise ValueError("holds characters that no key has (spaces, line breaks or quotes from copying?)")
    return SecretStr(key) if key else None


SECRET_MIN_CHARS = 32
SECRET_MIN_SIGNS = 8
"""Different characters; a random secret of the least length has more, a repeated word or letter has not."""
MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
PLACEHOLDERS = ("changeme", "placeholder", "example", "password", "yoursecret", "longrandom", "randomtext", "replace")
"""Words of instructions that were copied as they stood; a random secret holds none of them."""


def secret_fault(value: str) -> str | None:
    """Why a secret can be guessed, or None."""
    letters = "".join(sign for sign in value.lower() if sign.isalnum())
    if len(value.strip()) < SECRET_MIN_CHARS:
        return f"is shorter than {SECRET_MIN_CHARS} characters and can be guessed"
    if len(set(value)) < SECRET_MIN_SIGNS or any(word in letters for word in PLACEHOLDERS):
        return "is a placeholder or a repeated text and can be guessed"
    return None


def _secret(value: SecretStr | None) -> SecretStr | None:
    fault = secret_fault(value.get_secret_value()) if value else None
    if fault:
        raise ValueError(
            f"{fault}. Make one with: {MAKE_ONE} - and keep what this one signed and sealed (everybody's videos, "
            f"keys and links) by moving it to EVOLINK_UI_SECRET_OLD"
        )
    return value


def _token(value: SecretStr | None) -> SecretStr | None:
    fault = secret_fault(value.get_secret_value()) if value else None
    if fault or (value and not value.get_secret_value().isascii()):
        raise ValueError(f"{fault or 'has characters that no header can carry'}. Make one with: {MAKE_ONE}")
    return value


def login_pairs(logins: SecretStr) -> list[tuple[str, str]]:
    """The (name, password) pairs of `user:password,…`, without the spaces around them."""
    pairs = (entry.partition(":") for entry in logins.get_secret_value().split(","))
    return [(name.strip(), password.strip()) for name, _, password in pairs]


def _logins(value: SecretStr | None) -> SecretStr | None:
    pairs = login_pairs(value) if value else []
    if not all(name and password for name, password in pairs):
        raise ValueError("must be user:password, several separated by commas")
    if len(dict(pairs)) < len(pairs):
        raise ValueError("names a user twice")
    return value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be addresses or networks, separated by commas") from None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


def _database(value: str) -> str:
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must begin with postgresql:// or sqlite:///")
    try:
        if value:
            make_url(value)
    except (ArgumentError, ValueError):  # its text may repeat the password
        raise ValueError("is not an address of a database") from None
    return value


Address = Annotated[str, AfterValidator(_address)]
"""An https address, or plain http on this machine; empty for none."""
StoreAddress = Annotated[str, AfterValidator(_store_address)]
"""The same, but plain http anywhere: requests to a store are signed and carry no secret, and stores often stand on a
private network."""
Key = Annotated[SecretStr | None, AfterValidator(_key)]
"""An API key, without the spaces around it."""
Secret = Annotated[SecretStr | None, AfterValidator(_secret)]
"""A text that can't be guessed."""
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
"""A level of the log, in capitals or not."""
Token = Annotated[SecretStr | None, AfterValidator(_token)]
"""A text that can't be guessed and that a header can carry."""
Logins = Annotated[SecretStr | None, AfterValidator(_logins)]
"""`user:password,…`"""
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
"""Addresses and networks, separated by commas."""
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""Logins, separated by commas."""
DatabaseUrl = Annotated[str, AfterValidator(_database)]
"""A URL as SQLAlchemy takes it, of SQLite or PostgreSQL; empty for none."""
Count = Annotated[int, Field(ge=1)]
"""One or more."""
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""More than nothing."""
Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""
