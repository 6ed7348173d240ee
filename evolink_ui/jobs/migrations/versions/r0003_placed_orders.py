"""Orders by their content and by the names that pages and programs gave them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double, String, Text, UniqueConstraint

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    """Add the table; orders of before have no names and are older than what a person is asked about."""
    op.create_table(
        "placed_orders",
        Column("job_id", String(40), primary_key=True),
        Column("visitor", Text, nullable=False),
        Column("reference", String(160)),
        Column("digest", String(64), nullable=False),
        Column("created_at", Double, nullable=False),
        UniqueConstraint("visitor", "reference", name="placed_orders_reference"),
    )
