"""The shipped topology, run by hand: orders through it, and what kills, ends and a lost database do to them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.stub import Timeline
from tests.web.process import clip, picture

from .topology import Files, Topology, order_once, order_until_taken, state_of, status_of, topology, until

pytestmark = pytest.mark.soak

DONE_SECONDS = 90.0  # a task of 3 s, a takeover of 15 s, and a busy machine
DEPLOYS, ORDERS_EACH = 6, 5
DEPLOY_EVERY_SECONDS = 20.0  # or as long as a replica takes to start
ORDER_EVERY_SECONDS = 1.5
LOOK_EVERY_SECONDS = 0.5
TAKEN_SECONDS = 120.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with topology(tmp_path_factory.mktemp("topology")) as started:
        yield started


@pytest.fixture(scope="module")
def files() -> Files:
    return Files(picture(), clip())


def wait_until_done(client: httpx.Client, job_id: str) -> None:
    until(lambda: state_of(client, job_id) == "done", DONE_SECONDS, lambda: str(state_of(client, job_id)))


def test_an_order_through_the_proxy_ends_with_its_video(running: Topology, files: Files) -> None:
    with running.visitor() as client:
        job = order_once(client, files)
        wait_until_done(client, job["id"])
        view = client.get(f"/jobs/{job['id']}").json()
        video = client.get(view["result"]["url"])
        assert video.status_code == 200 and video.content == running.vendor.result_bytes
    (order,) = running.vendor.orders
    for link in (*order.body["image_urls"], *order.body["video_urls"]):
        assert link.startswith(f"{running.store}/evolink/evolink-ui/") and "X-Amz-Signature=" in link
        assert status_of(link.partition("?")[0]) == 403, "nobody reads the store without a signature"


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_replica_that_goes_loses_no_job_and_nobody_is_without_the_page(
    running: Topology, files: Files, how: str
) -> None:
    paid = running.vendor.paid
    running.vendor.timeline = Timeline(seconds=12.0, video_seconds=4.0)
    leaver = running.replicas[0]
    with running.visitor("app-1") as client:
        jobs = [order_once(client, files)["id"] for _ in range(2)]
        until(lambda: running.vendor.paid == paid + 2, DONE_SECONDS)
        until(lambda: all(state_of(client, job) == "running" for job in jobs), DONE_SECONDS)
        if how == "killed":
            leaver.kill()
        else:
            assert leaver.end() == 0, leaver.log()
        until(lambda: status_of(running.url) == 200, 3.0)
        for job in jobs:
            wait_until_done(client, job)
        assert client.cookies.get("replica") == "app-2"
    assert running.vendor.paid == paid + 2
    running.vendor.timeline = Timeline(seconds=3.0, video_seconds=4.0)
    leaver.start()
    leaver.wait_until_ready()


def test_while_the_database_is_away_the_page_says_so_and_afterwards_orders_go_on(
    running: Topology, files: Files
) -> None:
    paid = running.vendor.paid
    with running.visitor() as client:
        client.get("/").raise_for_status()
        running.database.stop()
        try:
            until(lambda: all(status_of(f"{one.url}/readyz") == 503 for one in running.replicas), 30.0)
            time.sleep(3.0)  # the proxy's probes
            with running.visitor() as stranger:
                for somebody in (client, stranger):
                    page = somebody.get("/")
                    assert page.status_code == 200 and "gradio" in page.text
                    with pytest.raises(AssertionError, match="can't reach its database"):
                        order_once(somebody, files)
        finally:
            running.database.start()
        job, _ = order_until_taken(client, files, "after-the-outage", DONE_SECONDS)
        wait_until_done(client, job["id"])
    assert running.vendor.paid == paid + 1


def test_deploys_under_load_leave_no_order_in_doubt_and_lose_none(running: Topology, files: Files) -> None:
    """SIGTERM to one replica after the other while orders come in, each with a reference, as programs should."""
    paid_before, posts_before = running.vendor.paid, running.vendor.requests("order")
    clients = [running.visitor() for _ in range(DEPLOYS * ORDERS_EACH)]
    exit_codes: list[int] = []
    pages: Counter[int | None] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_SECONDS):
            pages[status_of(running.url)] += 1

    def order(number: int, after_seconds: float) -> tuple[str, int]:
        time.sleep(after_seconds)
        job, failed = order_until_taken(clients[number], files, f"order-{number}", TAKEN_SECONDS)
        return job["id"], failed

    with ThreadPoolExecutor(len(clients) + 1) as threads:
        looking = threads.submit(look)
        orders: list[Future[tuple[str, int]]] = []
        try:
            for number in range(DEPLOYS):
                leaver, other = running.replicas[number % 2], running.replicas[(number + 1) % 2]
                other.wait_until_ready()
                began = time.monotonic()
                for index in range(ORDERS_EACH):
                    orders.append(threads.submit(order, len(orders), index * ORDER_EVERY_SECONDS))
                time.sleep(ORDERS_EACH * ORDER_EVERY_SECONDS / 2)  # some are placed, some on their way, some to come
                exit_codes.append(leaver.end())
                leaver.start()
                time.sleep(max(0.0, began + DEPLOY_EVERY_SECONDS - time.monotonic()))
            taken = [one.result() for one in orders]
        finally:
            over.set()
        looking.result()
    for client, (job_id, _) in zip(clients, taken, strict=True):
        wait_until_done(client, job_id)
        client.close()
    tries = sum(failed for _, failed in taken)
    print(f"{DEPLOYS} deploys, {len(taken)} orders, {tries} tries failed, pages {dict(pages)}")  # noqa: T201  figures
    assert running.vendor.paid - paid_before == len(clients), "lost, or paid twice"
    assert running.vendor.requests("order") - posts_before == len(clients)
    assert len({job_id for job_id, _ in taken}) == len(clients)
    assert exit_codes == [0] * DEPLOYS
    assert set(pages) == {200}, "somebody saw no page"
    logs = "".join(replica.log() for replica in running.replicas)
    assert "unknown" not in logs.lower(), "an order was in doubt"
