"""Facilities, rooms, bookings, holds and everything of the calendar."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime
from scheduler import exclusion

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """The calendar; the database itself refuses overlapping holds."""
    op.create_table(
        "working_days",
        sa.Column("country", sa.String(8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("country", "day", name="pk_working_days"),
    )
    op.create_table(
        "facilities",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("organisation", sa.String(22), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("closed", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_facilities_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_facilities"),
    )
    op.create_index("ix_facilities_organisation", "facilities", ["organisation"])
    op.create_table(
        "bookings",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("starts", UtcDateTime(), nullable=False),
        sa.Column("ends", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(22), nullable=True),
        sa.Column("facility", sa.String(22), nullable=True),
        sa.Column("case", sa.String(22), nullable=True),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("decided", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(32), nullable=True),
        sa.Column("owner", sa.String(16), nullable=True),
        sa.Column("started", UtcDateTime(), nullable=True),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.Column("review", sa.String(32), nullable=True),
        sa.Column("complete", UtcDateTime(), nullable=True),
        sa.Column("checked", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint('"ends" > "starts"', name="ck_bookings_window"),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_bookings_case"),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_bookings_facility"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_bookings_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_bookings"),
    )
    op.create_index("ix_bookings_case", "bookings", ["case"])
    op.create_index("ix_bookings_facility", "bookings", ["facility", "starts"])
    op.create_index("ix_bookings_review", "bookings", ["review"])
    op.create_index("ix_bookings_state", "bookings", ["state", "starts"])
    op.create_table(
        "rooms",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("use", sa.String(32), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("equipment", sa.JSON(), nullable=False),
        sa.Column("movable", sa.Boolean(), nullable=False),
        sa.Column("buffer_before", sa.Integer(), nullable=False),
        sa.Column("buffer_after", sa.Integer(), nullable=False),
        sa.Column("closed", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_rooms_facility"),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
    )
    op.create_index("ix_rooms_facility", "rooms", ["facility"])
    op.create_table(
        "blocks",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("room", sa.String(22), nullable=True),
        sa.Column("starts", UtcDateTime(), nullable=False),
        sa.Column("ends", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("lifted", UtcDateTime(), nullable=True),
        sa.CheckConstraint('"ends" > "starts"', name="ck_blocks_window"),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_blocks_facility"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_blocks_room"),
        sa.PrimaryKeyConstraint("id", name="pk_blocks"),
    )
    op.create_index("ix_blocks_place", "blocks", ["facility", "ends"])
    op.create_table(
        "booking_changes",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("snapshot", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_booking_changes_booking", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_booking_changes"),
    )
    op.create_index("ix_booking_changes_booking", "booking_changes", ["booking", "version"])
    op.create_table(
        "custody_steps",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_custody_steps_booking", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_custody_steps"),
        sa.UniqueConstraint("booking", "step", name="uq_custody_steps_booking_step"),
    )
    op.create_index("ix_custody_steps_booking", "custody_steps", ["booking"])
    op.create_table(
        "facility_hours",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("room", sa.String(22), nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("days", sa.String(16), nullable=False),
        sa.Column("opens", sa.Integer(), nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("is_break", sa.Boolean(), nullable=False),
        sa.Column("word", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_facility_hours_facility"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_facility_hours_room"),
        sa.PrimaryKeyConstraint("id", name="pk_facility_hours"),
    )
    op.create_index("ix_facility_hours_facility", "facility_hours", ["facility"])
    op.create_table(
        "holds",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("starts", UtcDateTime(), nullable=False),
        sa.Column("ends", UtcDateTime(), nullable=False),
        sa.CheckConstraint('"ends" > "starts"', name="ck_holds_window"),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_holds_booking", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_index("ix_holds_booking", "holds", ["booking"])
    op.create_index("ix_holds_resource", "holds", ["resource", "ends"])
    op.create_table(
        "parties",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("endpoint_role", sa.String(32), nullable=False),
        sa.Column("person", sa.String(22), nullable=True),
        sa.Column("custody_person", sa.String(22), nullable=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("room", sa.String(22), nullable=True),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_parties_booking", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["custody_person"], ["custody_persons.id"], name="fk_parties_custody_person"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_parties_person"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name="fk_parties_room"),
        sa.PrimaryKeyConstraint("id", name="pk_parties"),
    )
    op.create_index("ix_parties_booking", "parties", ["booking"])
    op.create_index("ix_parties_custody_person", "parties", ["custody_person"])
    op.create_index("ix_parties_person", "parties", ["person"])
    op.create_index("ix_parties_room", "parties", ["room"])
    exclusion.install(op.get_bind())


def downgrade() -> None:
    """Back to cases alone."""
    exclusion.remove(op.get_bind())
    op.drop_table("parties")
    op.drop_table("holds")
    op.drop_table("facility_hours")
    op.drop_table("custody_steps")
    op.drop_table("booking_changes")
    op.drop_table("blocks")
    op.drop_table("rooms")
    op.drop_table("bookings")
    op.drop_table("facilities")
    op.drop_table("working_days")
