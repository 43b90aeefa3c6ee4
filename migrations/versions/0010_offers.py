"""Times offered to guests, and addresses of other systems."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """What leaves the house by choice of a guest or a signed message."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("acts", sa.JSON(), nullable=False),
        sa.Column("organisation", sa.String(22), nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_webhooks_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_table(
        "offered_times",
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("starts", sa.JSON(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=False),
        sa.Column("chosen", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_offered_times_booking", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("booking", name="pk_offered_times"),
    )


def downgrade() -> None:
    """Back to a calendar that tells nobody outside."""
    op.drop_table("offered_times")
    op.drop_table("webhooks")
