"""The ledger: the money truth, on both databases."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolink_ui.jobs.job import ACTIVE, MAY_COME_FROM, Fault, ImpossibleTransition, Job, JobError, State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.tables import changing, placed_orders
from evolink_ui.jobs.tables import jobs as jobs_table
from tests.postgres import postgres


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
        connection.execute(jobs_table.delete())
        connection.execute(placed_orders.delete())
    yield ledger
    ledger.close()


def add(ledger: Ledger, job_id: str = "a", **values: Any) -> Job:
    return ledger.add(
        **{
            "id": job_id,
            "visitor": "anna",
            "mode": "sandbox",
            "request": {"prompt": "A dance"},
            "idempotency_key": f"key-{job_id}",
            "video_seconds": 8.0,
            "credits_estimated": 65.3,
            **values,
        }
    )


def bring(ledger: Ledger, job: Job, state: State) -> Job:
    """Walk a job to a state by allowed moves only."""
    way: dict[State, list[State]] = {State.QUEUED: []}
    while state not in way:
        for to, sources in MAY_COME_FROM.items():
            for source in sources & way.keys():
                way.setdefault(to, [*way[source], to])
    for step in way[state]:
        job = ledger.move(job.id, step)
    return job


def test_a_job_is_found_again_as_it_was_written(ledger: Ledger) -> None:
    job = add(ledger)
    assert ledger.find("a") == job
    assert job.state is State.QUEUED
    assert job.workflow_id == "a.1"
    assert ledger.find("b") is None


def test_a_row_that_cannot_be_read_is_set_aside_and_all_others_go_on(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("good", "bad", "newer"):
        add(ledger, name)
    written = {"code": "c", "message": "m", "next_step": "n", "charged": "no"}
    with changing(ledger.engine) as connection:
        for name, fault in (
            ("bad", {"code": "only"}),
            ("newer", {**written, "severity": "a newer field"}),
        ):
            connection.execute(jobs_table.update().where(jobs_table.c.id == name).values(fault=fault))
    for _ in range(2):
        assert {job.id for job in ledger.unfinished()} == {"good", "newer"}
    assert {job.id for job in ledger.history("anna", states=[], search="", limit=9, offset=0)} == {"good", "newer"}
    assert ledger.get("newer").fault == Fault(**written)  # type: ignore[arg-type]  # its `charged` is one of the three
    with pytest.raises(JobError, match="can't read"):
        ledger.find("bad")
    assert [record.getMessage().split(":")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "job=bad can't be read and is set aside"
    ]
    assert ledger.move("good", State.HOSTING).id == "good"


def test_a_row_whose_json_is_broken_is_set_aside(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    for name in ("good", "broken"):
        add(ledger, name)
    with changing(ledger.engine) as connection:
        connection.exec_driver_sql("update jobs set request = '{' where id = 'broken'")
    assert [job.id for job in ledger.unfinished()] == ["good"]
    ledger.close()


def test_the_key_is_not_in_a_jobs_repr(ledger: Ledger) -> None:
    assert "sealed-marked" not in repr(add(ledger, sealed_key="sealed-marked"))


@pytest.mark.parametrize(("source", "to"), list(product(State, State)))
def test_an_impossible_transition_is_an_error_and_changes_nothing(ledger: Ledger, source: State, to: State) -> None:
    job = bring(ledger, add(ledger), source)
    if source in MAY_COME_FROM[to]:
        assert ledger.move("a", to).state is to
        return
    with pytest.raises(ImpossibleTransition) as caught:
        ledger.move("a", to, task_id="task-unified-1-x")
    assert caught.value.actual == source
    assert ledger.get("a") == job


def test_only_one_of_two_can_claim_the_order(tmp_path: Path) -> None:
    """Two processes with the same job, as after a pause: one POST leaves."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    one, two = Ledger(url), Ledger(url)
    add(one)
    one.move("a", State.HOSTING)
    one.move("a", State.SUBMITTING)
    with pytest.raises(ImpossibleTransition):
        two.move("a", State.SUBMITTING)
    one.close()
    two.close()


