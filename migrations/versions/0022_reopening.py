"""Why an exception to a rule was granted, where it needs a reason."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Exceptions granted so far have none."""
    op.add_column("rule_exceptions", sa.Column("reason", sa.String(24), nullable=False, server_default=""))


def downgrade() -> None:
    """Exceptions stand without reason again."""
    op.drop_column("rule_exceptions", "reason")
