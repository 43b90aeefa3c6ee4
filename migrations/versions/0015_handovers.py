"""Recordings made ready to be handed over, and why a legal hold was lifted."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """What leaves the house is listed with its digest and its receipt."""
    op.add_column("recording_holds", sa.Column("lifted_for", sa.String(32), nullable=True))
    op.create_table(
        "recording_handovers",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("recording", sa.String(64), nullable=False),
        sa.Column("case_number", sa.String(64), nullable=False),
        sa.Column("recipient", sa.String(100), nullable=False),
        sa.Column("content", sa.String(16), nullable=False),
        sa.Column("discs", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ready", UtcDateTime(), nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("fingerprint", sa.String(64), nullable=True),
        sa.Column("received_by", sa.String(100), nullable=True),
        sa.Column("received", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_recording_handovers_recording"),
        sa.PrimaryKeyConstraint("id", name="pk_recording_handovers"),
    )
    op.create_index("ix_recording_handovers_recording", "recording_handovers", ["recording"])


def downgrade() -> None:
    """The list is forgotten; the ledger keeps what was exported."""
    op.drop_table("recording_handovers")
    op.drop_column("recording_holds", "lifted_for")
