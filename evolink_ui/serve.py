"""Starts the app: settings, jobs, page, web server. `python app.py` and `evolink-ui serve` end up here."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from evolink_ui.addresses import host_in_url
from evolink_ui.extras import MissingExtra, installed, require

if TYPE_CHECKING:
    from evolink_ui.settings import Settings

REST_SECONDS = 2.0  # the page is up first; what only makes the first click quicker comes after it


def main() -> None:
    """Serve until interrupted. Unfinished jobs go on at the next start, however this one ends."""
    try:
        require("app")
        from evolink_ui.settings import settings_or_exit

        settings = settings_or_exit()
        require_extras_of(settings)
        serve(settings)
    except MissingExtra as missing:
        sys.exit(str(missing))
    except KeyboardInterrupt:  # while the parts are still put together; later the server ends by itself
        sys.exit(130)


def serve(settings: Settings) -> None:
    """Put the parts together and run them."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # who uses this app is nobody else's business
    # Gradio reads its own variables while it is imported, and ends with a traceback where one of them is wrong.
    import uvicorn

    from evolink_ui import logs, metrics
    from evolink_ui.jobs import JobError, Jobs
    from evolink_ui.sandbox import create_sandbox
    from evolink_ui.ui.owner_page import admin_assets
    from evolink_ui.ui.page import build_page, page_options
    from evolink_ui.web.admin import Admin
    from evolink_ui.web.leftovers import Leftovers
    from evolink_ui.web.owner import Owners
    from evolink_ui.web.reach import SelfCheck
    from evolink_ui.web.server import create_app, exposure_warning, uvicorn_options
    from evolink_ui.web.shutdown import GracefulServer
    from evolink_ui.web.signing import FileLinks

    logs.configure(settings.log_format, settings.log_level, settings.secret_texts)
    isolate_decoding(settings.decode_rare_formats)
    metrics.measure_executors()
    sandbox = None
    if settings.mode == "sandbox":
        sandbox = create_sandbox(
            settings.data_dir / "sandbox",
            allow_private_urls=settings.allow_private_urls,
            max_renders=settings.sandbox_renders,
        )
        sandbox.report_renders(metrics.RENDER_SECONDS.observe)
    # Beside the jobs, not in a folder that all users of this machine share; the room on this disk is what counts.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.data_dir.absolute() / "uploads"))
    links = FileLinks(settings.keyring)
    jobs = Jobs(settings, sandbox=sandbox.app if sandbox else None, link_path=links.path)
    try:
        jobs.launch()
    except JobError as error:
        sys.exit(f"{error.message} {error.next_step}")
    for warning in filter(None, (exposure_warning(settings), settings.storage_warning, settings.secret_warning)):
        print(warning, file=sys.stderr)  # noqa: T201  for the owner, who looks at the terminal
    here = f"http://{host_in_url(settings.server_name)}:{settings.server_port}"
    print(f"Open {here} ({settings.mode})")  # noqa: T201  the same
    root_path = os.environ.get("GRADIO_ROOT_PATH", "")
    owners = Owners.of(settings, root_path)
    if owners.path:
        address = next(iter(settings.own_addresses), here + root_path.rstrip("/"))
        after = f"then {address}/admin shows what runs"
        print(f"Owner, once: {address}{owners.path} ({after})", flush=True)  # noqa: T201  the same; into no log of others
    later = threading.Timer(REST_SECONDS, make_ready, [settings.data_dir / "examples"])
    later.daemon = True
    later.start()
    check, leftovers = SelfCheck(settings), Leftovers()
    check.start()
    leftovers.start()
    try:
        admin = Admin(jobs, settings, admin_assets())
        page = build_page(settings, jobs)
        app = create_app(settings, jobs, page, owners=owners, more_routes=admin.routes(), **page_options())
        GracefulServer(uvicorn.Config(app, **uvicorn_options(settings)), jobs.close_orders).run()
    finally:
        check.close()
        leftovers.close()
        jobs.close()
        if sandbox:
            sandbox.close()


def isolate_decoding(rare_formats: bool | None) -> None:
    """Hide this process from its children, and tell the owner what holds them.

    Args:
        rare_formats: whether formats are decoded that the vendor does not take; None: where decoders are isolated.
    """
    from evolink_ui import confine, media

    confine.hide_memory()
    media.decode_rare_formats(rare_formats)
    found = confine.support()
    logging.getLogger(__name__).log(logging.INFO if found.keeps_secrets else logging.WARNING, "%s", found.describe())
    if not media.may_decode("webp"):
        logging.getLogger(__name__).warning(
            "Only JPEG, PNG, MP4 and MOV are opened here; EVOLINK_UI_DECODE_RARE_FORMATS=true opens the others, too."
        )


def require_extras_of(settings: Settings) -> None:
    """Check that what these settings need is installed.

    Raises:
        MissingExtra: something is not.
    """
    if settings.mode == "sandbox":
        require("sandbox")
    if settings.has_s3:
        require("s3")
    if settings.on_postgres:
        require("postgres")


def make_ready(examples: Path) -> None:
    """Have a child for the first file that is checked, and the examples for the first click on them."""
    from evolink_ui import media
    from evolink_ui.sandbox.examples import ensure_examples

    media.warm_up()
    if not installed("sandbox"):  # which draws them
        return
    try:
        ensure_examples(examples, apart=True)
    except (
        OSError,
        subprocess.SubprocessError,
    ) as error:  # a full disk, for one; a click tries again
        logging.getLogger(__name__).warning("The examples could not be drawn: %s", error)
