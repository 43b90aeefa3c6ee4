"""What the duty post writes down: arrivals, scans of late entries, the grid on which visits begin."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A day list that needs no book beside it."""
    op.add_column("bookings", sa.Column("arrived", UtcDateTime(), nullable=True))
    op.add_column("facilities", sa.Column("slot_minutes", sa.Integer(), nullable=False, server_default="15"))
    op.add_column("rule_settings", sa.Column("facility", sa.String(22), nullable=True))
    op.create_table(
        "late_scans",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("by", sa.String(22), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_late_scans_booking", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["by"], ["persons.id"], name="fk_late_scans_by"),
        sa.PrimaryKeyConstraint("id", name="pk_late_scans"),
    )
    op.create_index("ix_late_scans_booking", "late_scans", ["booking"])


def downgrade() -> None:
    """Back to paper beside the list."""
    op.drop_index("ix_late_scans_booking", "late_scans")
    op.drop_table("late_scans")
    op.drop_column("rule_settings", "facility")
    op.drop_column("facilities", "slot_minutes")
    op.drop_column("bookings", "arrived")
