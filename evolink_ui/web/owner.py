"""The role of the app's owner: the logins of `EVOLINK_UI_OWNER`, else whoever opened the link printed at start.

The role never follows from an address: behind a proxy every visitor comes from loopback.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Collection, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from evolink_ui.crypto import Keyring
from evolink_ui.settings import Settings

from .signing import Signer
from .visitor import COOKIE_SECONDS, Cookies, caller_of

OWNER_COOKIE = "evolink_owner"
PATH = "/owner/"
TOKEN_BYTES = 32
USED = "This link was used before, or is from an earlier start. The app prints a new one each time it starts.\n"


class Owners:
    """Who holds the role.

    Args:
        secret: the app's; the cookie survives a restart as long as the secret does.
        names: logins that hold the role; where there are any, no link is made and cookies do not count.
        cookies: writes the cookie's line.
        root_path: the path that a proxy puts in front of the app's own.
    """

    def __init__(
        self,
        secret: bytes | Keyring,
        names: Collection[str],
        cookies: Cookies,
        *,
        root_path: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer, self._names, self._cookies = Signer(secret, "owner"), frozenset(names), cookies
        self._root_path, self._clock = root_path.rstrip("/"), clock
        self._token = "" if self._names else secrets.token_urlsafe(TOKEN_BYTES)

    @classmethod
    def of(cls, settings: Settings, root_path: str = "") -> "Owners":
        """As the settings say."""
        cookies = Cookies.create(settings.keyring, embedded=settings.on_space)
        return cls(settings.keyring, settings.owner, cookies, root_path=root_path)

    @property
    def path(self) -> str:
        """The path of the link that makes a browser the owner's, once; empty where logins are named or it was used."""
        return f"{PATH}{self._token}" if self._token else ""

    def holds(self, user: str | None, jar: Mapping[str, str]) -> bool:
        """Whether a request has the role.

        Args:
            user: the logged-in name; a sign-in's is `prefix:subject`, and its subject alone matches as well.
            jar: the request's cookies.
        """
        if self._names:
            return user is not None and (user in self._names or user.partition(":")[2] in self._names)
        data = self._signer.read(jar[OWNER_COOKIE]) if OWNER_COOKIE in jar else None
        if data is None:
            return False
        opened_at, _, opened_by = data.decode().partition(":")
        # Opened by somebody who was logged in, it does not pass to the next person who logs in on this computer.
        return int(opened_at) + COOKIE_SECONDS > self._clock() and opened_by in ("", user)

    def routes(self) -> list[Route]:
        """The way that the link takes."""
        return [Route(PATH + "{token}", self.open, methods=["GET"])]

    async def open(self, request: Request) -> Response:
        """Make this browser the owner's and go on to the page; a link that was used says so."""
        caller, token = caller_of(request), request.path_params["token"]
        answer = RedirectResponse(f"{self._root_path}/", 303)
        if caller is not None and caller.is_owner:
            return answer
        known = bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())
        # HEAD comes from programs that look at links, such as a chat's preview.
        if caller is None or not known or request.method != "GET":
            return PlainTextResponse(USED, 404)
        self._token = ""
        value = self._signer.sign(f"{int(self._clock())}:{caller.user or ''}".encode())
        answer.headers.append("set-cookie", self._cookies.line(OWNER_COOKIE, value, COOKIE_SECONDS, caller.https))
        return answer
