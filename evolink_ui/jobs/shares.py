"""How the places for active jobs are shared between households, and who is next."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, func, select

from .job import ACTIVE, Job, State
from .tables import jobs

_STARTED = sorted(ACTIVE - {State.QUEUED})


def half_of(places: int) -> int:
    """How many of the places for active jobs one household may have, so that others find the other half free."""
    return max(1, places // 2)


class Shares:
    """Lanes, each of which bounds the jobs in it that are worked on at once.

    A visitor's jobs go in one lane. A household has so many lanes that all of them together take half of the places:
    cookies thrown away at will make new visitors, but no new places. Two visitors of a household may share a lane.

    Args:
        in_all: jobs that are worked on at once.
        of_one_visitor: jobs of one visitor among them.
    """

    def __init__(self, in_all: int, of_one_visitor: int) -> None:
        of_one_household = half_of(in_all)
        self.of_one_lane = min(of_one_visitor, of_one_household)
        """Jobs of one lane that are worked on at once."""
        self._lanes = of_one_household // self.of_one_lane

    def lane(self, job: Job) -> str:
        """The lane in which a job waits."""
        number = int.from_bytes(hashlib.sha256(job.visitor.encode()).digest()[:8]) % self._lanes
        return f"{job.household}/{number}"


def place_in_line(connection: Connection, job: Job, *, active_in_all: int) -> int:
    """1 for the next in line; others' jobs count where the places are taken that they wait for, too."""
    of_household = jobs.c.household == job.household
    started = select(func.count(), func.count().filter(of_household)).where(jobs.c.state.in_(_STARTED))
    busy, busy_of_household = connection.execute(started).one()
    waiting = select(func.count()).where(jobs.c.state == State.QUEUED, jobs.c.created_at < job.created_at)
    if busy < active_in_all:
        same = of_household if busy_of_household >= half_of(active_in_all) else jobs.c.visitor == job.visitor
        waiting = waiting.where(same)
    return 1 + (connection.scalar(waiting) or 0)
