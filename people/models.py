"""Tables of organisations, people, credentials, logins, tokens, tickets, invitations and terminals.

Secrets are stored only as hashes. Facilities, rooms and sessions are ids of packages this one does not know.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime
from core.ids import new_id

ID = String(22)


class Organisation(Base):
    """A node of one of the trees."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    parent: Mapped[str | None] = mapped_column(ID, ForeignKey("organisations.id"))
    tree: Mapped[str] = mapped_column(String(16))
    """A value of ``Tree``; the same for the whole line to the root."""
    kind: Mapped[str] = mapped_column(String(32))
    """``bureau``, ``branch``, ``station``, ``procuratorate``, ``court``, ``justice_bureau``, ``bar``, ``firm``."""
    name: Mapped[str] = mapped_column(String(128))
    phone: Mapped[str] = mapped_column(String(32), default="")


class Person(Base):
    """Somebody registered by the administrators of their tree."""

    __tablename__ = "persons"
    __table_args__ = (Index("ix_persons_organisation", "organisation"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(32), default="")
    """Officer's number or licence number."""
    organisation: Mapped[str] = mapped_column(ID, ForeignKey("organisations.id"))
    phone: Mapped[str] = mapped_column(String(32), default="")
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``active`` or ``suspended``: a suspended person cannot sign in and loses every login at once."""


class Account(Base):
    """What a person signs in with."""

    __tablename__ = "accounts"

    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"), primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    """Case-folded name typed at sign-in."""
    password: Mapped[str | None] = mapped_column(String(256))
    """argon2id hash with its parameters; ``None`` for accounts that only use passkeys."""
    locale: Mapped[str] = mapped_column(String(8), default="zh-CN")
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``active`` or ``closed``."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())


class RoleGrant(Base):
    """A role of a person in an organisation, for duty officers at a facility. Revoked grants stay as history."""

    __tablename__ = "role_grants"
    __table_args__ = (Index("ix_role_grants_person", "person"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"))
    role: Mapped[str] = mapped_column(String(32))
    organisation: Mapped[str] = mapped_column(ID, ForeignKey("organisations.id"))
    facility: Mapped[str | None] = mapped_column(ID)
    granted_by: Mapped[str] = mapped_column(String(64))
    granted: Mapped[datetime] = mapped_column(UtcDateTime())
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime())


class LoginSession(Base):
    """One signed-in browser of an account: the cookie's hash, two limits, and how it ended."""

    __tablename__ = "login_sessions"
    __table_args__ = (Index("ix_login_sessions_person", "person"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"))
    method: Mapped[str] = mapped_column(String(16), default="password")
    """``password``, ``totp``, ``recovery``, ``passkey``, ``switch``."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    seen: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())
    proved: Mapped[datetime] = mapped_column(UtcDateTime())
    """When fresh proof was last given."""
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_why: Mapped[str | None] = mapped_column(String(16))
    """``signed-out``, ``revoked``, ``suspended``, ``switched``, ``password``."""
    agent: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    """Personal: shown to the owner and, for the tree's security staff, in the sign-in history."""


class ApiToken(Base):
    """A bearer secret of whoever runs the site, for self-tests."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    issued_by: Mapped[str] = mapped_column(String(64))
    issued: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    used: Mapped[datetime | None] = mapped_column(UtcDateTime())


class JoinTicket(Base):
    """Right to open one connection to one session, once, within seconds."""

    __tablename__ = "join_tickets"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session: Mapped[str] = mapped_column(ID)
    principal_kind: Mapped[str] = mapped_column(String(16))
    principal: Mapped[str] = mapped_column(ID)
    login: Mapped[str | None] = mapped_column(ID)
    """Login session that asked for it: when that ends, so does the ticket."""
    issued: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())
    spent: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Invitation(Base):
    """An invitation that names one guest of one session, and who asks."""

    __tablename__ = "invitations"
    __table_args__ = (Index("ix_invitations_session", "session"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    session: Mapped[str] = mapped_column(ID)
    party: Mapped[str | None] = mapped_column(ID)
    """Party of the booking this guest is."""
    role: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    """The guest as the officer named them; the guest confirms or denies it."""
    officer: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"))
    officer_name: Mapped[str] = mapped_column(String(64))
    officer_number: Mapped[str] = mapped_column(String(32))
    unit: Mapped[str] = mapped_column(String(128))
    unit_phone: Mapped[str] = mapped_column(String(32))
    secret: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the secret in the link's fragment."""
    cookie: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Hash of the cookie the accepting browser got."""
    state: Mapped[str] = mapped_column(String(16), default="open")
    """``open``, ``accepted`` or ``revoked``."""
    name_confirmed: Mapped[str | None] = mapped_column(String(8))
    """``yes`` or ``no`` as the guest said, ``None`` before."""
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime())
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime())
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    accepted: Mapped[datetime | None] = mapped_column(UtcDateTime())
    locale: Mapped[str] = mapped_column(String(8), default="zh-CN")


class Terminal(Base):
    """A device paired to one room."""

    __tablename__ = "terminals"
    __table_args__ = (Index("ix_terminals_room", "room"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    room: Mapped[str] = mapped_column(ID)
    facility: Mapped[str] = mapped_column(ID)
    label: Mapped[str] = mapped_column(String(128))
    """Name of the room as shown on the terminal."""
    state: Mapped[str] = mapped_column(String(16), default="paired")
    """``paired`` or ``revoked``."""
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the long-lived cookie."""
    paired: Mapped[datetime] = mapped_column(UtcDateTime())
    paired_by: Mapped[str] = mapped_column(ID)
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    seen: Mapped[datetime | None] = mapped_column(UtcDateTime())
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Camera and microphone present, network, version: as last told, see ``terminals.Health``."""


class PairingCode(Base):
    """A code on the screen of a device that wants to become a terminal."""

    __tablename__ = "pairing_codes"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the code shown."""
    device: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the secret the device polls with."""
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    """``waiting``, ``confirmed`` (place known, key not yet fetched) or ``taken``."""
    room: Mapped[str | None] = mapped_column(ID)
    facility: Mapped[str | None] = mapped_column(ID)
    label: Mapped[str | None] = mapped_column(Text())
    confirmed_by: Mapped[str | None] = mapped_column(ID)
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())
