"""Jobs and the ledger."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Jobs to be done after a transaction, and who did what."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(128), unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("lease", UtcDateTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
    )
    op.create_index("ix_jobs_due", "jobs", ["state", "due"])
    op.create_table(
        "ledger",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_ledger_subject", "ledger", ["subject"])
    op.create_index("ix_ledger_actor", "ledger", ["actor"])


def downgrade() -> None:
    """Nothing is left."""
    op.drop_table("ledger")
    op.drop_table("jobs")
