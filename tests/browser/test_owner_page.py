"""The owner's page in a real Chromium, and everybody else before a closed door."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from evolink_ui.ui.words_owner import OWNER
from tests.browser.app_process import AppProcess
from tests.browser.material import Material
from tests.browser.visit import DESKTOP, PHONE, Browsers, Scheme, axe_source
from tests.stub import Stub, Timeline, answer, drop

OWNERS_KEY = "sk-owner-0123456789abcdef"
QUICK = Timeline(seconds=0.0, video_seconds=4.0)
HELD = Timeline(seconds=3600.0, estimated_time=1.0, video_seconds=4.0)
PAGES = ["/admin", "/admin/", "/admin/page.js", "/admin/page.css", "/admin/state", "/admin/tasks"]


@dataclass
class Scene:
    """An app with one job that runs, one that stopped, one that failed and one in doubt; three tasks from elsewhere."""

    app: AppProcess
    stub: Stub
    cookies: dict[str, str]
    jobs: dict[str, str] = field(default_factory=dict)

    def client(self, *, owner: bool) -> httpx.Client:
        return httpx.Client(base_url=self.app.url, cookies=self.cookies if owner else {}, trust_env=False, timeout=30)


def order(client: httpx.Client, material: Material) -> str:
    sent = [("files", (path.name, path.read_bytes())) for path in (material.picture, material.video_4s)]
    names = client.post("/gradio_api/upload", files=sent).raise_for_status().json()
    data = [{"path": name, "meta": {"_type": "gradio.FileData"}} for name in names]
    posted = client.post("/gradio_api/call/start", json={"data": data}).raise_for_status()
    said = client.get(f"/gradio_api/call/start/{posted.json()['event_id']}").text
    return str(json.loads(said.split("data: ")[1])[0]["id"])


def until(client: httpx.Client, job_id: str, *states: str) -> dict[str, Any]:
    give_up_at = time.monotonic() + 60
    while (job := client.get(f"/jobs/{job_id}").json())["state"] not in states:
        assert time.monotonic() < give_up_at, job
        time.sleep(0.1)
    return dict(job)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Iterator[Scene]:
    with Stub() as stub:
        app = AppProcess(
            tmp_path_factory.mktemp("owner") / "data",
            EVOLINK_API_KEY=OWNERS_KEY,
            EVOLINK_BASE_URL=stub.base_url,
            EVOLINK_FILES_URL=stub.files_url,
            EVOLINK_UI_ALLOW_PRIVATE_URLS="true",
            EVOLINK_UI_DAILY_CREDITS="500",
        )
        made = Scene(app, stub, dict(app.owners_cookies()))
        with made.client(owner=False) as visitor:
            visitor.get("/config").raise_for_status()
            stub.timeline = HELD
            made.jobs["running"] = order(visitor, material)
            until(visitor, made.jobs["running"], "running")
            stopped = order(visitor, material)
            until(visitor, stopped, "running")
            visitor.post(f"/jobs/{stopped}/stop").raise_for_status()
            made.jobs["stopped"] = stopped
            stub.fail("order", answer(402, "insufficient_quota"))
            made.jobs["failed"] = order(visitor, material)
            until(visitor, made.jobs["failed"], "failed")
            for _ in range(3):
                stub.add_elsewhere(OWNERS_KEY)
            stub.fail("order", drop(after_work=True))
            made.jobs["unknown"] = order(visitor, material)
            until(visitor, made.jobs["unknown"], "unknown")
        yield made
        app.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def opened(browsers: Browsers, scene: Scene) -> AsyncIterator[Any]:
    """Opens the owner's page; at the end nothing was broken on it."""
    faults: list[str] = []
    contexts: list[tuple[Any, dict[str, Any]]] = []

    async def visit(size: tuple[int, int] = DESKTOP, scheme: Scheme = "light") -> Page:
        options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme, "locale": "en-US"}
        context = await browsers.take(options)
        contexts.append((context, options))
        for name, value in scene.cookies.items():
            await context.add_cookies([{"name": name, "value": value, "url": scene.app.url}])
        page: Page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        await page.goto(f"{scene.app.url}admin")
        await expect(page.locator(".ow-tile")).to_have_count(4)
        return page

    yield visit
    for context, options in contexts:
        await browsers.give_back(context, options)
    assert faults == []


@pytest.mark.parametrize("path", PAGES)
def test_nobody_but_the_owner_finds_the_page(scene: Scene, path: str) -> None:
    nothing = httpx.get(f"{scene.app.url}nothing-at-all", trust_env=False)
    for cookies in ({}, {name: f"{value[:-2]}xx" for name, value in scene.cookies.items()}, {"evolink_owner": "1:x"}):
        with httpx.Client(base_url=scene.app.url, cookies=cookies, trust_env=False) as client:
            found = client.get(path, follow_redirects=True)
            assert (found.status_code, found.json()) == (404, nothing.json())
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS"):
        assert httpx.request(method, scene.app.url + path[1:], trust_env=False).status_code in (403, 404, 307)


