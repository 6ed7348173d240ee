"""Runs revisions on the connection that `upgrade` was given; Alembic loads this file by its name."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
