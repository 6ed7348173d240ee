"""What was uploaded before: found again while it lives, and deleted only when nobody needs it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from evolink_ui.hosting import Hosted
from evolink_ui.jobs import tables
from evolink_ui.jobs.job import Fault, Job, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import changing
from evolink_ui.jobs.uploads import Uploads
from tests.postgres import postgres

from .conftest import Clock

HOUR = 3600.0
ANNA = {"evolink": "anna", "s3": "anna's bucket"}


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'ledger.sqlite'}"
        return
    with postgres() as url:
        yield url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def ledger(database: str, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(database, clock=clock)
    with changing(ledger.engine) as connection:
        connection.execute(tables.jobs.delete())
        connection.execute(tables.uploads.delete())
    yield ledger
    ledger.close()


@pytest.fixture
def uploads(ledger: Ledger, clock: Clock) -> Uploads:
    return Uploads(ledger.engine, clock=clock)


def hosting(ledger: Ledger, name: str) -> Job:
    values: dict[str, Any] = {"visitor": "anna", "mode": "live", "request": {}, "video_seconds": 4.0}
    ledger.add(
        **values, id=name, idempotency_key=name, credits_estimated=1.0, image_name="image.png", video_name="video.mp4"
    )
    return ledger.move(name, State.HOSTING)


def put(uploads: Uploads, job: Job, clock: Clock, *, host: str = "evolink", hours: float = 72.0) -> str:
    url = f"https://{host}.example.com/{job.id}"
    hosted = Hosted(url, clock.now + hours * HOUR, f"{host}-copy-of-{job.id}")
    uploads.add(job, "video", "sha", host, ANNA[host], hosted)
    return url


def test_the_same_bytes_get_the_address_they_have(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    first, second = hosting(ledger, "first"), hosting(ledger, "second")
    url = put(uploads, first, clock)
    assert uploads.use(second, "video", "sha", ANNA) == url
    assert ledger.get("second").video_url == url
    assert uploads.use(second, "video", "other bytes", ANNA) is None
    assert uploads.use(second, "video", "sha", {"evolink": "ben"}) is None
    assert uploads.use(second, "video", "sha", {"own": "anna"}) is None
    assert uploads.use(second, "video", "sha", {}) is None


def test_an_address_that_expires_within_two_hours_is_not_used(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    job = hosting(ledger, "first")
    url = put(uploads, job, clock, hours=10)
    clock.now += 7.9 * HOUR
    assert uploads.use(job, "video", "sha", ANNA) == url
    clock.now += 0.2 * HOUR
    assert uploads.use(job, "video", "sha", ANNA) is None
    newer = put(uploads, hosting(ledger, "second"), clock)
    assert uploads.use(job, "video", "sha", ANNA) == newer


def test_of_two_addresses_the_preferred_hosts_is_used(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    job = hosting(ledger, "first")
    vendor, store = put(uploads, job, clock), put(uploads, job, clock, host="s3")
    assert uploads.use(job, "video", "sha", ANNA) == vendor
    assert uploads.use(job, "video", "sha", dict(reversed(ANNA.items()))) == store


def test_a_job_that_moved_on_keeps_what_it_has(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    job = hosting(ledger, "first")
    ledger.move("first", State.STOPPED)
    put(uploads, job, clock)
    assert ledger.get("first").video_url is None


def bring(ledger: Ledger, name: str, end: str) -> Job:
    """From hosting to an end that a job can have."""
    if end in ("hosting", "stopped before the order"):
        return ledger.move(name, State.STOPPED if end != "hosting" else State.HOSTING)
    ledger.move(name, State.SUBMITTING)
    if end == "unknown":
        return ledger.move(name, State.UNKNOWN)
    ledger.move(name, State.RUNNING, task_id=f"task-{name}")
    if end == "failed":
        return ledger.move(name, State.FAILED, fault=Fault("x", "y", "z", "no"))
    if end == "stopped":
        return ledger.move(name, State.STOPPED)
    ledger.move(name, State.SAVING)
    return ledger.move(name, State.DONE) if end == "done" else ledger.get(name)


@pytest.mark.parametrize(
    ("other", "needed"),
    [
        ("hosting", True),
        ("running", True),
        ("unknown", True),
        ("stopped", True),
        ("stopped before the order", False),
        ("failed", False),
        ("done", False),
    ],
)
def test_a_copy_is_released_when_the_last_job_that_needs_it_has_ended(
    ledger: Ledger, uploads: Uploads, clock: Clock, other: str, needed: bool
) -> None:
    first, second = hosting(ledger, "first"), hosting(ledger, "second")
    url = put(uploads, first, clock)
    uploads.use(second, "video", "sha", ANNA)
    first, _ = bring(ledger, "first", "done"), bring(ledger, "second", other)
    assert uploads.release(first) == ([] if needed else [("evolink", "evolink-copy-of-first")])
    assert uploads.use(hosting(ledger, "third"), "video", "sha", ANNA) == (url if needed else None)


def test_a_link_that_a_person_gave_is_not_ours_to_delete(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    job = hosting(ledger, "first")
    ledger.note(job, image_url="https://example.com/mine.png")
    put(uploads, job, clock)
    released = uploads.release(bring(ledger, "first", "done"))
    assert released == [("evolink", "evolink-copy-of-first")]
    assert uploads.release(ledger.get("first")) == []


def test_a_copy_is_never_deleted_under_a_job_that_just_found_it(ledger: Ledger, uploads: Uploads, clock: Clock) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(15):
            first, second = hosting(ledger, f"first-{number}"), hosting(ledger, f"second-{number}")
            put(uploads, first, clock)
            first = bring(ledger, first.id, "done")
            finding = threads.submit(uploads.use, second, "video", "sha", ANNA)
            releasing = threads.submit(uploads.release, first)
            found, released = finding.result() is not None, bool(releasing.result())
            assert found != released
            ledger.move(second.id, State.STOPPED)
