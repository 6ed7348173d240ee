"""Answers that nobody fetches are bounded, expire, and never cost somebody else an answer."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.state_holder import SessionState

from evolink_ui.web import unread
from evolink_ui.web.gradio_queue import SESSIONS_MAX
from evolink_ui.web.refusals import Stop
from evolink_ui.web.unread import UNREAD_PER_VISITOR, Unread
from tests.web.site import Site, build_page, call, site

ACCOUNTS = ("v_1", "192.0.2.1")


class Kept:
    """Answers as a set of ids."""

    def __init__(self) -> None:
        self.unread: set[str] = set()
        self.dropped: list[str] = []

    def session_of(self, event_id: str, named: object) -> str | None:
        return "s" if event_id in self.unread else None

    def is_unread(self, event_id: str, session: str) -> bool:
        return event_id in self.unread

    def drop(self, event_id: str, session: str) -> None:
        self.unread.discard(event_id)
        self.dropped.append(event_id)


class Counting:
    """An `Unread` whose timers a test fires."""

    def __init__(self) -> None:
        self.kept, self.timers = Kept(), list[Callable[[], None]]()
        self.counted = Unread(self.kept, later=lambda _seconds, then: self.timers.append(then))

    def begin(self, event_id: str, accounts: tuple[str, str] = ACCOUNTS) -> None:
        give_back = self.counted.admit(accounts)
        self.kept.unread.add(event_id)
        give_back()
        self.counted.began(event_id, None, accounts)


def refusal(act: Callable[[], None]) -> str:
    with pytest.raises(Stop) as caught:
        act()
    return caught.value.refusal.code


def test_one_visitors_unread_answers_are_bounded_and_reading_one_makes_room() -> None:
    c = Counting()
    for n in range(UNREAD_PER_VISITOR):
        c.begin(f"e{n}")
    assert refusal(lambda: c.begin("one too many")) == "too_many_unread"
    c.begin("another's", ("v_2", "192.0.2.1"))
    c.kept.unread.discard("e3")
    c.begin("e99")
    assert refusal(lambda: c.begin("one too many")) == "too_many_unread"


def test_calls_that_come_together_do_not_find_the_same_place_free() -> None:
    c = Counting()
    let_in = [c.counted.admit(ACCOUNTS) for _ in range(UNREAD_PER_VISITOR)]
    assert refusal(lambda: c.begin("one too many")) == "too_many_unread"
    for _ in range(2):  # a call may begin and then come to nothing
        let_in[0]()
    c.begin("in its place")
    assert refusal(lambda: c.begin("one too many")) == "too_many_unread"


def test_what_stays_unread_expires() -> None:
    c = Counting()
    for n in range(UNREAD_PER_VISITOR):
        c.begin(f"e{n}")
    for fire in c.timers:
        fire()
    assert c.kept.unread == set() and len(c.kept.dropped) == UNREAD_PER_VISITOR
    c.begin("again")


def test_one_address_is_bounded_also_with_a_new_cookie_for_each_call() -> None:
    c = Counting()
    for n in range(UNREAD_PER_VISITOR * 10):
        c.begin(f"e{n}", (f"v_{n}", "192.0.2.1"))
    assert refusal(lambda: c.begin("x", ("v_new", "192.0.2.1"))) == "too_many_unread"
    c.begin("elsewhere", ("v_new", "192.0.2.2"))


def test_all_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "UNREAD_IN_ALL", 5)
    c = Counting()
    for n in range(5):
        c.begin(f"e{n}", (f"v_{n}", f"192.0.2.{n}"))
    assert refusal(lambda: c.begin("x", ("v_9", "192.0.2.9"))) == "busy"
    c.kept.unread.clear()
    c.counted.settle(("v_0", "192.0.2.0"))
    c.begin("x", ("v_9", "192.0.2.9"))


# ---- the real queue ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> list[Any]:
    """The one page, once it is built."""
    return []


@pytest.fixture(scope="module")
def queued(pages: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def build() -> Any:
        pages.append(build_page())
        return pages[0]

    with site(tmp_path_factory.mktemp("unread"), build=build, requests_per_minute=1_000_000) as running:
        yield running


@pytest.fixture
def page(pages: list[Any], queued: Site) -> Any:
    return pages[0]


def kept(page: gr.Blocks) -> tuple[int, int, int, int]:
    queue = page._queue
    messages = sum(one.qsize() for one in queue.pending_messages_per_session.values())
    return (
        len(queue.pending_event_ids_session),
        len(queue.pending_messages_per_session),
        messages,
        len(queue.event_ids_to_events),
    )


def test_a_call_does_not_describe_the_whole_page_anew(
    queued: Site, page: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[str] = []
    real = gr.Textbox.get_config

    def get_config(self: gr.Textbox, *cls: Any) -> dict[str, Any]:
        described.append("box")
        return real(self, *cls)

    monkeypatch.setattr(gr.Textbox, "get_config", get_config)
    with queued.visitor() as (client, _):
        assert call(client, "echo", "hello") == ["hello"]
        assert client.post("/gradio_api/run/who", json={"data": []}).status_code == 200
    session = SessionState(page)
    assert described == [] and len(session.blocks_config.blocks) == len(page.blocks)
    page.get_config_file()  # what the browser gets has it still
    assert described


def test_two_thousand_unread_calls_keep_as_much_as_thirty_two(queued: Site, page: gr.Blocks) -> None:
    with queued.visitor() as (client, _):
        before = kept(page)
        codes = [
            client.post("/gradio_api/call/who", json={"data": []}).status_code for _ in range(UNREAD_PER_VISITOR + 15)
        ]
        assert codes == [200] * UNREAD_PER_VISITOR + [429] * 15
        refused = client.post("/gradio_api/call/who", json={"data": []})
        assert refused.json()["error"]["code"] == "too_many_unread" and "event" in refused.json()["error"]["next_step"]
        assert kept(page)[0] <= before[0] + UNREAD_PER_VISITOR
        assert len(page.state_holder.session_data) <= SESSIONS_MAX
        with queued.visitor() as (other, name):
            assert call(other, "who") == [name]


def test_of_what_was_fetched_nothing_is_kept(queued: Site, page: gr.Blocks) -> None:
    with queued.visitor() as (client, name):
        before = kept(page)
        for _ in range(UNREAD_PER_VISITOR + 5):
            assert call(client, "who") == [name]
        # What was read last is forgotten just after its reader has it.
        assert kept(page)[0] <= before[0] + 1 and kept(page)[1] <= before[1] + 1


def test_calls_of_one_session_are_counted_like_others_and_expire(
    queued: Site, page: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "KEEP_SECONDS", 0.5)
    body = {"data": ["x"], "fn_index": 0, "session_hash": "one-session"}
    with queued.visitor() as (client, _):
        codes = [client.post("/gradio_api/queue/join", json=body).status_code for _ in range(UNREAD_PER_VISITOR + 3)]
        assert codes.count(200) >= UNREAD_PER_VISITOR and set(codes) <= {200, 429}
        deadline = time.monotonic() + 20
        while "one-session" in page._queue.pending_event_ids_session:
            assert time.monotonic() < deadline, "the unread answers stay"
            time.sleep(0.1)
        assert "one-session" not in page._queue.pending_messages_per_session
        assert client.post("/gradio_api/queue/join", json=body).status_code == 200


def test_a_session_named_in_a_call_of_its_own_hides_nothing(queued: Site) -> None:
    with queued.visitor() as (client, _):
        lies = [client.post("/gradio_api/call/v2/who", json={"session_hash": f"lie-{n}"}) for n in range(3)]
        assert all(lie.status_code == 400 and "event_id" not in lie.json() for lie in lies)
        codes = [
            client.post("/gradio_api/call/who", json={"data": [], "session_hash": f"lie-{n}"}).status_code
            for n in range(UNREAD_PER_VISITOR + 3)
        ]
        assert codes == [200] * UNREAD_PER_VISITOR + [429] * 3


def test_a_session_that_is_read_is_never_refused(queued: Site) -> None:
    with queued.visitor() as (client, _):
        for _ in range(3):
            ids = [
                client.post("/gradio_api/queue/join", json={"data": ["x"], "fn_index": 0, "session_hash": "c"}).json()
                for _ in range(8)
            ]
            stream: httpx.Response = client.get("/gradio_api/queue/data?session_hash=c")
            assert all(event["event_id"] in stream.text for event in ids)