def test_an_earlier_run_can_write_nothing_any_more(ledger: Ledger) -> None:
    old = bring(ledger, add(ledger), State.RUNNING)
    ledger.move("a", State.STOPPED)
    new = ledger.again("a", State.RUNNING, only_from={State.STOPPED})
    assert (new.run, new.finished_at) == (2, None)
    assert not ledger.note(old, progress=50)
    with pytest.raises(ImpossibleTransition):
        ledger.move("a", State.SAVING, only_run=old.run)
    assert ledger.note(new, progress=51)
    assert ledger.get("a").progress == 51


def test_facts_are_not_written_to_a_job_that_has_moved_on(ledger: Ledger) -> None:
    running = bring(ledger, add(ledger), State.RUNNING)
    ledger.move("a", State.STOPPED)
    assert not ledger.note(running, progress=80)
    assert ledger.get("a").progress is None


def test_a_fault_comes_back_whole(ledger: Ledger) -> None:
    fault = Fault("x", "It broke.", "Try again.", charged="no", retryable=True, request_id="r-1")
    add(ledger)
    assert ledger.move("a", State.FAILED, fault=fault).fault == fault


def test_two_jobs_never_have_the_same_task(ledger: Ledger) -> None:
    for name in "ab":
        bring(ledger, add(ledger, name), State.SUBMITTING)
    ledger.move("a", State.RUNNING, task_id="task-unified-1-x")
    with pytest.raises(JobError) as caught:
        ledger.move("b", State.RUNNING, task_id="task-unified-1-x")
    assert caught.value.code == "task_belongs_to_another_job"


def test_the_line_counts_own_jobs_and_all_jobs_when_every_place_is_taken(ledger: Ledger, clock: Clock) -> None:
    jobs = []
    for name, visitor in (("a", "anna"), ("b", "ben"), ("c", "anna")):
        clock.now += 1
        jobs.append(add(ledger, name, visitor=visitor))
    assert [ledger.place_in_line(job, active_in_all=10) for job in jobs] == [1, 1, 2]
    bring(ledger, add(ledger, "d", visitor="dora"), State.RUNNING)
    assert [ledger.place_in_line(job, active_in_all=1) for job in jobs] == [1, 2, 3]
    assert ledger.place_in_line(ledger.get("d"), active_in_all=1) is None


def test_history_is_newest_first_filtered_and_searched(ledger: Ledger, clock: Clock) -> None:
    for name, prompt in (("a", "A red Fox"), ("b", "100% wool"), ("c", "A fox again")):
        clock.now += 1
        add(ledger, name, request={"prompt": prompt})
    add(ledger, "x", visitor="ben")
    ledger.move("b", State.FAILED)

    def ids(**wanted: Any) -> list[str]:
        return [
            job.id for job in ledger.history("anna", **{"states": [], "search": "", "limit": 9, "offset": 0, **wanted})
        ]

    assert ids() == ["c", "b", "a"]
    assert ids(limit=1, offset=1) == ["b"]
    assert ids(states=["failed"]) == ["b"]
    assert ids(search="fox") == ["c", "a"]
    assert ids(search="100%") == ["b"]
    assert ids(search="%") == ["b"]


def test_only_jobs_at_rest_can_be_deleted(ledger: Ledger) -> None:
    add(ledger)
    with pytest.raises(JobError) as caught:
        ledger.delete("a")
    assert caught.value.code == "job_is_active"
    ledger.move("a", State.STOPPED)
    ledger.delete("a")
    assert ledger.find("a") is None
    with pytest.raises(JobError) as caught:
        ledger.delete("a")
    assert caught.value.status == 404


def test_unfinished_jobs_are_those_that_the_engine_works_on(ledger: Ledger) -> None:
    for state in State:
        bring(ledger, add(ledger, state.value), state)
    assert {job.state for job in ledger.unfinished()} == ACTIVE
    assert ledger.count_by_state() == {state.value: 1 for state in State}


def test_opening_twice_keeps_what_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    first = Ledger(url)
    add(first)
    first.close()
    second = Ledger(url)
    assert second.find("a") is not None
    second.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(list(State)), max_size=12))
def test_no_sequence_of_moves_leads_out_of_done_or_failed(moves: list[State]) -> None:
    ledger = Ledger("sqlite://")
    add(ledger)
    for to in moves:
        before = ledger.get("a").state
        try:
            ledger.move("a", to)
        except ImpossibleTransition:
            continue
        assert before not in (State.DONE, State.FAILED)
    ledger.close()
