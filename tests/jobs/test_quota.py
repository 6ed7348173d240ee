"""How many jobs may wait in line: of one visitor, and of everybody."""

import threading
from pathlib import Path

import pytest

from evolink_ui.jobs import quota
from evolink_ui.jobs.job import State
from evolink_ui.jobs.ledger import Ledger
from evolink_ui.jobs.quota import LineFull
from tests.jobs.test_ledger import add


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(quota, "WAITING_PER_VISITOR", 4)
    monkeypatch.setattr(quota, "WAITING_IN_ALL", 6)
    return Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")


def refusal(ledger: Ledger, job_id: str, visitor: str) -> str:
    with pytest.raises(LineFull) as caught:
        add(ledger, job_id, visitor=visitor)
    assert ledger.find(job_id) is None, "nothing is written down"
    assert "Nothing was sent or charged" in caught.value.message and caught.value.next_step
    return caught.value.code


def test_one_visitors_waiting_jobs_are_bounded_and_a_started_one_makes_room(ledger: Ledger) -> None:
    for number in range(4):
        add(ledger, f"a{number}", visitor="v_1")
    assert refusal(ledger, "a4", "v_1") == "too_many_waiting"
    add(ledger, "b0", visitor="v_2")
    ledger.move("a0", State.HOSTING)
    add(ledger, "a4", visitor="v_1")
    ledger.close()


def test_all_waiting_jobs_together_are_bounded(ledger: Ledger) -> None:
    for number in range(6):
        add(ledger, f"j{number}", visitor=f"v_{number}")
    assert refusal(ledger, "j6", "v_6") == "line_full"
    ledger.close()


def test_a_stopped_job_that_is_taken_up_again_waits_like_others(ledger: Ledger) -> None:
    for number in range(4):
        add(ledger, f"a{number}", visitor="v_1")
        ledger.move(f"a{number}", State.STOPPED)
    for number in range(4, 8):
        add(ledger, f"a{number}", visitor="v_1")
    with pytest.raises(LineFull):
        ledger.again("a0", State.QUEUED, only_from={State.STOPPED})
    assert ledger.get("a0").state is State.STOPPED
    ledger.move("a4", State.STOPPED)
    assert ledger.again("a0", State.QUEUED, only_from={State.STOPPED}).state is State.QUEUED
    ledger.close()


def test_many_tabs_at_once_get_no_further(ledger: Ledger) -> None:
    refused: list[str] = []

    def order(number: int) -> None:
        try:
            add(ledger, f"a{number}", visitor="v_1")
        except LineFull as full:
            refused.append(full.code)

    threads = [threading.Thread(target=order, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 8 and ledger.count_by_state() == {"queued": 4}
    ledger.close()
