"""What a virus scanner has said of files handed in."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
TABLES = ("papers", "late_scans")


def upgrade() -> None:
    """Files that are there already were opened without a scanner and stay so."""
    for table in TABLES:
        op.add_column(table, sa.Column("virus_check", sa.String(8), nullable=True))


def downgrade() -> None:
    """Nobody waits for a scanner any more."""
    for table in TABLES:
        op.drop_column(table, "virus_check")
