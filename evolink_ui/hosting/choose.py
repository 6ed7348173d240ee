"""Which hosts may take an order's files, and the walk through them until one does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from evolink_ui import net
from evolink_ui.evolink import EvoLink, EvoLinkError, LocalFileProblem, Unauthorized
from evolink_ui.settings import Settings

from .bucket import Bucket
from .evolink import EvoLinkHost
from .host import Host, Hosted, HostingError, LocalFile, OnBytes
from .own import LinkPath, OwnHost
from .s3 import S3Host

log = logging.getLogger("evolink_ui.hosting")

INNER_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")  # never resolved on the public internet
THREE_WAYS = (
    "There are three ways out: give a public https link instead of the {kind}; or the owner of this app sets up an "
    "S3-compatible store (EVOLINK_UI_S3_ENDPOINT and the others); or a public https address for this app "
    "(EVOLINK_UI_PUBLIC_URL) from which EvoLink can fetch it."
)


def choose_hosts(settings: Settings, evolink: EvoLink, link_path: LinkPath | None) -> list[Host]:
    """The hosts that `EVOLINK_UI_HOSTING` names, the preferred one first; `auto` gives all that are set up.

    Args:
        settings: the app's settings.
        evolink: the client with the order's key.
        link_path: makes signed paths of this app, or None where it serves nobody.
    """
    wanted = settings.hosting
    hosts: list[Host] = []
    if wanted in ("auto", "evolink"):
        hosts.append(EvoLinkHost(evolink))
    if wanted in ("auto", "s3") and settings.has_s3:
        hosts.append(S3Host(Bucket.of(settings), public_url=settings.s3_public_url))
    if wanted in ("auto", "own") and link_path and is_reachable(settings):
        hosts.append(OwnHost(settings.public_address, link_path))
    return hosts


def is_reachable(settings: Settings) -> bool:
    """Whether this app's own address can be reached from the internet, as far as the address itself tells."""
    address = settings.public_address
    host = urlsplit(address).hostname or ""
    if not host or settings.allow_private_urls:
        return bool(host)
    try:
        return net.is_public(host)
    except ValueError:  # a name
        return "." in host and not host.endswith(INNER_NAMES)


async def put_at_first(
    hosts: Sequence[Host], file: LocalFile, *, on_progress: OnBytes | None = None
) -> tuple[Host, Hosted]:
    """Put a file at the first host that takes it.

    Raises:
        HostingError: none of them does; says what each said and names the ways out.
        EvoLinkError: the vendor has a reason that would end the order as well (its key), or nobody else is left to ask.
        OSError: the file can't be read.
    """
    refusals: list[HostingError | EvoLinkError] = []
    for host in hosts:
        try:
            hosted = await host.put(file, on_progress=on_progress)
        except HostingError as error:
            refusals.append(error)
        except (Unauthorized, LocalFileProblem):
            raise
        except EvoLinkError as error:
            if len(hosts) == 1:
                raise
            refusals.append(error)
        else:
            if refusals:
                log.warning("job=%s %s: %s; it is at %s", file.job_id, file.kind, _codes(refusals), host.title)
            return host, hosted
        log.warning("job=%s %s not taken by %s", file.job_id, file.kind, host.title)
    raise _nobody(file, refusals)


def _codes(refusals: Sequence[HostingError | EvoLinkError]) -> str:
    return ", ".join(error.code for error in refusals)


def _nobody(file: LocalFile, refusals: Sequence[HostingError | EvoLinkError]) -> HostingError:
    said = (
        " ".join(error.message for error in refusals)
        or f"No place is set up where EvoLink could fetch the {file.kind}. Nothing was ordered or charged."
    )
    return HostingError("upload_refused", said, THREE_WAYS.format(kind=file.kind))
