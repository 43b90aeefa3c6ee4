"""Live sessions, their logs, and the endpoints that may come back."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What a web process needs to take a session up again."""
    op.create_table(
        "live_sessions",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease", UtcDateTime(), nullable=False),
        sa.Column("media", sa.Integer(), nullable=False),
        sa.Column("recording", sa.String(22), nullable=False),
        sa.Column("opened", UtcDateTime(), nullable=False),
        sa.Column("started", UtcDateTime(), nullable=True),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["bookings.id"], name="fk_live_sessions_id"),
        sa.PrimaryKeyConstraint("id", name="pk_live_sessions"),
        sa.UniqueConstraint("recording", name="uq_live_sessions_recording"),
    )
    op.create_index("ix_live_sessions_state", "live_sessions", ["state"])
    op.create_table(
        "session_events",
        sa.Column("session", sa.String(22), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("public", sa.JSON(), nullable=False),
        sa.Column("private", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["live_sessions.id"], name="fk_session_events_session"),
        sa.PrimaryKeyConstraint("session", "number", name="pk_session_events"),
    )
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("session", sa.String(22), nullable=False),
        sa.Column("principal_kind", sa.String(16), nullable=False),
        sa.Column("principal", sa.String(22), nullable=False),
        sa.Column("login", sa.String(22), nullable=True),
        sa.Column("participant", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("locale", sa.String(8), nullable=False),
        sa.Column("resume", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["session"], ["live_sessions.id"], name="fk_endpoints_session"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
        sa.UniqueConstraint("resume", name="uq_endpoints_resume"),
    )
    op.create_index("ix_endpoints_session", "endpoints", ["session"])


def downgrade() -> None:
    """Back to the calendar alone."""
    op.drop_table("endpoints")
    op.drop_table("session_events")
    op.drop_table("live_sessions")
