"""Page, routes and guard as one ASGI application, with every open end of Gradio's closed."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.routes import App as GradioApp
from gradio.utils import get_upload_folder
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from evolink_ui.disk_space import free_bytes
from evolink_ui.net import LOOPBACK_NAMES
from evolink_ui.settings import Settings

from .desk import Desk
from .doors import MEBI, Doors
from .end_points import EndPoints
from .gradio_queue import QueuedAnswers, bound
from .guard import Guard
from .headers import HeaderSets
from .limits import Limits, Meter
from .metrics import Metrics
from .oidc import Provider
from .origin import AsgiApp, Origins, behind_proxies, is_proxy
from .owner import Owners
from .rates import Allowance
from .routes import build_routes, link_maker
from .session import Sessions
from .signin import PAGE, SignIn
from .signing import FileLinks
from .sockets import connection_class
from .unread import Unread
from .visitor import Cookies

FILE_MAX_BYTES = 101 * MEBI
"""Of one file; the checks name the vendor's exact limits, this one only ends what is hopeless."""

CONNECTIONS_MAX = 1000
"""Open at once, of everybody; each costs some 50 KB."""

PACKET_BYTES = 1400
"""What fits into one packet isn't worth compressing."""

LEVEL = 6
"""Of compression: takes 3.5 ms for the page; 9 takes 5 ms and saves half a percent of its bytes."""

KEEP_ALIVE_SECONDS = 15
SHUTDOWN_SECONDS = 10


def create_app(
    settings: Settings,
    jobs: Desk,
    page: gr.Blocks,
    *,
    owners: Owners | None = None,
    more_routes: Sequence[Route] = (),
    **page_options: Any,
) -> AsgiApp:
    """The whole application, ready for uvicorn.

    `owners` has the link that was printed at start; `more_routes` are the owner's page. `page_options` go to
    `gr.mount_gradio_app` (theme, css, head, i18n, favicon_path, …); those that open something (monitoring, error texts,
    run history, server-side rendering) are set here. Also gives `jobs` its file links.
    """
    links = FileLinks(settings.keyring)
    jobs.link = link_maker(links)
    cookies = Cookies.create(settings.keyring, embedded=settings.on_space)
    sessions = Sessions(settings.keyring, cookies)
    root_path = os.environ.get("GRADIO_ROOT_PATH", "")
    owners = owners or Owners.of(settings, root_path)
    routes = [
        *build_routes(jobs, links, private=settings.is_private),
        *owners.routes(),
        *Metrics(jobs, settings).routes(),
        *more_routes,
    ]
    if settings.has_sign_in:
        routes += SignIn(jobs, _provider(settings), sessions, settings.own_addresses, root_path).routes()
    outer = FastAPI(routes=list(routes), openapi_url=None, docs_url=None, redoc_url=None)
    bound(page)
    gr.mount_gradio_app(
        outer,
        page,
        path="/",
        root_path=root_path or None,
        auth=settings.users or None,
        app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
        max_file_size=FILE_MAX_BYTES,
        show_error=False,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,  # whatever GRADIO_MCP_SERVER says: its tools would spend credits, past the guard
        **page_options,
    )
    # Gradio compares the paths in calls with its upload folder only once this is set, which only `launch` does: without
    # it, a mounted page copies any file of the server that a call names to where everybody may read it.
    page.has_launched = True
    gradio_app = _gradio_app(outer)
    login: Callable[[Mapping[str, str]], str | None] | None = None
    if settings.auth is not None:
        login = _Logins(gradio_app)
    elif settings.has_sign_in:
        login = sessions.user
    limits = Limits(Allowance(settings.requests_per_minute, 60.0), Allowance(settings.uploads_per_hour, 3600.0))
    own_addresses = settings.own_addresses
    guard = Guard(
        _ShortPage(outer, root_path),
        cookies=cookies,
        doors=Doors([name for name, *_ in page.pages if name], sign_in=settings.has_sign_in),
        headers=HeaderSets(
            embedded=settings.on_space, https=any(address.startswith("https://") for address in own_addresses)
        ),
        origins=Origins(on_space=settings.on_space, own_addresses=own_addresses),
        meter=Meter(limits, free_bytes=lambda: free_bytes(Path(get_upload_folder()))),
        login=login,
        is_owner=owners.holds,
        is_private=settings.is_private,
        entrance=PAGE if settings.has_sign_in else "",
        judge_names=EndPoints(page).judge,
        root_path=root_path,
        unread=Unread(QueuedAnswers(page)),
    )
    return behind_proxies(guard, settings.trusted_proxies, on_space=settings.on_space)


def _provider(settings: Settings) -> Provider:
    secret = settings.oauth_client_secret
    return Provider(
        settings.openid_provider_url,
        settings.oauth_client_id,
        secret.get_secret_value() if secret else "",
        allow_private=settings.allow_private_urls,
    )


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for `uvicorn.run` besides the application.

    Forwarding headers are read by the application (`behind_proxies`); the access log stays off because paths hold
    signed links, and uvicorn's warnings because anybody could fill the log with malformed requests.
    """
    return {
        "http": connection_class(lambda peer: settings.on_space or is_proxy(peer, settings.trusted_proxies)),
        "host": settings.server_name,
        "port": settings.server_port,
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "log_config": None,  # ours has handlers already
        "log_level": "error",
        "limit_concurrency": CONNECTIONS_MAX,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
        "ws": "none",
    }


def exposure_warning(settings: Settings) -> str | None:
    """One line for the owner whose key anybody on the network could spend, else None."""
    if settings.api_key is None or settings.auth is not None or settings.daily_credits is not None:
        return None
    if settings.server_name in LOOPBACK_NAMES:
        return None
    return (
        "Anybody who reaches this address can spend your EvoLink credits: set EVOLINK_UI_AUTH (logins) "
        "or EVOLINK_UI_DAILY_CREDITS (a cap per day)."
    )


class _ShortPage:
    """Compresses the page itself: 200 KB of HTML without a secret in it, which Gradio sends as they are."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app, self._compressing = app, GZipMiddleware(app, PACKET_BYTES, LEVEL)
        self._paths = ("/", f"{root_path.rstrip('/')}/", root_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] in self._paths
        await (self._compressing if is_page else self._app)(scope, receive, send)


class _Logins:
    """The logged-in name of a request, by the cookie that Gradio's login route set."""

    def __init__(self, app: GradioApp) -> None:
        self._tokens: Mapping[str, str] = app.tokens
        self._names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")

    def __call__(self, cookies: Mapping[str, str]) -> str | None:
        for name in self._names:
            token = cookies.get(name)
            if token and token in self._tokens:
                return self._tokens[token]
        return None


def _gradio_app(outer: FastAPI) -> GradioApp:
    for route in outer.routes:
        if isinstance(route, Mount) and isinstance(route.app, GradioApp):
            return route.app
    raise RuntimeError("the page was not mounted")
