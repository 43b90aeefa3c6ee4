"""Cameras of rooms: encoders with a key, and cameras read by RTSP."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0021"
down_revision = "0020"

IN_USE = sa.text("state = 'in_use'")


def upgrade() -> None:
    """A room has at most one close and one wide camera in use."""
    op.create_table(
        "room_cameras",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("room", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("view", sa.String(16), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("key", sa.String(64), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("shown", sa.String(300), nullable=False),
        sa.Column("added", UtcDateTime(), nullable=False),
        sa.Column("added_by", sa.String(22), nullable=False),
        sa.Column("changed", UtcDateTime(), nullable=False),
        sa.Column("revoked", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_room_cameras"),
    )
    op.create_index(
        "uq_room_cameras_view",
        "room_cameras",
        ["room", "view"],
        unique=True,
        sqlite_where=IN_USE,
        postgresql_where=IN_USE,
    )


def downgrade() -> None:
    """Rooms have their terminals alone again."""
    op.drop_table("room_cameras")
