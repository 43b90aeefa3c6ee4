"""Tables of organisations, people, credentials, logins, tokens, tickets, invitations and terminals.

Secrets are stored only as hashes. Facilities, rooms and sessions are ids of packages this one does not know.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
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
    issued: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When an administrator handed out the present password; ``None`` once the owner chose one of their own."""
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
    """A value of ``owing.Method``."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    seen: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())
    proved: Mapped[datetime] = mapped_column(UtcDateTime())
    """When fresh proof was last given."""
    locked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Since when the desk is locked: the cookie is worth nothing until a PIN opens it."""
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_why: Mapped[str | None] = mapped_column(String(16))
    """``signed-out``, ``revoked``, ``suspended``, ``switched``, ``password``."""
    agent: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    """Personal: shown to the owner and, for the tree's security staff, in the sign-in history."""


class ApiToken(Base):
    """A bearer secret: of whoever runs the site, for self-tests, or of another system of an organisation."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16), default="operator")
    """``operator``, ``case_system`` or ``custody_system``."""
    organisation: Mapped[str | None] = mapped_column(ID, ForeignKey("organisations.id"))
    """Systems: whose objects, and those below it, the token reaches."""
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
    browser: Mapped[str | None] = mapped_column(String(64))
    """Hash of the cookie it was asked with: it opens a connection from that browser alone. None: by a token."""
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
    short: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)
    """Keyed hash of the short code that stands for the link where only a letter or a call can reach the guest."""
    contact: Mapped[str | None] = mapped_column(Text())
    """Phone or mail address a confirmation code goes to, sealed; forgotten some weeks after the end."""
    contact_kind: Mapped[str | None] = mapped_column(String(8))
    """``sms`` or ``mail``: accepting needs a code sent that way. Stays when the contact was forgotten."""


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
    public_key: Mapped[str | None] = mapped_column(Text())
    """P-256 key (SPKI, base64) whose private half never leaves the device; with one, each start is challenged."""


class RoomCamera(Base):
    """A camera of a room that is no terminal: an encoder that sends by WHIP, or one that is read by RTSP."""

    __tablename__ = "room_cameras"
    __table_args__ = (
        Index(
            "uq_room_cameras_view",
            "room",
            "view",
            unique=True,
            sqlite_where=text("state = 'in_use'"),
            postgresql_where=text("state = 'in_use'"),
        ),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    room: Mapped[str] = mapped_column(ID)
    facility: Mapped[str] = mapped_column(ID)
    name: Mapped[str] = mapped_column(String(64))
    view: Mapped[str] = mapped_column(String(16))
    """``close`` or ``wide``: in use at most one of each in a room."""
    way: Mapped[str] = mapped_column(String(16))
    """``whip`` or ``rtsp``."""
    state: Mapped[str] = mapped_column(String(16), default="in_use")
    """``in_use`` or ``revoked``."""
    key: Mapped[str | None] = mapped_column(String(64))
    """Hash of the key an encoder sends."""
    address: Mapped[str | None] = mapped_column(Text())
    """RTSP address, sealed: it may hold a password."""
    shown: Mapped[str] = mapped_column(String(300), default="")
    """The address as pages may show it."""
    added: Mapped[datetime] = mapped_column(UtcDateTime())
    added_by: Mapped[str] = mapped_column(ID)
    changed: Mapped[datetime] = mapped_column(UtcDateTime())
    """When key or address were last set."""
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime())


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
    public_key: Mapped[str | None] = mapped_column(Text())


class TerminalStart(Base):
    """One start of a terminal's page, proved with its key; the newest ends the ones before."""

    __tablename__ = "terminal_starts"
    __table_args__ = (Index("ix_terminal_starts_terminal", "terminal"),)

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    terminal: Mapped[str] = mapped_column(ID, ForeignKey("terminals.id"))
    started: Mapped[datetime] = mapped_column(UtcDateTime())
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Passkey(Base):
    """A WebAuthn credential of a person; several per person."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("ix_passkeys_person", "person"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"))
    credential: Mapped[str] = mapped_column(String(1400), unique=True)
    """Credential id, base64url."""
    public_key: Mapped[str] = mapped_column(Text())
    """COSE key, base64url."""
    count: Mapped[int] = mapped_column(BigInteger())
    """Signature counter last seen; a step back is the sign of a copy."""
    label: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    used: Mapped[datetime | None] = mapped_column(UtcDateTime())


class CodeApp(Base):
    """The TOTP secret of a person, sealed."""

    __tablename__ = "code_apps"

    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(Text())
    last_step: Mapped[int] = mapped_column(BigInteger(), default=0)
    """Time step of the last code accepted: none is accepted twice."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the first code proved that the app works; before that it is not asked for."""


