"""What is known of orders of unknown outcome, and every task that any job ever had."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    MetaData,
    Table,
    Text,
    column,
    insert,
    literal,
    select,
    table,
    update,
)
from sqlalchemy.sql import false

revision = "0006"
down_revision = "0005"

known_tasks = Table(
    "known_tasks",
    MetaData(),
    Column("task_id", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),
)
jobs = table("jobs", *(column(name) for name in ("task_id", "state", "created_at", "doubt_due_at")))


def upgrade() -> None:
    """Orders that are in doubt now are looked for once, at the next start."""
    connection = op.get_bind()
    known_tasks.create(connection)
    have = select(jobs.c.task_id, jobs.c.created_at).where(jobs.c.task_id.is_not(None))
    connection.execute(insert(known_tasks).from_select(["task_id", "seen_at"], have))
    with op.batch_alter_table("jobs") as batch:
        batch.add_column(Column("doubt", JSON))
        batch.add_column(Column("doubt_due_at", Double))
        batch.add_column(Column("must_verify", Boolean, nullable=False, server_default=false()))
    connection.execute(update(jobs).where(jobs.c.state == "unknown").values(doubt_due_at=literal(0.0)))
