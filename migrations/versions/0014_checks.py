"""What the last check of a recording found."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Pages show each second the check named without reading the whole recording again."""
    op.add_column("recordings", sa.Column("last_check", sa.JSON(), nullable=True))


def downgrade() -> None:
    """The verdict stays; what it rested on can be found again by checking."""
    op.drop_column("recordings", "last_check")
