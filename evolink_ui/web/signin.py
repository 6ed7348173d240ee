"""The routes of signing in: a page to begin on, the way there and back, and signing out.

Signing in happens in a tab of its own where the app lives in another site's frame (a Space): there the provider can be
seen and the cookies are first-party. A browser keeps a frame's cookies apart from that tab's, so the framed page hands
over a ticket, and what its visitor made comes along. From then on the new tab is the app.
"""

import html
import logging
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from evolink_ui.net import LOOPBACK_NAMES

from .desk import Desk
from .oidc import Provider, SignInFailed, new_secret
from .session import Pending, Sessions
from .visitor import Caller, caller_of, is_anonymous, user_name

log = logging.getLogger(__name__)

PAGE = "/signin"
BACK = "/signin/callback"
CODE_MAX_CHARS = 2048

_LAYOUT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>{head}
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 16vh auto; padding: 0 20px }}
h1 {{ font-size: 22px }}
button {{ font: inherit; padding: 11px 20px; border: 0; border-radius: 10px; background: #0b6b5f; color: #fff }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"""


class SignIn:
    """The routes, for one provider and one instance. `own_addresses`: where browsers find the app."""

    def __init__(
        self, jobs: Desk, provider: Provider, sessions: Sessions, own_addresses: tuple[str, ...], root_path: str = ""
    ) -> None:
        self._jobs, self._provider, self._sessions = jobs, provider, sessions
        self._own_addresses, self._root_path = own_addresses, root_path.rstrip("/")

    def routes(self) -> list[Route]:
        """For the application beside the page's."""
        return [
            Route(PAGE, self.entrance, methods=["GET"]),
            Route(PAGE, self.leave_for_provider, methods=["POST"]),
            Route(BACK, self.come_back, methods=["GET"]),
            Route("/signin/state", self.state, methods=["GET"]),
            Route("/signout", self.sign_out, methods=["POST"]),
        ]

    async def entrance(self, request: Request) -> Response:
        """The page for whoever must sign in first."""
        # In a frame the way leads into a new tab; outside of one the same form stays in this tab.
        form = self._form("_blank" if request.headers.get("sec-fetch-dest") in ("iframe", "frame") else "_self")
        return _page("Motion Control", f"<p>Sign in to make videos. What you make is yours alone.</p>{form}", 200)

    async def state(self, request: Request) -> Response:
        """Who is signed in, for the page's head; where nobody is, the ticket that a sign-in may bring along."""
        caller = caller_of(request)
        session = self._sessions.session(caller.jar) if caller else None
        if session is not None:
            return JSONResponse({"signed_in": True, "name": session.name, "ticket": ""})
        ticket = self._sessions.ticket(caller.visitor) if caller else ""
        return JSONResponse({"signed_in": False, "name": "", "ticket": ticket})

    async def leave_for_provider(self, request: Request) -> Response:
        """Remember the sign-in in this browser and send it to the provider."""
        caller, redirect_uri = caller_of(request), self._redirect_uri(request)
        if caller is None or not redirect_uri:
            return self._failed("This app does not know its own address. Its owner sets EVOLINK_UI_PUBLIC_URL.")
        ticket = _text(await request.form(max_files=0, max_fields=16), "ticket")
        names = (self._sessions.visitor_of_ticket(ticket), caller.visitor)
        visitors = list(dict.fromkeys(name for name in names if name and is_anonymous(name)))
        pending = Pending(new_secret(), new_secret(), redirect_uri, visitors, nonce=new_secret())
        try:
            url = await self._provider.authorize_url(redirect_uri, pending.state, pending.verifier, pending.nonce)
        except SignInFailed as failure:
            return self._failed(str(failure), 502)
        # Not a redirect: browsers hold a form's redirects to the page's form-action, which is this app alone.
        address = html.escape(url)
        answer = _page(
            f"To {html.escape(self._provider.title)} …",
            f'<p><a href="{address}">Go on</a></p>',
            200,
            head=f'<meta http-equiv="refresh" content="0;url={address}">',
        )
        answer.headers.append("set-cookie", self._sessions.pending_line(pending, https=caller.https))
        return answer

    async def come_back(self, request: Request) -> Response:
        """The provider sent the browser back: find out who it is, and bring along what it made before."""
        caller = caller_of(request)
        code, state = request.query_params.get("code", ""), request.query_params.get("state", "")
        pending = self._sessions.pending(caller.jar, state) if caller else None
        if caller is None or pending is None:
            return self._failed("This sign-in was not begun in this browser, or too long ago. You are not signed in.")
        if not 0 < len(code) <= CODE_MAX_CHARS:
            return self._done(self._failed("You were not signed in."), caller)
        try:
            person = await self._provider.person(code, pending.verifier, pending.redirect_uri, pending.nonce)
        except SignInFailed as failure:
            return self._done(self._failed(f"{failure} You are not signed in.", 502), caller)
        answer = self._done(RedirectResponse(f"{self._root_path}/", 303), caller)
        answer.headers.append("set-cookie", self._sessions.session_line(person, https=caller.https))
        visitor = user_name(self._sessions.user_of(person))
        renamed = self._sessions.earlier_user_of(person)
        for earlier in [*pending.visitors, *([user_name(renamed)] if renamed else [])]:
            await self._jobs.hand_over(earlier, visitor)
        # A key in a cookie works for one visitor alone; that visitor is now somebody with a name.
        key = caller.cookie_key()
        if key is not None:
            answer.headers.append("set-cookie", caller.cookies.key_header(key, visitor, https=caller.https))
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget who it was, and the key that was entered as somebody."""
        caller = caller_of(request)
        answer = RedirectResponse(f"{self._root_path}/", 303)
        if caller is not None:
            answer.headers.append("set-cookie", self._sessions.session_line(None, https=caller.https))
            answer.headers.append("set-cookie", caller.cookies.key_header("", caller.visitor, https=caller.https))
        return answer

    def _done(self, answer: Response, caller: Caller) -> Response:
        """With the sign-in forgotten: its answer counts once."""
        answer.headers.append("set-cookie", self._sessions.pending_line(None, https=caller.https))
        return answer

    def _redirect_uri(self, request: Request) -> str:
        """Where the provider sends the browser back to: the address it came by, if that is one of ours."""
        asked = request.url.netloc
        ours = next((url for url in self._own_addresses if urlsplit(url).netloc == asked), "")
        if not ours and request.url.hostname in LOOPBACK_NAMES:
            ours = f"{request.url.scheme}://{asked}"
        ours = ours or next(iter(self._own_addresses), "")
        return f"{ours}{self._root_path}{BACK}" if ours else ""

    def _form(self, target: str) -> str:
        title = html.escape(self._provider.title)
        action = html.escape(self._root_path + PAGE)
        return f'<form method="post" action="{action}" target="{target}"><button>Sign in with {title}</button></form>'

    def _failed(self, message: str, status: int = 400) -> Response:
        back = html.escape(f"{self._root_path}/")
        body = f'<p role="alert">{html.escape(message)}</p>{self._form("_self")}<p><a href="{back}">To the app</a></p>'
        return _page("Signing in did not work", body, status)


def _page(title: str, body: str, status: int, *, head: str = "") -> HTMLResponse:
    return HTMLResponse(_LAYOUT.format(title=title, body=body, head=head), status)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
