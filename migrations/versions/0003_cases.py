"""Cases, persons in custody, custody records and representation."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Whom it is about, where they are, and who defends them."""
    op.create_table(
        "custody_persons",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("sex", sa.String(8), nullable=False),
        sa.Column("born", sa.Date(), nullable=True),
        sa.Column("identity_number", sa.String(32), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("needs_interpreter", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_custody_persons"),
    )
    op.create_index("ix_custody_persons_identity_number", "custody_persons", ["identity_number"])
    op.create_table(
        "cases",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("organisation", sa.String(22), nullable=False),
        sa.Column("offence", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("opened", UtcDateTime(), nullable=False),
        sa.Column("closed", UtcDateTime(), nullable=True),
        sa.Column("external", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_cases_organisation"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("external", name="uq_cases_external"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
    )
    op.create_index("ix_cases_organisation", "cases", ["organisation"])
    op.create_table(
        "custody_records",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("external", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["custody_persons.id"], name="fk_custody_records_person"),
        sa.PrimaryKeyConstraint("id", name="pk_custody_records"),
        sa.UniqueConstraint("external", name="uq_custody_records_external"),
    )
    op.create_index("ix_custody_records_facility", "custody_records", ["facility", "until"])
    op.create_index(
        "uq_custody_records_current",
        "custody_records",
        ["person"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_table(
        "case_officers",
        sa.Column("case", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_case_officers_case"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_case_officers_person"),
        sa.PrimaryKeyConstraint("case", "person", name="pk_case_officers"),
    )
    op.create_index("ix_case_officers_person", "case_officers", ["person"])
    op.create_table(
        "case_suspects",
        sa.Column("case", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_case_suspects_case"),
        sa.ForeignKeyConstraint(["person"], ["custody_persons.id"], name="fk_case_suspects_person"),
        sa.PrimaryKeyConstraint("case", "person", name="pk_case_suspects"),
    )
    op.create_index("ix_case_suspects_person", "case_suspects", ["person"])
    op.create_table(
        "representations",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("lawyer", sa.String(22), nullable=False),
        sa.Column("client", sa.String(22), nullable=False),
        sa.Column("case", sa.String(22), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("checked", UtcDateTime(), nullable=True),
        sa.Column("checked_by", sa.String(22), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_representations_case"),
        sa.ForeignKeyConstraint(["checked_by"], ["persons.id"], name="fk_representations_checked_by"),
        sa.ForeignKeyConstraint(["client"], ["custody_persons.id"], name="fk_representations_client"),
        sa.ForeignKeyConstraint(["lawyer"], ["persons.id"], name="fk_representations_lawyer"),
        sa.PrimaryKeyConstraint("id", name="pk_representations"),
    )
    op.create_index("ix_representations_client", "representations", ["client"])
    op.create_index("ix_representations_lawyer", "representations", ["lawyer", "state"])


def downgrade() -> None:
    """Back to people alone."""
    op.drop_table("representations")
    op.drop_table("case_suspects")
    op.drop_table("case_officers")
    op.drop_table("custody_records")
    op.drop_table("cases")
    op.drop_table("custody_persons")
