"""Who is asking: the one value every permission, page and message decides by."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

PrincipalKind = Literal["account", "guest", "terminal", "token"]


class Tree(StrEnum):
    """The trees of organisations. Each has administrators of its own; none grants a role of another."""

    POLICE = "police"
    PROCURATORATE = "procuratorate"
    COURT = "court"
    JUSTICE = "justice"
    """Justice bureau and bar: register, check and suspend lawyers."""


class Role(StrEnum):
    """What somebody may be at the platform; in a session people stand in roles of the kind of session."""

    OFFICER = "officer"
    DUTY_OFFICER = "duty_officer"
    REVIEWER = "reviewer"
    INSPECTOR = "inspector"
    PROSECUTOR = "prosecutor"
    JUDGE = "judge"
    CLERK = "clerk"
    LAWYER = "lawyer"
    INTERPRETER = "interpreter"
    ADMINISTRATOR = "administrator"
    SECURITY = "security"
    """Security staff of a tree: where its people sign in from, and signing them out."""
    OPERATOR = "operator"
    """Runs the site: a token for self-tests, never a view of anybody's session."""
    CASE_SYSTEM = "case_system"
    """A case-management system: a token, never a person."""
    CUSTODY_SYSTEM = "custody_system"
    """A custody system: a token, never a person."""
    GUEST = "guest"
    """Came by an invitation; never granted."""
    TERMINAL = "terminal"
    """The device in a room; never granted."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: an account, a guest, a terminal or an operator's token."""

    kind: PrincipalKind
    id: str
    """Id of the person, invitation, terminal or token."""
    name: str
    roles: frozenset[str]
    """Values of ``Role``."""
    organisation: str | None = None
    facility: str | None = None
    """Duty officers and terminals: where they are."""
    room: str | None = None
    """Terminals: the one room."""
    session: str | None = None
    """Guests: the one session they are invited to."""
    locale: str = "zh-CN"
    login: str | None = None
    """Id of the login session of an account; ``None`` for others, whose own id says it."""
    tree: str | None = None
    """Tree of the organisation, a value of ``Tree``."""
    via: str | None = None
    """Id of the system's token that asks on behalf of an account; it stands in the ledger beside the person."""
    proved: datetime | None = None
    """When an account last gave fresh proof: acts that need a step-up ask for it anew after some minutes."""

    owes: str = ""
    """What an account must do before it has any role, a value of ``owing.Owes``."""

    def has(self, role: str) -> bool:
        """Whether one of the principal's roles is ``role``."""
        return role in self.roles
