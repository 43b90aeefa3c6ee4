"""Legal holds on recordings, and requests to unseal or destroy them."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Who asked for what, and who decided."""
    op.create_table(
        "recording_holds",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("recording", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("placed", UtcDateTime(), nullable=False),
        sa.Column("lifted_by", sa.String(64), nullable=True),
        sa.Column("lifted", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_recording_holds"),
    )
    op.create_index("ix_recording_holds_recording", "recording_holds", ["recording"])
    op.create_table(
        "recording_requests",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("recording", sa.String(64), nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("case_unit", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_unit", sa.String(64), nullable=False),
        sa.Column("asked", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("decided_unit", sa.String(64), nullable=True),
        sa.Column("decided", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recording_requests"),
    )
    op.create_index("ix_recording_requests_recording", "recording_requests", ["recording"])


def downgrade() -> None:
    """Holds and requests are forgotten; the ledger keeps that they were."""
    op.drop_table("recording_requests")
    op.drop_table("recording_holds")
