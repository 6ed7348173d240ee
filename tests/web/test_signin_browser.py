"""Signing in with a real browser: on a Space the page lives in a frame, whose cookies are kept apart from any tab's."""

from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser.visit import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.web.process import app_process
from tests.web.provider import CLIENT, SECRET, provider

OUTER = "https://huggingface.co/spaces/anna/dance"
# The page that frames is of the internet and the app is not, which browsers would ask about.
ONE_NETWORK = "--disable-features=LocalNetworkAccessChecks"


async def test_from_a_spaces_frame_one_signs_in_in_a_tab_that_then_is_the_app(tmp_path: Path) -> None:
    with provider() as stand_in:
        environment = {
            "SPACE_ID": "anna/dance",
            "SPACE_HOST": "anna-dance.hf.space",
            "OAUTH_CLIENT_ID": CLIENT,
            "OAUTH_CLIENT_SECRET": SECRET,
            "OPENID_PROVIDER_URL": stand_in.url,
            "EVOLINK_UI_ALLOW_PRIVATE_URLS": "true",
        }
        with app_process(tmp_path / "space", **environment) as app:
            async with async_playwright() as playwright:
                arguments = [*CHROMIUM_ARGUMENTS, ONE_NETWORK]
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
                context = await browser.new_context()
                outer = f"<iframe src='{app.url}/' style='width: 1100px; height: 700px'></iframe>"
                await context.route(OUTER, lambda route: route.fulfill(body=outer, content_type="text/html"))
                page = await context.new_page()
                await page.goto(OUTER)
                async with context.expect_page(timeout=60_000) as opened:
                    await page.frame_locator("iframe").get_by_role("button", name="Sign in").click(timeout=60_000)
                tab = await opened.value
                await tab.get_by_role("button", name="Sign out").wait_for(timeout=60_000)
                state = "fetch('signin/state').then((answer) => answer.json())"
                assert tab.url == f"{app.url}/" and (await tab.evaluate(state))["name"] == "anna"
                cookies = await context.cookies()
                framed = {
                    cookie["name"] for cookie in cookies if "huggingface.co" in (cookie.get("partitionKey") or "")
                }
                assert framed == {"evolink_visitor"}, "the session is the tab's alone"
                await tab.get_by_role("button", name="Sign out").click()
                await tab.get_by_role("button", name="Sign in").wait_for(timeout=60_000)
                assert (await tab.evaluate(state))["signed_in"] is False
                await browser.close()