class RecoveryCode(Base):
    """One way in when everything else is lost, usable once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_person", "person"),)

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    used: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Pin(Base):
    """What a person types at a shared desk to take over from a colleague."""

    __tablename__ = "pins"

    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(256))
    """argon2id."""
    wrong: Mapped[int] = mapped_column(default=0)
    """Wrong tries since the last right one; after some the PIN sleeps until a full sign-in."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())


class Card(Base):
    """A card read at a shared desk in place of the typed name; the PIN is asked for all the same."""

    __tablename__ = "cards"

    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Keyed hash of the number on the card."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())


class OutsideIdentity(Base):
    """Somebody as a provider of single sign-on knows them: bound by an administrator, never by name or address."""

    __tablename__ = "outside_identities"
    __table_args__ = (Index("ix_outside_identities_subject", "issuer", "subject", unique=True),)

    person: Mapped[str] = mapped_column(ID, ForeignKey("persons.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    """The provider's ``sub``: stable and never given to somebody else."""
    bound_by: Mapped[str] = mapped_column(ID)
    bound: Mapped[datetime] = mapped_column(UtcDateTime())


class Challenge(Base):
    """Something asked of a browser that must come back soon, once: a passkey's challenge, a pending second step."""

    __tablename__ = "challenges"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Hash of the secret the browser holds."""
    purpose: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str | None] = mapped_column(ID)
    """Person, invitation or terminal it is about, when known."""
    value: Mapped[str] = mapped_column(Text(), default="")
    """What was asked: random bytes to be signed (base64url), or the keyed hash of a code sent."""
    tries: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    expires: Mapped[datetime] = mapped_column(UtcDateTime())


class KeptApart(Base):
    """Two persons who must never meet: in one lobby, in one place, or in overlapping time."""

    __tablename__ = "kept_apart"
    __table_args__ = (Index("ix_kept_apart_one", "one"), Index("ix_kept_apart_other", "other"))

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    one: Mapped[str] = mapped_column(ID)
    other: Mapped[str] = mapped_column(ID)
    """Ids of persons, in custody or not; ``one`` < ``other``."""
    reason: Mapped[str] = mapped_column(String(32))
    """A value of ``screening.Reason``."""
    stated_by: Mapped[str] = mapped_column(ID)
    stated: Mapped[datetime] = mapped_column(UtcDateTime())
    lifted: Mapped[datetime | None] = mapped_column(UtcDateTime())


class IdentityStill(Base):
    """A still picture of an identity check, sealed; after its short term the digest and times are all that is left."""

    __tablename__ = "identity_stills"
    __table_args__ = (
        UniqueConstraint("session", "request", "part", name="uq_identity_stills_session_request_part"),
        Index("ix_identity_stills_session", "session"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    session: Mapped[str] = mapped_column(ID)
    request: Mapped[str] = mapped_column(String(8))
    """Which request of the session it answers."""
    part: Mapped[str] = mapped_column(String(16))
    """``face`` or ``document``."""
    endpoint: Mapped[str] = mapped_column(ID)
    """Where it was taken."""
    present: Mapped[str] = mapped_column(String(16))
    """Of which person present."""
    picture: Mapped[str | None] = mapped_column(Text())
    """The JPEG under ``Vault.seal``; ``None`` once deleted."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the JPEG as it was stored; stands in the session's chain too."""
    bytes: Mapped[int]
    taken: Mapped[datetime] = mapped_column(UtcDateTime())
    due: Mapped[datetime] = mapped_column(UtcDateTime())
    """When it is deleted; from then on it is shown to nobody, whether or not the worker has come to it."""
    removed: Mapped[datetime | None] = mapped_column(UtcDateTime())
    removed_for: Mapped[str | None] = mapped_column(String(16))
    """``term`` or ``withdrawn``."""