def test_nobody_but_the_owner_does_anything(scene: Scene) -> None:
    with scene.client(owner=False) as stranger:
        stranger.get("/config")
        for action in ("stop", "retry", "attach", "send_again", "give_up"):
            for job_id in scene.jobs.values():
                assert stranger.post(f"/admin/jobs/{job_id}/{action}", json={"task_id": "x"}).status_code == 404
        assert stranger.post("/admin/tasks/task-unified-1-x", json={}).status_code == 404
    with scene.client(owner=True) as owner:
        states = {job["id"]: job["state"] for job in owner.get("/admin/state").json()["running"]}
    assert states[scene.jobs["running"]] == "running"


def test_another_sites_page_does_nothing_in_the_owners_browser(scene: Scene) -> None:
    with scene.client(owner=True) as owner:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            answered = owner.post(f"/admin/jobs/{scene.jobs['running']}/stop", json={}, headers=headers)
            assert answered.status_code == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"task_id": 7}', b'{"task_id": " "}', b'"x"'])
def test_what_is_no_task_id_is_said_in_one_sentence(scene: Scene, body: bytes) -> None:
    with scene.client(owner=True) as owner:
        answered = owner.post(f"/admin/jobs/{scene.jobs['unknown']}/attach", content=body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, "task_id_missing")


def test_jobs_and_actions_that_are_none_are_not_found(scene: Scene) -> None:
    with scene.client(owner=True) as owner:
        assert owner.post("/admin/jobs/nobody/stop", json={}).json()["error"]["code"] == "job_not_found"
        assert owner.post(f"/admin/jobs/{scene.jobs['running']}/delete", json={}).status_code == 404
        assert owner.post(f"/admin/jobs/{scene.jobs['running']}/retry", json={}).status_code == 409


def test_prompts_files_and_keys_of_visitors_are_not_on_it(scene: Scene) -> None:
    with scene.client(owner=True) as owner:
        text = owner.get("/admin/state").text
    assert OWNERS_KEY not in text
    assert not re.search(r"prompt|poster|/files/|sealed|idempotency", text)


def test_it_adds_nothing_to_everybodys_page(scene: Scene) -> None:
    with scene.client(owner=False) as visitor:
        page = visitor.get("/").text
    for word in ("admin/", "ow-tile", OWNER["doubts.send.sure"], OWNER["title"]):
        assert word not in page


def test_it_runs_nothing_inline_and_is_in_no_frame(scene: Scene) -> None:
    with scene.client(owner=True) as owner:
        headers = owner.get("/admin").headers
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


async def test_it_shows_what_runs_what_failed_and_what_it_cost(scene: Scene, opened: Any) -> None:
    page = await opened()
    await expect(page.get_by_role("heading", name=OWNER["tasks.many"].format(n=4))).to_be_visible()
    await expect(page.locator("section", has_text=OWNER["running"]).first).to_contain_text("Generating")
    trouble = page.get_by_role("region", name=OWNER["trouble"])
    await expect(trouble).to_contain_text("Not charged")
    await expect(trouble).to_contain_text("The visitor stopped following this order.")
    await expect(trouble).to_contain_text("May be charged")
    await expect(page.locator(".ow-tile").nth(2)).to_contain_text("of 500 credits")
    await expect(page.get_by_role("region", name=OWNER["spent"])).to_contain_text("orders")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
async def test_nothing_overflows_or_can_t_be_read(opened: Any, size: tuple[int, int], scheme: Scheme) -> None:
    page = await opened(size, scheme)
    assert await page.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")
    wide = "[...document.querySelectorAll('*')].filter(n => n.getBoundingClientRect().right > innerWidth + 1)"
    if folder := os.environ.get("OWNER_SHOTS"):
        await page.wait_for_timeout(2500)
        await page.screenshot(path=f"{folder}/{scheme}-{size[0]}.png", full_page=True)
    assert await page.evaluate(f"{wide}.map(node => node.outerHTML.slice(0, 160))") == []
    await page.evaluate(axe_source())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(done => done.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


async def test_settling_stopping_and_adding_go_through_the_page(scene: Scene, opened: Any) -> None:
    page = await opened()
    for placed in scene.stub.orders:
        placed.timeline = QUICK
    with scene.client(owner=True) as owner:
        owner.get("/config")
        paid = scene.stub.paid
        doubts = page.get_by_role("region", name=OWNER["doubts"])
        send = doubts.get_by_role("button", name=OWNER["doubts.send"], exact=True)
        await send.click()
        await expect(doubts.get_by_role("button", name=OWNER["doubts.send.sure"])).to_be_visible()
        assert scene.stub.paid == paid, "it asked, and sent nothing"
        await page.reload()
        await doubts.get_by_label(OWNER["doubts.task"]).fill(scene.stub.orders[-1].task_id)
        await doubts.get_by_role("button", name=OWNER["doubts.attach"]).click()
        await expect(doubts).to_contain_text(OWNER["doubts.none"])
        await (
            page.get_by_role("region", name=OWNER["trouble"]).get_by_role("button", name=OWNER["action.retry"]).click()
        )
        for name in ("unknown", "stopped"):
            await asyncio.to_thread(until, owner, scene.jobs[name], "done")
        await page.get_by_role("button", name=OWNER["tasks.add.all"]).click()
        await expect(page.get_by_role("heading", name=re.compile("not in this app"))).to_have_count(0)
        assert scene.stub.paid == paid
        assert owner.get("/admin/tasks").json() == {"tasks": []}
