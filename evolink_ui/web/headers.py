"""What every answer carries besides its content."""

from .doors import Kind

PAGE_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {ancestors}"
)
"""Gradio's page needs inline scripts and, for `gr.HTML` templates, eval; nothing comes from or goes to other hosts."""

DATA_CSP = "default-src 'none'; frame-ancestors 'none'"
"""For JSON and the like: nothing in it is ever run."""

SIGN_IN_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors {ancestors}"
"""A heading, a sentence and a button."""

ADMIN_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
"""Our own script and style, from their own addresses; nothing inline."""

FILE_CSP = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A browser shows a video that is opened by itself in a small page of its own, with its own inline style."""

RECEIVED_CSP = "default-src 'none'; img-src 'self'; media-src 'self'; sandbox"
"""Uploads come from strangers: whatever is in them, it runs nowhere."""

PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"

# Gradio's ranged answers repeat the request's headers, the visitor's cookie among them: only these may leave.
RECEIVED_MAY_SAY = frozenset(
    {
        b"content-type",
        b"content-length",
        b"content-range",
        b"content-disposition",
        b"accept-ranges",
        b"etag",
        b"last-modified",
        b"content-encoding",
        b"vary",
    }
)

# The server's make and version help attackers only; no other site may read our answers.
NEVER_SENT = frozenset(
    {
        b"server",
        b"x-powered-by",
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-expose-headers",
        b"access-control-max-age",
        b"x-content-type-options",
        b"referrer-policy",
    }
)

Lines = tuple[tuple[bytes, bytes], ...]


def _lines(pairs: dict[str, str]) -> Lines:
    return tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in pairs.items())


class HeaderSets:
    """The lines for each kind of answer, built once. `embedded`: the page lives in a frame of huggingface.co."""

    def __init__(self, *, embedded: bool, https: bool) -> None:
        common = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": PERMISSIONS,
        }
        if https:
            common["Strict-Transport-Security"] = "max-age=31536000"
        own = {"Cross-Origin-Resource-Policy": "same-origin"}
        frame = {} if embedded else {"X-Frame-Options": "SAMEORIGIN"}
        ancestors = "'self' https://huggingface.co" if embedded else "'self'"
        page_csp = PAGE_CSP.format(ancestors=ancestors)
        page = {**common, **own, **frame, "Content-Security-Policy": page_csp, "Cache-Control": "no-cache"}
        data = {**common, **own, **frame, "Content-Security-Policy": DATA_CSP, "Cache-Control": "no-store"}
        received = {**data, "Content-Security-Policy": RECEIVED_CSP, "Cache-Control": "private, max-age=3600"}
        sets: dict[Kind, dict[str, str]] = {
            "page": page,
            "asset": {**common, **own},
            "received": received,
            "signin": {**data, "Content-Security-Policy": SIGN_IN_CSP.format(ancestors=ancestors)},
            "admin": {**data, "Content-Security-Policy": ADMIN_CSP},
            # The vendor's machines and, on an own host, other programs fetch these: no resource policy.
            "files": {**common, "Content-Security-Policy": FILE_CSP},
        }
        kinds: tuple[Kind, ...] = ("api", "upload", "login", "jobs", "key", "callback", "health", "metrics")
        self._sets: dict[Kind, Lines] = {kind: _lines(data) for kind in kinds}
        self._sets.update({kind: _lines(lines) for kind, lines in sets.items()})
        self._names = {kind: frozenset(name for name, _ in lines) for kind, lines in self._sets.items()}

    def dress(self, kind: Kind, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer as they go out: ours added, doubles and chatter removed."""
        ours = self._names[kind]
        if kind == "received":
            kept = [pair for pair in headers if pair[0].lower() in RECEIVED_MAY_SAY]
        else:
            kept = [pair for pair in headers if (name := pair[0].lower()) not in NEVER_SENT and name not in ours]
        kept.extend(self._sets[kind])
        return kept
