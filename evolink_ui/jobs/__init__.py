"""One order from start to end, durable: a paid order is never lost and never placed twice."""

from .desk import Jobs
from .job import ImpossibleTransition, Job, JobError, OrderInputs, State

__all__ = ["ImpossibleTransition", "Job", "JobError", "Jobs", "OrderInputs", "State"]
