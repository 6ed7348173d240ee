"""Checks of the proxy and certificate variables that httpx reads.

httpx and Gradio read them while they are imported or first used, and end with a traceback where one is wrong.
"""

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

from evolink_ui.setting_faults import SettingsError, line

SCHEMES: Final = ("http", "https", "socks5", "socks5h")
"""Of proxies, as httpx 0.28 takes them."""
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


def check_network_variables(environment: Mapping[str, str] = os.environ) -> None:
    """Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR in either case.

    Raises:
        SettingsError: one line for the first of them that can't be used. A proxy's password is never in it.
    """
    for name, value in environment.items():
        if name.lower() in _PROXIES and value:
            _check_proxy(name, value)
        elif name.lower() == "no_proxy":
            _check_no_proxy(name, value)
    # httpx reads the folder only where no file is named.
    if environment.get("SSL_CERT_FILE"):
        _check_certificates(environment["SSL_CERT_FILE"])
    elif environment.get("SSL_CERT_DIR") and not Path(environment["SSL_CERT_DIR"]).is_dir():
        fault = "there is no such folder, so no certificate would be trusted"
        raise SettingsError(line("SSL_CERT_DIR", fault, "/etc/ssl/certs"))


def _check_proxy(name: str, value: str) -> None:
    example = "http://127.0.0.1:7890"
    try:
        address = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        raise SettingsError(line(name, "is not the address of a proxy", example)) from None
    scheme = address.scheme
    if scheme in SCHEMES and not address.host:
        raise SettingsError(line(name, "names no host", example))
    if scheme not in SCHEMES:
        fault = f"{scheme}:// is not supported; use http://, https://, socks5:// or socks5h://"
        raise SettingsError(line(name, fault, "socks5://127.0.0.1:7891" if scheme.startswith("socks") else example))


def _check_no_proxy(name: str, value: str) -> None:
    for entry in filter(None, (part.strip() for part in value.split(","))):
        if entry == "*":
            continue  # no proxy at all
        try:
            httpx.URL(entry if "://" in entry else f"all://{_host(entry)}")
        except httpx.InvalidURL:
            example = "localhost,127.0.0.1,::1"
            raise SettingsError(line(name, f"{entry} is not a host name or an address", example)) from None


def _host(entry: str) -> str:
    """An entry as httpx makes a pattern of it: names also stand for the names below them."""
    try:
        address = ip_address(entry.partition("/")[0])
    except ValueError:
        return entry if entry.lower() == "localhost" else f"*{entry}"
    return f"[{entry}]" if address.version == 6 else entry


def _check_certificates(path: str) -> None:
    example = "/etc/ssl/certs/ca-certificates.crt"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise SettingsError(line("SSL_CERT_FILE", f"{path} holds no certificates in PEM form", example)) from None
    except OSError as error:
        raise SettingsError(line("SSL_CERT_FILE", f"{path} can't be read ({error.strerror})", example)) from None
