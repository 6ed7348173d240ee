"""What orders cost has a table of its own, filled from the jobs; a job knows whose share it counts for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    column,
    insert,
    select,
    table,
    update,
)

revision = "0004"
down_revision = "0003"

spend = Table(
    "spend",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("job_id", String(40), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("at", Double, nullable=False),
    Column("day", Date, nullable=False, index=True),
    Column("visitor", Text, nullable=False),
    Column("household", Text, nullable=False),
    Column("account", String(64), nullable=False),
    Column("own_key", Boolean, nullable=False),
    Column("mode", String(8), nullable=False),
    Column("credits", Double, nullable=False),
)
jobs = table(
    "jobs",
    *(column(name) for name in ("id", "visitor", "household", "state", "mode", "charged", "ordered_at")),
    *(column(name) for name in ("credits_estimated", "credits_reserved", "credits_used")),
    column("own_key", Boolean),
)


def upgrade() -> None:
    """An older database has one POST for each job that was ordered, and doesn't tell which key paid."""
    connection = op.get_bind()
    spend.create(connection)
    with op.batch_alter_table("jobs") as batch:
        batch.add_column(Column("household", Text))
    connection.execute(update(jobs).values(household=jobs.c.visitor))
    with op.batch_alter_table("jobs") as batch:
        batch.alter_column("household", existing_type=Text(), nullable=False)
    for job in connection.execute(select(jobs).where(jobs.c.ordered_at.is_not(None))).mappings().all():
        post = {
            "job_id": job["id"],
            "attempt": 1,
            "at": job["ordered_at"],
            "day": datetime.fromtimestamp(job["ordered_at"], UTC).date(),
            "visitor": job["visitor"],
            "household": job["household"],
            "account": "",
            "own_key": job["own_key"],
            "mode": job["mode"],
        }
        for kind, amount in _what_it_cost(job):
            connection.execute(insert(spend).values(**post, kind=kind, credits=amount))


def _what_it_cost(job: Any) -> list[tuple[str, float]]:
    estimated, reserved, used = (job[f"credits_{name}"] for name in ("estimated", "reserved", "used"))
    rows = [("reserved", estimated)]
    if (reserved or 0.0) > estimated:
        rows.append(("raised", reserved - estimated))
    counted = max(estimated, reserved or 0.0)
    if job["state"] == "failed" and job["charged"] == "no":
        rows.append(("refunded", -counted))
    elif used is not None or job["state"] in ("saving", "done"):
        rows.append(("settled", (used or counted) - counted))
    return rows
