"""What goes wrong with a job, turned into words for its owner: what happened, what it cost, what to do."""

from __future__ import annotations

import errno
from dataclasses import replace

from evolink_ui.evolink import EvoLinkError, LocalFileProblem
from evolink_ui.hosting import HostingError

from .files import StoreTrouble
from .job import Charged, Fault, Job, JobError
from .keys import KeyLost

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

SAFE_THERE = "The order itself is safe at EvoLink under its task id."
FOLLOW_AGAIN = f"Press Follow again. {SAFE_THERE}"

SETTLE = "Look for the task in your EvoLink dashboard and attach its id. If it isn't there, send the order again."
STILL_UNKNOWN = "Whether EvoLink took the order the first time is still not known."

INTERRUPTED = Fault(
    "interrupted",
    "The app was stopped while the order was on its way, so nobody here knows whether EvoLink received it.",
    SETTLE,
    charged="unknown",
)
MAY_BE_PLACED = Fault(
    "may_be_placed",
    "This app's data was put back to an older state, and your order may have gone out before. We didn't send it again.",
    SETTLE,
    charged="unknown",
)
TASK_OF_ANOTHER_JOB = Fault(
    "task_of_another_job",
    "EvoLink answered this order with a task that another order here has already.",
    "Look in your EvoLink dashboard whether there is one task more, and attach its id; or give this order up.",
    charged="unknown",
)
STOPPED_BY_OWNER = Fault(
    "stopped",
    "You stopped following this order. EvoLink goes on working on it: an order can't be cancelled there.",
    "EvoLink charges a finished video and refunds a failed one. Press Follow again to see how it went; a finished "
    "video waits there for 24 hours.",
    charged="unknown",
    retryable=True,
)
STOPPED_IN_SANDBOX = Fault(
    "stopped",
    "You stopped following this order. The sandbox goes on with it.",
    "Press Follow again to see how it went.",
    charged="no",
    retryable=True,
)
STOPPED_BEFORE_ORDER = Fault(
    "stopped_before_order",
    "Stopped before anything was ordered. Nothing was charged.",
    "Press Follow again to go on, or delete the job.",
    charged="no",
    retryable=True,
)
STOPPED_IN_DOUBT = Fault(
    "stopped_in_doubt", f"Stopped before the order went out once more. {STILL_UNKNOWN}", SETTLE, charged="unknown"
)
GIVEN_UP = Fault(
    "given_up",
    "You gave this order up. If EvoLink did receive it, it shows in your EvoLink dashboard.",
    "Check your dashboard before you order the same again.",
    charged="unknown",
)
NO_RESULT = Fault(
    "result_missing",
    "EvoLink says that the video is finished, but names no file.",
    FOLLOW_AGAIN,
    charged="yes",
    retryable=True,
)
NOT_SAVED_YET = "Your video is finished, but we can't save it at the moment. We'll keep trying."
NO_ROOM_YET = "Your video is finished, but our disk is full. We'll save it as soon as there is room."
UPLOADED_AGAIN = (
    "EvoLink could no longer read a file that was uploaded for an earlier order, and charged nothing. The file "
    "is uploaded again and the order placed once more."
)
DISK_TROUBLE = Fault(
    "disk_trouble",
    "The video is finished at EvoLink, but this app's disk is full or can't be written to.",
    "Open EvoLink's own link while it lives (24 hours). When there is room on the disk, press Follow again.",
    charged="yes",
    retryable=True,
)
DISK_FULL = Fault(
    "disk_trouble",
    "This app's disk is full. Nothing was ordered or charged.",
    "Tell the owner of this app, and order again when there is room.",
    charged="no",
)
FILES_LOST = Fault(
    "files_lost",
    "This app can no longer read the files of this order. Nothing was ordered or charged.",
    "Give the picture and the video again; if it happens again, tell the owner of this app.",
    charged="no",
)


def stopped_by_owner(job: Job) -> Fault:
    """Its owner looks away."""
    if job.is_in_doubt:
        return STOPPED_IN_DOUBT
    if job.task_id is None:
        return STOPPED_BEFORE_ORDER
    return STOPPED_BY_OWNER if job.mode == "live" else STOPPED_IN_SANDBOX


def of_error(error: EvoLinkError) -> Fault:
    """The client's error, as it stands."""
    return Fault(
        error.code,
        error.message,
        error.next_step,
        error.charged,
        retryable=error.retryable,
        request_id=error.request_id,
    )


def by_operator(fault: Fault) -> Fault:
    """The same where the owner of the app did it, not the job's visitor."""
    return replace(fault, message=fault.message.replace("You ", "The owner of this app ", 1))


def while_hosting(error: HostingError | EvoLinkError | JobError | OSError) -> Fault:
    """Before the order: nothing can have been charged."""
    match error:
        case EvoLinkError():
            return replace(of_error(error), charged="no")
        case KeyLost():
            return Fault(error.code, error.message, "Enter your key again and order once more.", charged="no")
        case OSError() if error.errno in FULL:
            return DISK_FULL
        case OSError():
            return FILES_LOST
        case _:
            return Fault(error.code, error.message, error.next_step, charged="no")


def still_in_doubt(fault: Fault) -> Fault:
    """An order of unknown outcome failed when it was to go out once more: the first one may be taken all the same."""
    message = f"When it was sent again: {fault.message} {STILL_UNKNOWN}"
    return Fault("still_in_doubt", message, SETTLE, charged="unknown", request_id=fault.request_id)


def while_following(error: EvoLinkError) -> Fault:
    """A read was refused or patience ended: the order itself may well be fine."""
    return replace(of_error(error), charged="unknown", message=f"{error.message} {SAFE_THERE}", retryable=True)


def not_saved_yet(error: EvoLinkError | StoreTrouble | OSError) -> str:
    """What the owner of a finished video sees until it is saved."""
    return NO_ROOM_YET if isinstance(error, (LocalFileProblem, OSError)) else NOT_SAVED_YET


def while_saving(error: EvoLinkError | StoreTrouble | OSError) -> Fault:
    """The video is made and paid; only our copy is missing."""
    if isinstance(error, (LocalFileProblem, OSError)):
        return DISK_TROUBLE
    return Fault(
        "result_not_saved",
        f"The video is finished at EvoLink, but it could not be saved here: {error.message}",
        "Open EvoLink's own link while it lives (24 hours), or press Follow again to try once more.",
        charged="yes",
        retryable=True,
        request_id=error.request_id if isinstance(error, EvoLinkError) else None,
    )


def key_trouble(error: JobError) -> Fault:
    """The key that is needed to look at the order is gone."""
    return Fault(error.code, error.message, error.next_step, charged="unknown", retryable=True)


def unforeseen(charged: Charged) -> Fault:
    """A fault of this app."""
    return Fault(
        "internal_error",
        "Something went wrong inside this app; the details are in its log.",
        "Nothing was ordered: try again." if charged == "no" else FOLLOW_AGAIN,
        charged=charged,
        retryable=True,
    )
