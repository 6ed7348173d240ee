"""Several orders at once, the same order again, and whose money the page speaks of."""

from collections.abc import Callable

from tests.browser.conftest import HELD, release
from tests.browser.material import Material
from tests.browser.visit import PHONE, Visit
from tests.stub import Stub

Visits = Callable[..., Visit]


async def test_the_same_order_is_asked_about_and_both_stay_in_view(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        first = await visit.generate()
        await visit.reaches("running")
        assert await visit.page.locator(".mc-strip").is_hidden(), "one order has the card for itself"
        await visit.go.click()
        question = visit.page.locator(".mc-submit .mc-note")
        await question.wait_for()
        assert "already running. Order it again for 32.7 credits?" in await question.inner_text()
        assert await visit.page.evaluate("document.activeElement.textContent") == "Order again"
        assert await visit.axe() == []
        assert stub.paid == 1
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_function("first => !location.search.includes(first)", arg=first)
        await visit.reaches("running")
        assert stub.paid == 2
        tiles = visit.page.locator(".mc-stripjob")
        await tiles.nth(1).wait_for()
        assert await visit.axe() == []
        release(stub)
        await visit.reaches("done")
        ready = visit.page.locator(".mc-stripjob.done")
        await ready.wait_for()
        assert "Ready" in await ready.inner_text()
        await ready.click()
        await visit.page.wait_for_function("first => location.search.includes(first)", arg=first)
        await visit.page.locator(".mc-strip").wait_for(state="hidden")


async def test_on_a_phone_running_orders_are_found_again_after_a_reload(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    stub.timeline = HELD
    async with live_visit(size=PHONE, scheme="dark") as visit:
        await visit.choose(material.picture, material.video_4s)
        for prompt in ("One", "Two"):
            await visit.page.fill("#mc-prompt", prompt)
            await visit.generate()
            await visit.reaches("running")
        await visit.reload()
        tiles = visit.page.locator(".mc-stripjob")
        await tiles.nth(1).wait_for()
        assert await visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await visit.axe() == []
        release(stub)
        await visit.reaches("done")
        await visit.page.locator(".mc-stripjob.done").wait_for()


async def test_the_owners_balance_is_for_the_owner(live_visit: Visits) -> None:
    async with live_visit() as visit:
        await visit.page.get_by_text("1,000 credits left").wait_for()
        assert await visit.page.get_by_text("Top up").is_visible()
    async with live_visit(owner=False) as visit:
        await visit.tab("Look up")
        await visit.page.fill("#mc-task", "task-unified-1-000000")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("Tasks of this app's own key are for its owner.").wait_for()
        assert await visit.page.locator(".mc-balance").is_hidden()


async def test_a_key_is_tried_and_the_page_says_who_pays_in_the_same_moment(live_visit: Visits, stub: Stub) -> None:
    stub.keys = {"sk-visitor-0123456789"}
    async with live_visit(owner=False, rough=True) as visit:  # a refusal is a failed request
        await visit.page.get_by_text("Your own EvoLink key").click()
        await visit.page.fill("#mc-key", "hello")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("EvoLink does not accept this API key.").wait_for()
        assert "charged to your key" not in await visit.page.inner_text("#mc-head")
        await visit.page.fill("#mc-key", "sk-visitor-0123456789")
        await visit.page.keyboard.press("Enter")
        await visit.page.get_by_text("Using your key").wait_for()
        assert "charged to your key" in await visit.page.inner_text("#mc-head")
        assert await visit.page.get_by_text("1,000 credits left").is_visible(), "the trial brought the balance along"
        await visit.page.get_by_role("button", name="Forget it").click()
        await visit.page.locator("#mc-key").wait_for()
        assert "charged to your key" not in await visit.page.inner_text("#mc-head")
        assert await visit.page.locator(".mc-balance").is_hidden()
