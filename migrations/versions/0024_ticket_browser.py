"""Which browser a join ticket was given to."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Tickets under way, half a minute old at most, are bound to none."""
    op.add_column("join_tickets", sa.Column("browser", sa.String(64), nullable=True))


def downgrade() -> None:
    """Whoever holds a ticket may use it again."""
    op.drop_column("join_tickets", "browser")
