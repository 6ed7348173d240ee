"""`evolink-ui admin`: what runs, why it failed, what a day cost, orders in doubt; also while the app runs.

Each command opens the ledger with the app's settings (environment, `.env`), acts by guarded moves of rows, and ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeVar

import typer

from evolink_ui.extras import require

if TYPE_CHECKING:
    from evolink_ui.jobs.operator import Operator

T = TypeVar("T")

FAILED: Final = 1
WHY_MAX_CHARS: Final = 70

admin = typer.Typer(
    help="Operate the app from a shell: on the machine where it runs, with its settings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="JOB")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Stage(StrEnum):
    """A job's state, or `active` for all in which the app works on it."""

    ACTIVE = "active"
    QUEUED = "queued"
    HOSTING = "hosting"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"


@admin.command("jobs")
def list_jobs(
    state: Annotated[list[Stage] | None, typer.Option(help="Only jobs in this state; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs of everybody, the latest change first: what runs, and why something failed."""
    from evolink_ui.jobs.job import ACTIVE, State

    states = {State(stage.value) for stage in state or () if stage is not Stage.ACTIVE}
    if Stage.ACTIVE in (state or ()):
        states |= ACTIVE
    found = _with_ledger(lambda operator: operator.jobs(states, limit=limit))
    if as_json:
        _print_json(found)
        return
    _table(
        ("JOB", "STATE", "MODE", "CHANGED", "VISITOR", "CREDITS", "TASK", "WHY"),
        [
            (
                *(job["id"], job["state"], job["mode"], _short_time(job["updated_at"]), job["visitor"]),
                *(_credits(job), job["task_id"] or "-", _why(job)),
            )
            for job in found
        ],
    )


@admin.command()
def show(job: JobId, as_json: AsJson = False) -> None:
    """Show one job: where it stands, what went wrong, what it cost, what can be done."""
    found = _with_ledger(lambda operator: operator.show(job))
    if as_json:
        _print_json(found)
        return
    error = found.pop("error") or {}
    lines = {**found, **{f"error {name}": value for name, value in error.items()}}
    lines["credits"] = ", ".join(f"{name} {value:g}" for name, value in found["credits"].items() if value is not None)
    lines["actions"] = ", ".join(found["actions"])
    for name, value in lines.items():
        _say(f"{name.replace('_', ' ') + ':':<20} {'-' if value in (None, '') else value}")


@admin.command()
def retry(job: JobId, as_json: AsJson = False) -> None:
    """Take a stopped job up again. An order that is placed is followed, never placed again."""
    _act(lambda operator: operator.retry(job), as_json)


@admin.command()
def stop(job: JobId, as_json: AsJson = False) -> None:
    """Stop following a job. EvoLink goes on with an order that is placed, and charges it."""
    _act(lambda operator: operator.stop(job), as_json)


@admin.command()
def spend(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The UTC day; today, if left out.")] = None,
    days: Annotated[int, typer.Option(help="So many days up to that one.", min=1, max=3660)] = 1,
    as_json: AsJson = False,
) -> None:
    """Show what live orders cost, in credits: by day and by person."""
    until: date = day.date() if day else datetime.now(UTC).date()
    since = until - timedelta(days=days - 1)
    found = _with_ledger(lambda operator: operator.spending(since, until))
    if as_json:
        _print_json({"since": since.isoformat(), "until": until.isoformat(), **found})
        return
    for title, key, rows in (("DAY (UTC)", "day", found["days"]), ("VISITOR", "visitor", found["people"])):
        _table(
            (title, "YOUR KEY", "VISITORS' KEYS", "ORDERS"),
            [(row[key], f"{row['owners_key']:.1f}", f"{row['visitors_keys']:.1f}", str(row["posts"])) for row in rows],
        )
        typer.echo()


@admin.command()
def unknown(
    job: Annotated[str | None, typer.Argument(help="The job to settle; all are listed without it.")] = None,
    task: Annotated[str, typer.Option(help="The task that this order made, as EvoLink's dashboard shows it.")] = "",
    send_again: Annotated[
        bool, typer.Option("--send-again", help="Send it once more. If the first order arrived, you may pay twice.")
    ] = False,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="End the job. If the order arrived, it stays charged.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before sending again.")] = False,
    as_json: AsJson = False,
) -> None:
    """List orders in doubt with the tasks that may be theirs, or settle one of them."""
    if job is None:
        found = _with_ledger(lambda operator: operator.in_doubt())
        if as_json:
            _print_json(found)
            return
        _doubts(found)
        return
    job_id = job
    if sum((bool(task), send_again, give_up)) != 1:
        _fail("Say how to settle it: --task ID, --send-again or --give-up.")
    if send_again and not yes:
        typer.confirm("If the first order arrived, you may pay twice. Send it again?", abort=True, err=True)
    if task:
        _act(lambda operator: operator.attach(job_id, task), as_json)
    elif send_again:
        _act(lambda operator: operator.send_again(job_id), as_json)
    else:
        _act(lambda operator: operator.give_up(job_id), as_json)


@admin.command()
def restored(as_json: AsJson = False) -> None:
    """Run it after a backup was put back, before the app starts: no order that was placed since goes out again."""

    async def mark(operator: Operator) -> int:
        return operator.mark_restored()

    marked = _with_ledger(mark, bring_up_to_date=True)
    if as_json:
        _print_json({"marked": marked})
        return
    typer.echo(f"{marked} jobs will be compared with EvoLink's task list before they are ordered. Start the app now.")
    typer.echo("As the owner, look at the tasks that no job knows on the page /admin, and add those that are yours.")


def _act(action: Callable[[Operator], Awaitable[dict[str, Any]]], as_json: bool) -> None:
    found = _with_ledger(action)
    if as_json:
        _print_json(found)
        return
    typer.echo(f"{found['id']}: {found['state']}")
    if found["state"] in ("queued", "running"):
        typer.echo("The app takes it up within seconds, or when it starts.")


def _with_ledger(action: Callable[[Operator], Awaitable[T]], *, bring_up_to_date: bool = False) -> T:
    """Run something on the ledger; whatever keeps it from that is one line and exit code 1, a wrong setting 2."""
    require("app")
    from evolink_ui.jobs import JobError
    from evolink_ui.jobs.operator import Operator
    from evolink_ui.jobs.rows_only import RowsOnly
    from evolink_ui.settings import SettingsError, load_settings

    try:
        settings = load_settings()
        if settings.on_postgres:
            require("postgres")
        jobs = RowsOnly(settings)
        jobs.open(bring_up_to_date=bring_up_to_date)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except JobError as error:
        _fail(f"{error.message} {error.next_step}")
    try:
        return asyncio.run(_awaited(action(Operator(jobs))))
    except JobError as error:
        _fail(f"{error.message} {error.next_step}")
    finally:
        jobs.close()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(FAILED)


def _doubts(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        typer.echo("No order is in doubt.")
    for job in found:
        whose = "your key" if job["payer"] == "owner" else "the visitor's own key: only the visitor can settle it"
        _say(f"{job['id']}  ordered {_short_time(job['ordered_at'])} by {job['visitor']}, {whose}")
        _say(f"  {_why(job, None)}")
        for candidate in job["candidates"]:
            facts = [f"{candidate['seconds']:g} s" if candidate.get("seconds") else ""]
            facts.append(f"{candidate['credits']:g} credits" if candidate.get("credits") else "")
            said = ", ".join(filter(None, facts))
            _say(f"  may be {candidate['task_id']}  {_short_time(candidate.get('created_at'))}  {said}")


def _say(text: str) -> None:
    """Print a line. Some of it is EvoLink's or a visitor's: no control characters reach the terminal."""
    typer.echo("".join(sign if sign.isprintable() else " " for sign in text))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    for line in (head, *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _credits(job: dict[str, Any]) -> str:
    amounts = job["credits"]
    amount = next((amounts[name] for name in ("used", "reserved", "estimated") if amounts[name] is not None), None)
    return "-" if amount is None else f"{amount:g}"


def _why(job: dict[str, Any], longest: int | None = WHY_MAX_CHARS) -> str:
    error = job["error"]
    text = f"{error['code']}: {error['message']}" if error else job["notice"] or ""
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def _short_time(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "-"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=None if not sys.stdout.isatty() else 2))
