"""A stand-in EvoLink over real sockets, with a memory and faults on demand.

In a test (fixtures `stub` and `clip` from `tests.stub.plugin`)::

    from tests.stub.plugin import stub  # noqa: F401 - pytest finds the fixture by its name here

    async def test_something(stub: Stub) -> None:
        stub.timeline = Timeline(seconds=0.5)                    # every task from now on takes half a second
        stub.fail("order", drop(after_work=True))                # the next order is taken, but its answer is lost
        stub.fail("task", answer(503), hang(seconds=5), times=2) # the next four reads: 503, silence, 503 ...
        ...EvoLink("key", base_url=stub.base_url, files_url=stub.files_url)...
        assert stub.paid == 1                                    # tasks that were created and cost money

Without a fixture: `with Stub() as stub:`. As a process of its own: `python -m tests.stub --port 9000` (everything on
one port, one JSON line with the addresses on stdout) and `RemoteStub("http://127.0.0.1:9000")`, which has the same
`fail`, `set`, `state` and `reset` as HTTP calls below `/_stub/`.

Settings are attributes of `tests.stub.vendor.Vendor`: `timeline`, `script` (answers look by look), `answer_look` (a
function), `honour_idempotency`, `keys`, `credits_left`, `unlimited`, `task_delay_seconds`, `result_bytes`,
`result_headers`, `ranges`, `max_files`, `send_callbacks`, `offers_list`, `offers_batch`, `list_delay_seconds`,
`list_page_max`.
Tasks of the account that another program made: `add_elsewhere(api_key, ...)`.
What happened is in `orders`, `seen` (every request with its headers), `files`, `callbacks`.
`close_door("api")` refuses connections until `open_door("api")`; `with stub.closed("api"):` does both.

Answers that the server meant well and that arrive dirty: `dirty(...)`, `wrapped(...)`.

Places where a fault can happen: `order`, `task`, `list`, `batch`, `credits`, `upload`, `quota`, `delete`,
`file`, `result`.
"""

from tests.stub.faults import Fault, answer, cut, dirty, drip, drop, garbage, hang, wrapped
from tests.stub.records import Order, Seen, Timeline
from tests.stub.remote import RemoteStub
from tests.stub.server import Stub

__all__ = [
    "Fault",
    "Order",
    "RemoteStub",
    "Seen",
    "Stub",
    "Timeline",
    "answer",
    "cut",
    "dirty",
    "drip",
    "drop",
    "garbage",
    "hang",
    "wrapped",
]
