"""Still pictures of identity checks: sealed, with the term after which they are deleted."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """An officer may ask a guest for pictures of face and document."""
    op.create_table(
        "identity_stills",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("session", sa.String(22), nullable=False),
        sa.Column("request", sa.String(8), nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("endpoint", sa.String(22), nullable=False),
        sa.Column("present", sa.String(16), nullable=False),
        sa.Column("picture", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("taken", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("removed", UtcDateTime(), nullable=True),
        sa.Column("removed_for", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_identity_stills"),
        sa.UniqueConstraint("session", "request", "part", name="uq_identity_stills_session_request_part"),
    )
    op.create_index("ix_identity_stills_session", "identity_stills", ["session"])


def downgrade() -> None:
    """Back to comparing by sight alone."""
    op.drop_table("identity_stills")
