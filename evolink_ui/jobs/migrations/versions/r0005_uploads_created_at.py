"""When an input was put at its address: an order may have used one from before."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Double

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; where it is empty the address is older than every order that runs now."""
    with op.batch_alter_table("uploads") as batch:
        batch.add_column(Column("created_at", Double))
