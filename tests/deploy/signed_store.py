"""An S3 server that checks every signature: `python -m tests.deploy.signed_store PORT KEY_ID KEY BUCKET`.

Moto keeps the objects. It checks no signatures in addresses, so that is done here, by AWS's description of Signature
Version 4 and by nobody's library: whatever comes without a signature of the one key pair is refused with 403, as are
signatures for another host, method, path or time.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
HEADER_LIFE = timedelta(minutes=15)  # of a signature in the Authorization header


class Refused(Exception):
    """The request is not signed by the key pair."""


def check(environ: dict[str, Any], key_id: str, key: str, now: datetime) -> None:
    """Compare a request's signature with our own.

    Raises:
        Refused: it has none, it ended, or it was made for something else.
    """
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {name.lower().replace("_", "-"): environ.get(name, "") for name in ("CONTENT_TYPE", "CONTENT_LENGTH")}
    path, _, query_text = environ["REQUEST_URI"].partition("?")
    query = dict(parse_qsl(query_text, keep_blank_values=True))
    if signature := query.pop("X-Amz-Signature", ""):
        credential, signed, payload = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"], "UNSIGNED-PAYLOAD"
        stamp, life = query["X-Amz-Date"], timedelta(seconds=int(query["X-Amz-Expires"]))
    else:
        scheme, _, parts = headers.get("authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            raise Refused("no signature")
        given = dict(part.strip().split("=", 1) for part in parts.split(","))
        credential, signed, signature = given["Credential"], given["SignedHeaders"], given["Signature"]
        stamp, life, payload = headers["x-amz-date"], HEADER_LIFE, headers["x-amz-content-sha256"]
    made_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if not made_at - HEADER_LIFE <= now <= made_at + life:
        raise Refused("too late")
    given_id, day, region, service, end = credential.split("/")
    if given_id != key_id or "host" not in signed.split(";"):
        raise Refused("another key, or no host")
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    canonical = "\n".join(
        [
            environ["REQUEST_METHOD"],
            quote(unquote(path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in signed.split(";")),
            "",
            signed,
            payload,
        ]
    )
    scope = f"{day}/{region}/{service}/{end}"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    secret = f"AWS4{key}".encode()
    for part in (day, region, service, end, text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    if not hmac.compare_digest(secret.hex(), signature):
        raise Refused("another signature")


def guarded(store: Wsgi, key_id: str, key: str) -> Wsgi:
    """The store behind `check`."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            check(environ, key_id, key, datetime.now(UTC))
        except (Refused, KeyError, ValueError):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SignatureDoesNotMatch</Code></Error>"]
        return store(environ, start_response)

    return answer


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Say nothing."""


def main(port: int, key_id: str, key: str, bucket: str) -> None:
    """Serve until ended."""
    store = DomainDispatcherApplication(create_backend_app)
    with httpx.Client(transport=httpx.WSGITransport(app=store), base_url=f"http://127.0.0.1:{port}") as owner:
        owner.put(f"/{bucket}").raise_for_status()
    make_server("127.0.0.1", port, guarded(store, key_id, key), threaded=True, request_handler=_Quiet).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
