"""Protected persons: an alias everywhere, the real name sealed; which copy of a recording hides them."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0020"
down_revision = "0019"

HELD_MINOR = "未成年人"


def upgrade() -> None:
    """Bookings of minors in custody name nobody from now on; their names stay with the person."""
    op.create_table(
        "protected_persons",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("case", sa.String(22), nullable=False),
        sa.Column("alias", sa.String(100), nullable=False),
        sa.Column("ground", sa.String(32), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("marked", UtcDateTime(), nullable=False),
        sa.Column("marked_by", sa.String(22), nullable=False),
        sa.Column("asked", UtcDateTime(), nullable=True),
        sa.Column("asked_by", sa.String(22), nullable=True),
        sa.Column("asked_for", sa.String(32), nullable=True),
        sa.Column("decided", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(22), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_protected_persons_case"),
        sa.ForeignKeyConstraint(["marked_by"], ["persons.id"], name="fk_protected_persons_marked_by"),
        sa.ForeignKeyConstraint(["asked_by"], ["persons.id"], name="fk_protected_persons_asked_by"),
        sa.ForeignKeyConstraint(["decided_by"], ["persons.id"], name="fk_protected_persons_decided_by"),
        sa.PrimaryKeyConstraint("id", name="pk_protected_persons"),
        sa.UniqueConstraint("case", "alias", name="uq_protected_persons_case_alias"),
    )
    op.add_column("recordings", sa.Column("cover", sa.String(64), nullable=False, server_default=""))
    for party in _parties_of_minors():
        _name(party, HELD_MINOR)


def downgrade() -> None:
    """Names of minors in custody stand in their bookings again. Refused while an alias stands: only the site's secrets
    can say whose it is, and without this table nobody could ask them."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT count(*) FROM protected_persons WHERE state <> 'ended'")).scalar():
        raise RuntimeError("persons are protected here: give up every alias before going back")
    for party, name in connection.execute(
        sa.text(
            "SELECT p.id, c.name FROM parties p JOIN custody_persons c ON c.id = p.custody_person WHERE p.name = :name"
        ),
        {"name": HELD_MINOR},
    ).all():
        _name(party, name)
    with op.batch_alter_table("recordings") as table:
        table.drop_column("cover")
    op.drop_table("protected_persons")


def _parties_of_minors() -> list[str]:
    connection = op.get_bind()
    booked = sa.table("bookings", sa.column("id"), sa.column("starts", UtcDateTime()))
    parties = sa.table("parties", sa.column("id"), sa.column("booking"), sa.column("custody_person"))
    persons = sa.table("custody_persons", sa.column("id"), sa.column("born", sa.Date()))
    query = sa.select(parties.c.id, persons.c.born, booked.c.starts)
    query = query.join(booked, booked.c.id == parties.c.booking)
    query = query.join(persons, persons.c.id == parties.c.custody_person)
    rows = connection.execute(query.where(persons.c.born.is_not(None))).all()
    return [party for party, born, starts in rows if _age(born, starts.date()) < 18]


def _age(born, on) -> int:  # type: ignore[no-untyped-def]  # two dates
    return int(on.year - born.year - ((on.month, on.day) < (born.month, born.day)))


def _name(party: str, name: str) -> None:
    statement = sa.text("UPDATE parties SET name = :name WHERE id = :party")
    op.get_bind().execute(statement, {"name": name, "party": party})
