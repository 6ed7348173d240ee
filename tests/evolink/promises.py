"""The fault matrix as data: one row for each promise. `test_fault_matrix.py` puts every row to the test."""

import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal

from evolink_ui.evolink import (
    EvoLinkError,
    FollowEnded,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    OutOfCredits,
    RateLimited,
    ResultUnusable,
    ServerFault,
    Unauthorized,
    Unreachable,
)
from evolink_ui.evolink.errors import Charged
from tests.evolink.faults_of_the_wire import Door, Trouble, crowded, none, refused, unreachable
from tests.stub import Fault, answer, cut, dirty, drop, garbage, hang, wrapped
from tests.stub.faults import Place

Deed = Literal["order", "follow", "credits", "list", "batch", "upload", "download"]

PLACES: dict[Deed, Place] = {
    "order": "order", "follow": "task", "credits": "credits", "list": "list", "batch": "batch", "upload": "upload",
    "download": "result",
}  # fmt: skip
DOORS: dict[Deed, Door] = {
    "order": "api", "follow": "api", "credits": "api", "list": "api", "batch": "api", "upload": "files",
    "download": "results",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One promise. `tries` counts the requests that reached the server at the place."""

    promise: str
    deed: Deed
    faults: tuple[Fault, ...] = ()
    times: int = 1
    trouble: Trouble = none
    error: type[EvoLinkError] | None = None
    code: str | None = None
    charged: Charged | None = None
    tries: int | None = 1
    paid: int | None = None
    names_task: bool = False
    """Whether the error carries the id of the order's task."""
    pauses: tuple[float, ...] | None = None
    """The pauses to the second; None where the row does not promise them."""

    @property
    def waits(self) -> bool:
        """Whether a wait on the network runs out in this row."""
        return self.trouble in (unreachable, crowded) or any(fault.end == "hang" for fault in self.faults)


def date_in(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


def unknown(
    promise: str, *faults: Fault, paid: int = 0, code: str = "outcome_unknown", names_task: bool = False
) -> Row:
    """An order whose answer leaves the outcome open: asked once, never again."""
    return Row(
        promise, "order", faults, error=OutcomeUnknown, code=code, charged="unknown", paid=paid, names_task=names_task
    )


def named(promise: str, fault: Fault) -> Row:
    """An order that was taken and whose answer cannot be used, but names the task."""
    return unknown(promise, fault, paid=1, names_task=True)


def denied(promise: str, fault: Fault, error: type[EvoLinkError], code: str) -> Row:
    """An order that is clearly refused: asked once, nothing charged."""
    return Row(promise, "order", (fault,), error=error, code=code, charged="no", paid=0)


ORDER = [
    Row("an order that meets a closed door is offered again with its key", "order", trouble=refused, paid=1,
        pauses=(2, 4)),
    Row("an order that cannot connect in time is offered again", "order", trouble=unreachable, paid=1, pauses=(2,)),
    Row("an order without a free connection is offered again", "order", trouble=crowded, paid=1, pauses=(2,)),
    Row("an order waits as many seconds as a 429 says", "order", (answer(429, "rate_limit_exceeded", retry_after=7),),
        tries=2, paid=1, pauses=(7,)),
    Row("an order waits beyond a minute if a 429 says so", "order", (answer(429, retry_after=90),),
        tries=2, paid=1, pauses=(90,)),
    Row("an order waits until the date that a 429 names", "order", (answer(429, retry_after=date_in(20)),), tries=2,
        paid=1),
    Row("an order measures a 429's date by the server's own clock", "order",
        (answer(429, retry_after="Wed, 21 Oct 2026 07:28:09 GMT", headers={"date": "Wed, 21 Oct 2026 07:28:00 GMT"}),),
        tries=2, paid=1, pauses=(9,)),
    Row("an order waits 2, 4, 8 s where a 429 names no pace", "order", (answer(429),), times=3,
        tries=4, paid=1, pauses=(2, 4, 8)),
    Row("an order told to wait 0 s still waits one", "order", (answer(429, retry_after=0),), tries=2, paid=1,
        pauses=(1,)),
    Row("an order gives up after ten minutes of 429, nothing charged", "order", (answer(429, retry_after=100),),
        times=20,
        error=RateLimited, code="rate_limit_exceeded", charged="no", tries=7, paid=0),
    Row("an order does not wait an hour for a 429", "order", (answer(429, retry_after=3600),),
        error=RateLimited, charged="no", paid=0, pauses=()),
    Row("an order is not offered again to an empty account that says 429", "order", (answer(429,
        "insufficient_quota"),),
        error=OutOfCredits, code="insufficient_quota", charged="no", paid=0, pauses=()),
    unknown("an order whose connection drops before the work is not repeated", drop()),
    unknown("an order whose connection drops after the work is not repeated", drop(after_work=True), paid=1),
    unknown("an order whose connection is reset after the work is not repeated", drop(after_work=True, reset=True),
            paid=1),
    unknown("an order that is not answered in time is not repeated", hang(5)),
    unknown("an order that worked but is not answered in time is not repeated", hang(5, after_work=True), paid=1),
    unknown("an order whose answer is cut short is not repeated", cut(20), paid=1),
    unknown("an order answered with 200 and a page is not repeated", garbage(), paid=1),
    unknown("an order answered with 200 and no id is not repeated", answer(200, body={"status": "pending"},
            work=True), paid=1),
    unknown("an order answered with 200 and an error is not repeated", answer(200, "internal_error")),
    unknown("an order answered with an empty 200 is not repeated", answer(200, body="", work=True), paid=1),
    unknown("an order answered with 204 is not repeated", answer(204, body="", work=True), paid=1),
    unknown("an order answered with an id that is no text is not repeated", answer(200, body={"id": 7}, work=True),
            paid=1),
    *(unknown(f"an order answered with {status} is not repeated", answer(status, "internal_error"))
      for status in (408, 500, 502, 503, 504, 520, 529, 599)),
    *(unknown(f"an order answered with 5xx {code} is not called free", answer(503, code))
      for code in ("no_available_channel", "model_unavailable", "rate_limit_exceeded", "insufficient_quota",
          "invalid_request")),
    *(denied(f"an order answered with a {status} redirect is not followed and costs nothing",
             answer(status, headers={"location": "/v1/videos/generations"}), Unreachable, "redirected")
      for status in (300, 301, 302, 303, 305, 307, 308)),
    *(denied(f"an order answered with a {status} redirect and a page is not followed and costs nothing",
             answer(status, headers={"location": "https://login.invalid/"}, body="<html>Moved</html>"), Unreachable,
             "redirected") for status in (302, 307)),
    unknown("an order answered with 304 is not repeated", answer(304, body="")),
    *(named(f"an order answered with {fault.dirt} keeps the task's id", fault)
      for fault in (dirty("cut_after_id"), dirty("broken_after_id"), dirty("trailing_bytes", status=500),
                    dirty("bad_utf8", status=502), dirty("huge_number", status=503))),
    *(named(f"an order answered with {status} around its task keeps the task's id", wrapped(status))
      for status in (200, 303, 307, 400, 402, 404, 408, 409, 429, 500, 504)),
    *(named(f"an order answered with {status} and its task in the message keeps the task's id",
            wrapped(status, text=True)) for status in (403, 500)),
    *(Row(f"an order whose answer arrives with {dirt} is taken", "order", (dirty(dirt),), paid=1)
      for dirt in ("bad_utf8", "trailing_bytes", "huge_number")),
    Row("an order whose task is named after a 429 is not offered again", "order", (answer(429), wrapped(429)),
        error=OutcomeUnknown, charged="unknown", tries=2, paid=1, names_task=True),
    unknown("an order answered with 5xx and a page is not repeated", answer(502, body="<html>Bad gateway</html>"),
            paid=0),
    unknown("an order answered with 425 is not repeated", answer(425)),
    unknown("an order answered with an unknown 409 is not repeated", answer(409, "conflict")),
    unknown("an order that EvoLink still works on is not repeated", answer(409, "paid_outcome_unknown"),
            code="paid_outcome_unknown"),
    unknown("an order that EvoLink still works on is not repeated, whatever the status", answer(400,
            "paid_outcome_unknown"),
            code="paid_outcome_unknown"),
    Row("an order refused after a 429 is a refusal", "order", (answer(429), answer(402, "insufficient_quota")),
        error=OutOfCredits, charged="no", tries=2, paid=0),
    Row("an order lost after a 429 is an unknown outcome", "order", (answer(429), drop(after_work=True)),
        error=OutcomeUnknown, charged="unknown", tries=2, paid=1),
    Row("an order whose key belongs to another says so and stays in doubt", "order", (answer(409,
        "idempotency_conflict"),),
        error=IdempotencyConflict, code="idempotency_conflict", charged="unknown", paid=0),
    denied("an order refused with 400 costs nothing", answer(400, "invalid_request"), InvalidRequest,
           "invalid_request"),
    denied("an order refused with 401 costs nothing", answer(401, "unauthorized"), Unauthorized, "unauthorized"),
    denied("an order with a disabled key costs nothing", answer(401, "key_disabled"), Unauthorized, "key_disabled"),
    denied("an order with an expired key costs nothing", answer(403, "key_expired"), Unauthorized, "key_expired"),
    denied("an order on an empty account costs nothing", answer(402, "insufficient_quota"), OutOfCredits,
           "insufficient_quota"),
    denied("an order of a user without credits costs nothing", answer(402, "insufficient_user_quota"), OutOfCredits,
           "insufficient_user_quota"),
    denied("an order beyond the account's credits costs nothing", answer(402, "quota_not_enough"), OutOfCredits,
           "quota_not_enough"),
    denied("an order beyond the key's limit costs nothing", answer(402, "insufficient_token_quota"), OutOfCredits,
           "insufficient_token_quota"),
    denied("an order beyond the key's daily limit costs nothing", answer(402, "token_daily_quota_exceeded"),
           OutOfCredits,
           "token_daily_quota_exceeded"),
    denied("an order refused with 403 costs nothing", answer(403, "model_access_denied"), Forbidden,
           "model_access_denied"),
    denied("an order refused with 404 costs nothing", answer(404, "resource_not_found"), NotFound,
           "resource_not_found"),
    denied("an order refused with 413 costs nothing", answer(413, body="<html>too large</html>"), InvalidRequest,
           "too_large"),
    denied("an order refused with 422 costs nothing", answer(422, "invalid_parameters"), InvalidRequest,
           "invalid_parameters"),
    denied("an order refused with a code nobody knows costs nothing", answer(400, "brand_new_code"), InvalidRequest,
           "brand_new_code"),
    unknown("an order answered with 403 and a page, which may hide its answer, is not called free",
            answer(403, body="<html>Blocked by policy</html>", work=True), paid=1),
    unknown("an order answered with 403 and not a word is not called free", answer(403, body="", work=True), paid=1),
    *(denied(f"an order refused with {status} and a page before EvoLink costs nothing and blames nobody",
             answer(status, body="<!doctype html><title>No</title>", headers={"content-type": "text/html"}),
             Unreachable, "not_evolink") for status in (400, 401, 404, 410, 451)),
    *(denied(f"an order refused with {status} costs nothing", answer(status), InvalidRequest, code)
      for status, code in ((405, "method_not_allowed"), (411, "length_required"), (414, "too_large"),
                           (415, "wrong_kind"), (421, "method_not_allowed"), (431, "too_large"))),
    denied("an order refused with 405 and a page costs nothing", answer(405, body="<html>nginx</html>"),
           InvalidRequest, "method_not_allowed"),
    denied("an order refused with 451 costs nothing", answer(451), Forbidden, "unavailable_for_legal_reasons"),
    denied("an order beyond the key's own limit costs nothing", answer(429, "key_quota_exhausted"), OutOfCredits,
           "key_quota_exhausted"),
]  # fmt: skip


def survived(promise: str, deed: Deed, *faults: Fault, times: int = 1, pauses: tuple[float, ...] | None = None) -> Row:
    """A fault after which the same thing is asked again and goes well."""
    return Row(promise, deed, faults, times=times, tries=len(faults) * times + 1, pauses=pauses)


READ_NAMES: dict[Deed, str] = {
    "follow": "a task",
    "credits": "the balance",
    "list": "the list of tasks",
    "batch": "a batch of tasks",
    "download": "the result",
    "upload": "an upload",
}

FREE = [
    row
    for deed, what in READ_NAMES.items()
    for row in (
        Row(f"{what} that meets a closed door is asked for again", deed, trouble=refused),
        Row(f"{what} that cannot connect in time is asked for again", deed, trouble=unreachable),
        Row(f"{what} without a free connection is asked for again", deed, trouble=crowded),
        survived(f"{what} waits as many seconds as a 429 says", deed, answer(429, retry_after=7), pauses=(7,)),
        survived(f"{what} waits at most a minute for a 429", deed, answer(429, retry_after=90), pauses=(60,)),
        survived(f"{what} waits until the date of a 429", deed, answer(429, retry_after=date_in(30))),
        survived(f"{what} survives a 429 without a pace", deed, answer(429), times=3),
        survived(f"{what} survives a dropped connection", deed, drop(), drop(after_work=True), drop(reset=True)),
        survived(f"{what} survives silence", deed, hang(5)),
        survived(f"{what} survives 408", deed, answer(408)),
        survived(f"{what} survives 5xx, whatever their words", deed,
                 answer(500, "internal_error"), answer(503, "model_unavailable"), answer(502, body="<html>")),
        survived(f"{what} survives 5xx that names a pace", deed, answer(503, retry_after=11), pauses=(11,)),
        survived(f"{what} survives 200 that is something else", deed, garbage(), answer(200, body="[1")),
        survived(f"{what} survives 200 that is cut short", deed, cut(20)),
        *(survived(f"{what} survives a firewall's page with {status}", deed,
                   answer(status, body="<html>Blocked</html>", headers={"content-type": "text/html"}), times=2)
          for status in (400, 401, 403, 404, 451) if deed != "download"),
    )
]  # fmt: skip

BLOCKED: dict[Deed, tuple[Charged, int]] = {
    "credits": ("no", 8), "list": ("no", 8), "batch": ("unknown", 8), "upload": ("no", 4),
}  # fmt: skip
NOT_OFFERED: dict[Deed, Charged] = {"list": "no", "batch": "unknown"}

READ = [
    *(survived(f"{what} survives a 3xx detour", deed, answer(302, headers={"location": "https://example.com/"}))
      for deed, what in READ_NAMES.items() if deed != "download"),
    survived("a task survives JSON without an id", "follow", answer(200, body={"status": "completed"}), answer(200,
             body=[1])),
    survived("a task survives an id that is no text", "follow", answer(200, body={"id": None, "status": "failed"})),
    survived("a task is never another task", "follow", dirty("other_task"), times=5),
    *(Row(f"a task that arrives with {dirt} is read", "follow", (dirty(dirt),))
      for dirt in ("bad_utf8", "trailing_bytes", "huge_number")),
    *(survived(f"a task that arrives {dirt} is asked for again", "follow", dirty(dirt))
      for dirt in ("cut_after_id", "broken_after_id")),
    survived("a follow survives an hour of a firewall's page", "follow", answer(403, body="<html>Blocked</html>"),
             times=60),
    Row("a follow that meets a firewall's page up to its end says so", "follow",
        (answer(404, body="<html>Blocked</html>"),), times=200, error=FollowEnded, code="follow_ended",
        charged="unknown", tries=None),
    *(Row(f"{READ_NAMES[deed]} behind a firewall blames neither key nor request", deed,
          (answer(403, body="<html>Blocked</html>"),), times=30, error=Unreachable, code="not_evolink",
          charged=charged, tries=tries)
      for deed, (charged, tries) in BLOCKED.items()),
    *(Row(f"{READ_NAMES[deed]} that the host does not offer ({status}) says so at once", deed, (answer(status),),
          error=NotFound, code="not_offered", charged=charged, pauses=())
      for deed, charged in NOT_OFFERED.items() for status in (404, 405)),
    survived("a task survives an hour of 5xx", "follow", answer(500), times=60),
    survived("a task that is not known yet in the first minute is asked for again", "follow", answer(404,
             "task_not_found"),
             times=4),
    Row("a task unknown for over a minute is no failure: the follower stops", "follow", (answer(404,
        "task_not_found"),),
        times=9, error=NotFound, code="task_not_found", charged="unknown", tries=7),
    *(Row(f"a task refused with {status} {code} is no failure: the follower stops", "follow", (answer(status, code),),
          error=error, code=code, charged="unknown")
      for status, code, error in (
          (400, "invalid_task_id", InvalidRequest), (401, "unauthorized", Unauthorized), (401, "key_disabled",
              Unauthorized),
          (402, "quota_exceeded", OutOfCredits), (402, "insufficient_token_quota", OutOfCredits),
          (402, "token_daily_quota_exceeded", OutOfCredits), (403, "permission_denied", Forbidden),
          (403, "key_expired", Unauthorized), (413, "invalid_request", InvalidRequest), (422, "invalid_parameters",
              InvalidRequest))),
    *(Row(f"the balance refused with {status} {code} says so", "credits", (answer(status, code),), error=error,
          code=code,
          charged="no")
      for status, code, error in ((401, "unauthorized", Unauthorized), (402, "quota_exceeded", OutOfCredits),
                                  (403, "permission_denied", Forbidden), (404, "resource_not_found", NotFound))),
    Row("the balance says after three minutes that it is not to be had", "credits", (answer(500, "internal_error"),),
        times=30,
        error=ServerFault, code="internal_error", charged="no", tries=8),
    Row("a balance that the API declines with 200 says so", "credits",
        (answer(200, body={"success": False, "message": "no such user"}),), error=InvalidRequest, charged="no"),
    *(Row(f"an upload refused with {status} says so", "upload", (answer(status, body={"success": False, "msg": "no"}),),
          error=error, charged="no")
      for status, error in ((400, InvalidRequest), (401, Unauthorized), (402, OutOfCredits), (403, Forbidden), (404,
          NotFound),
                            (413, InvalidRequest), (415, InvalidRequest), (422, InvalidRequest))),
    Row("an upload refused before its end says so", "upload", (Fault("answer", status=413, early=True),),
        error=InvalidRequest, code="too_large", charged="no"),
    Row("an upload declined with 200 says so", "upload", (answer(200, body={"success": False, "code": 402,
        "msg": "quota"}),),
        error=OutOfCredits, charged="no"),
    Row("an upload declined with 200 and no reason says so", "upload", (answer(200, body={"success": False}),),
        error=InvalidRequest, charged="no"),
    survived("an upload declined with 200 and a 5xx inside is sent again", "upload",
             answer(200, body={"success": False, "code": 503, "msg": "busy"})),
    survived("a balance declined with 200 and a 5xx inside is asked for again", "credits",
             answer(200, body={"success": False, "code": 500, "message": "busy"})),
    Row("an upload fails after four faults", "upload", (answer(500, "internal_error"),), times=9,
        error=ServerFault, charged="no", tries=4),
    Row("an upload that is dropped four times says that nothing was ordered", "upload", (drop(),), times=9,
        error=Unreachable, code="connection_lost", charged="no", tries=4),
    survived("a result that is not there yet is asked for again", "download", answer(404), times=3),
    survived("a result follows the detour of its host", "download", answer(302,
             headers={"location": "/results/elsewhere.mp4"})),
    survived("a result that answers without a body is asked for again", "download", answer(204, body=""),
             answer(304, body="")),
    *(Row(f"a result whose link died with {status} says that the link is dead and the video paid", "download",
          (answer(status),), error=ResultUnusable, code="resource_not_found", charged="yes")
      for status in (400, 401, 402, 403, 410, 451)),
    Row("a result that stays a page is refused and stays paid", "download", (garbage(),), times=9,
        error=ResultUnusable, code="result_not_a_video", charged="yes", tries=6),
]  # fmt: skip
