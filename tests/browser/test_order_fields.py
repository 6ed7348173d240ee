"""Each field of an order has a control on the page, and what is chosen there is what the vendor gets."""

from evolink_ui.evolink import MotionControlRequest
from evolink_ui.order import LINKS, OPTIONS, MotionOrder
from evolink_ui.ui.create import form_fields
from tests.browser.conftest import Visits
from tests.browser.material import Material
from tests.stub import Stub

CHOSEN = MotionOrder(
    prompt="On a rooftop",
    quality="1080p",
    character_orientation="video",
    keep_sound=False,
    watermark=True,
    element_id="123456789",
)


async def test_every_field_can_be_chosen_and_reaches_the_vendor_as_chosen(
    live_visit: Visits, stub: Stub, material: Material
) -> None:
    # A field with a single choice (the model, while one is offered) needs no control.
    names = [name for name, known in form_fields().items() if known["choices"] is None or len(known["choices"]) > 1]
    assert {*names} == {name for name in OPTIONS if getattr(CHOSEN, name) != getattr(MotionOrder(), name)}
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        for name in names:
            controls = visit.page.locator(f"#mc-form [data-field={name}]")
            assert await controls.count(), f"{name} has no control"
            wanted = getattr(CHOSEN, name)
            await controls.first.evaluate("node => node.closest('details')?.setAttribute('open', '')")
            if await controls.first.get_attribute("type") == "radio":
                await visit.page.locator(f"#mc-form [data-field={name}][value='{wanted}']").check(force=True)
            elif isinstance(wanted, bool):
                await controls.set_checked(wanted, force=True)
            else:
                await controls.fill(wanted)
        await visit.generate()
        assert await visit.ends() == "done"
        sent = MotionControlRequest(**stub.orders[0].body).order()
        assert sent.model_dump(exclude={*LINKS}) == CHOSEN.model_dump(exclude={*LINKS})


async def test_nothing_chosen_is_every_default_said_aloud(live_visit: Visits, stub: Stub, material: Material) -> None:
    async with live_visit() as visit:
        await visit.choose(material.picture, material.video_4s)
        await visit.generate()
        assert await visit.ends() == "done"
        sent = MotionControlRequest(**stub.orders[0].body).order()
        assert sent.model_dump(exclude={*LINKS}) == MotionOrder().model_dump(exclude={*LINKS})
