"""One table: role × action × relation to the object. What it does not hold is denied.

``allowed`` is asked with the relations that really hold between the principal and the object at hand;
``relations`` works out those that follow from places. ``docs/PERMISSIONS.md`` is generated from the table.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from core.errors import Denied, NotFound
from people.principals import Principal, Role


class Relation(StrEnum):
    """How a principal stands to the object of an action."""

    ANY = "any"
    """No relation is asked for."""
    SELF = "self"
    """The object is the principal's own: login, booking made, invitation issued."""
    OWN_CASE = "own_case"
    """Works on the case, or defends the person in it by a checked representation."""
    OWN_FACILITY = "own_facility"
    OWN_UNIT = "own_unit"
    """The object belongs to the principal's organisation."""
    OWN_TREE = "own_tree"
    """The object belongs to the principal's organisation or one below it, always within one tree."""
    PARTICIPANT = "participant"
    """Is a party of the session."""
    OWN_ROOM = "own_room"
    """The session uses the terminal's room."""


class Action(StrEnum):
    """Everything somebody can ask to do."""

    BOOK_VISIT = "book_visit"
    BOOK_INTERROGATION = "book_interrogation"
    BOOK_STATEMENT = "book_statement"
    BOOK_REHEARSAL = "book_rehearsal"
    START_NOW = "start_now"
    VIEW_BOOKING = "view_booking"
    CANCEL_BOOKING = "cancel_booking"
    EXTEND_SESSION = "extend_session"
    VIEW_DAY_LIST = "view_day_list"
    CONFIRM_BOOKING = "confirm_booking"
    CONFIRM_CUSTODY = "confirm_custody"
    MOVE_BOOKING = "move_booking"
    JOIN = "join"
    HOST = "host"
    INVITE_GUEST = "invite_guest"
    VIEW_SESSION = "view_session"
    """That a session took place, from when to when, with whom."""
    VIEW_RECORD = "view_record"
    """Its log, markers and verdict."""
    PLAY_RECORD = "play_record"
    VERIFY_RECORD = "verify_record"
    EXPORT_RECORD = "export_record"
    FILE_RECORD = "file_record"
    """File it with the case: its original is sealed from then on."""
    VIEW_FILED = "view_filed"
    """Defence counsel: play the working copy of what was filed."""
    COPY_FILED = "copy_filed"
    """Defence counsel: take a copy of what was filed along."""
    HOLD_RECORD = "hold_record"
    """Order that a record be kept whatever its term (legal hold), and lift that order."""
    ASK_KEEPING = "ask_keeping"
    """Ask that a sealed original be released, or a record destroyed; somebody else decides."""
    RELEASE_ORIGINAL = "release_original"
    """Approve or refuse what another person asked: the release of a sealed original."""
    UNSEAL_RECORD = "unseal_record"
    DELETE_RECORD = "delete_record"
    """Approve or refuse, as the second person, that a record be destroyed."""
    VIEW_STILLS = "view_stills"
    """See still pictures of an identity check while they are kept: those who check, and who reviews the check."""
    VIEW_CASE = "view_case"
    EDIT_CASE = "edit_case"
    VIEW_CLIENTS = "view_clients"
    TAKE_WISH = "take_wish"
    """Duty lawyers: defend somebody who asked for a lawyer."""
    NAME_LAWYERS = "name_lawyers"
    """The justice bureau: name the duty lawyers of a facility."""
    VIEW_STATISTICS = "view_statistics"
    VIEW_RULES = "view_rules"
    """The rules in force, and which of them decided a booking."""
    GRANT_EXCEPTION = "grant_exception"
    REVIEW_URGENT = "review_urgent"
    """Say whether a room used at once was needed at once."""
    VIEW_CLOCKS = "view_clocks"
    """The 48-hour clocks of visits, breached and running, without anybody's name."""
    CHECK_PAPERS = "check_papers"
    """The facility's check of a lawyer's three papers."""
    REOPEN_BOOKING = "reopen_booking"
    """Let a lawyer book online again to whom missed visits had closed it (LV-4c)."""
    PAIR_TERMINAL = "pair_terminal"
    VIEW_TERMINALS = "view_terminals"
    REVOKE_TERMINAL = "revoke_terminal"
    MANAGE_CAMERAS = "manage_cameras"
    """The cameras of a room beside its terminal: add one, give it a new key or address, put it out of use."""
    MANAGE_ORGANISATION = "manage_organisation"
    VIEW_PEOPLE = "view_people"
    REGISTER_PERSON = "register_person"
    GRANT_ROLE = "grant_role"
    SUSPEND_PERSON = "suspend_person"
    RESET_CREDENTIALS = "reset_credentials"
    PROTECT_PERSON = "protect_person"
    """Put an alias in the place of somebody's name, and ask that this end."""
    VIEW_PROTECTED = "view_protected"
    """The aliases of a case, why each stands, and who has read the real name."""
    END_PROTECTION = "end_protection"
    """Approve or refuse, as the second person, that an alias is given up."""
    REVEAL_ALIAS = "reveal_alias"
    """Read the real name of a protected person, one by one and with a stated purpose."""
    READ_MINOR_NAME = "read_minor_name"
    """Be told the name of a minor beside the alias."""
    READ_HELD_MINOR_NAME = "read_held_minor_name"
    """Be told the name of a minor in custody: who holds or defends them."""
    SEE_UNMASKED = "see_unmasked"
    """See the plain picture and hear the plain voice of somebody who is masked in copies."""
    KEEP_APART = "keep_apart"
    """State that two persons must never meet."""
    END_LOGINS = "end_logins"
    VIEW_SIGN_INS = "view_sign_ins"
    VIEW_ADDRESSES = "view_addresses"
    """Network addresses and devices of the sign-ins of others."""
    MANAGE_OWN_LOGINS = "manage_own_logins"
    VIEW_OWN_LEDGER = "view_own_ledger"
    """Who looked at the principal's own sessions."""
    VIEW_LEDGER = "view_ledger"
    ISSUE_TOKEN = "issue_token"  # noqa: S105  # an action, not a secret
    MANAGE_SYSTEMS = "manage_systems"
    """Connect other systems: their tokens, and the addresses that are told of sessions."""
    TELL_CASE = "tell_case"
    TELL_CUSTODY = "tell_custody"
    ACT_FOR_OFFICER = "act_for_officer"
    """Book and cancel for an officer, within what that officer may."""
    VIEW_RESULTS = "view_results"
    """Bookings and what became of them; of a visit only that it took place."""
    VIEW_HEALTH = "view_health"
    CHECK_DEVICES = "check_devices"


R = Relation
_EVERY_ACCOUNT: Mapping[Action, frozenset[Relation]] = {
    Action.MANAGE_OWN_LOGINS: frozenset({R.SELF}),
    Action.VIEW_OWN_LEDGER: frozenset({R.SELF}),
    Action.CHECK_DEVICES: frozenset({R.ANY}),
    Action.VIEW_BOOKING: frozenset({R.SELF, R.PARTICIPANT}),
    Action.VIEW_SESSION: frozenset({R.PARTICIPANT}),
}


def _account(*rules: tuple[Action, Relation]) -> Mapping[Action, frozenset[Relation]]:
    """The rules every account has, and those given."""
    table = {action: set(relations) for action, relations in _EVERY_ACCOUNT.items()}
    for action, relation in rules:
        table.setdefault(action, set()).add(relation)
    return MappingProxyType({action: frozenset(relations) for action, relations in table.items()})


def _device(*rules: tuple[Action, Relation]) -> Mapping[Action, frozenset[Relation]]:
    """Only the rules given: for those who come without an account."""
    table: dict[Action, set[Relation]] = {}
    for action, relation in rules:
        table.setdefault(action, set()).add(relation)
    return MappingProxyType({action: frozenset(relations) for action, relations in table.items()})


TABLE: Mapping[Role, Mapping[Action, frozenset[Relation]]] = MappingProxyType(
    {
        Role.OFFICER: _account(
            (Action.BOOK_INTERROGATION, R.OWN_CASE),
            (Action.BOOK_STATEMENT, R.OWN_CASE),
            (Action.START_NOW, R.OWN_CASE),
            (Action.VIEW_BOOKING, R.OWN_CASE),
            (Action.CANCEL_BOOKING, R.SELF),
            (Action.EXTEND_SESSION, R.PARTICIPANT),
            (Action.JOIN, R.PARTICIPANT),
            (Action.HOST, R.PARTICIPANT),
            (Action.INVITE_GUEST, R.SELF),
            (Action.INVITE_GUEST, R.PARTICIPANT),
            (Action.VIEW_STILLS, R.PARTICIPANT),
            (Action.VIEW_CASE, R.OWN_CASE),
            (Action.EDIT_CASE, R.OWN_CASE),
            (Action.VIEW_RECORD, R.OWN_CASE),
            (Action.PLAY_RECORD, R.OWN_CASE),
            (Action.VERIFY_RECORD, R.OWN_CASE),
            (Action.FILE_RECORD, R.OWN_CASE),
            (Action.ASK_KEEPING, R.OWN_CASE),
            (Action.PROTECT_PERSON, R.OWN_CASE),
            (Action.VIEW_PROTECTED, R.OWN_CASE),
            (Action.REVEAL_ALIAS, R.OWN_CASE),
            (Action.READ_MINOR_NAME, R.OWN_CASE),
            (Action.SEE_UNMASKED, R.OWN_CASE),
            (Action.KEEP_APART, R.OWN_CASE),
        ),
        Role.DUTY_OFFICER: _account(
            (Action.VIEW_DAY_LIST, R.OWN_FACILITY),
            (Action.VIEW_BOOKING, R.OWN_FACILITY),
            (Action.CONFIRM_BOOKING, R.OWN_FACILITY),
            (Action.CONFIRM_CUSTODY, R.OWN_FACILITY),
            (Action.MOVE_BOOKING, R.OWN_FACILITY),
            (Action.CANCEL_BOOKING, R.OWN_FACILITY),
            (Action.CHECK_PAPERS, R.OWN_FACILITY),
            (Action.REOPEN_BOOKING, R.OWN_FACILITY),
            (Action.HOST, R.OWN_FACILITY),
            (Action.JOIN, R.OWN_FACILITY),
            (Action.EXTEND_SESSION, R.OWN_FACILITY),
            (Action.VIEW_SESSION, R.OWN_FACILITY),
            (Action.PAIR_TERMINAL, R.OWN_FACILITY),
            (Action.VIEW_TERMINALS, R.OWN_FACILITY),
            (Action.REVOKE_TERMINAL, R.OWN_FACILITY),
            (Action.MANAGE_CAMERAS, R.OWN_FACILITY),
            (Action.KEEP_APART, R.OWN_FACILITY),
            (Action.READ_HELD_MINOR_NAME, R.OWN_FACILITY),
            (Action.VIEW_STATISTICS, R.OWN_TREE),
            (Action.VIEW_RULES, R.OWN_TREE),
        ),
        Role.REVIEWER: _account(
            (Action.VIEW_CASE, R.OWN_TREE),
            (Action.VIEW_SESSION, R.OWN_TREE),
            (Action.VIEW_RECORD, R.OWN_TREE),
            (Action.PLAY_RECORD, R.OWN_TREE),
            (Action.VERIFY_RECORD, R.OWN_TREE),
            (Action.VIEW_STILLS, R.OWN_TREE),
            (Action.EXPORT_RECORD, R.OWN_TREE),
            (Action.FILE_RECORD, R.OWN_TREE),
            (Action.HOLD_RECORD, R.OWN_TREE),
            (Action.ASK_KEEPING, R.OWN_TREE),
            (Action.RELEASE_ORIGINAL, R.OWN_TREE),
            (Action.DELETE_RECORD, R.OWN_TREE),
            (Action.VIEW_PROTECTED, R.OWN_TREE),
            (Action.END_PROTECTION, R.OWN_TREE),
            (Action.VIEW_LEDGER, R.OWN_TREE),
            (Action.VIEW_STATISTICS, R.OWN_TREE),
            (Action.VIEW_RULES, R.OWN_TREE),
            (Action.GRANT_EXCEPTION, R.OWN_TREE),
            (Action.REVIEW_URGENT, R.OWN_TREE),
        ),
        Role.INSPECTOR: _account(
            (Action.VIEW_SESSION, R.OWN_TREE),
            (Action.VIEW_RECORD, R.OWN_TREE),
            (Action.VERIFY_RECORD, R.OWN_TREE),
            (Action.HOLD_RECORD, R.OWN_TREE),
            (Action.RELEASE_ORIGINAL, R.OWN_TREE),
            (Action.DELETE_RECORD, R.OWN_TREE),
            (Action.VIEW_LEDGER, R.OWN_TREE),
            (Action.VIEW_TERMINALS, R.OWN_TREE),
            (Action.VIEW_STATISTICS, R.OWN_TREE),
            (Action.VIEW_RULES, R.OWN_TREE),
            (Action.REVIEW_URGENT, R.OWN_TREE),
        ),
        Role.PROSECUTOR: _account(
            (Action.JOIN, R.PARTICIPANT),
            (Action.READ_MINOR_NAME, R.PARTICIPANT),
            (Action.VIEW_CLOCKS, R.ANY),
        ),
        Role.JUDGE: _account((Action.JOIN, R.PARTICIPANT)),
        Role.CLERK: _account((Action.JOIN, R.PARTICIPANT)),
        Role.LAWYER: _account(
            (Action.BOOK_VISIT, R.OWN_CASE),
            (Action.VIEW_CLIENTS, R.SELF),
            (Action.TAKE_WISH, R.OWN_FACILITY),
            (Action.VIEW_FILED, R.OWN_CASE),
            (Action.COPY_FILED, R.OWN_CASE),
            (Action.CANCEL_BOOKING, R.SELF),
            (Action.EXTEND_SESSION, R.PARTICIPANT),
            (Action.JOIN, R.PARTICIPANT),
            (Action.READ_HELD_MINOR_NAME, R.SELF),
            (Action.READ_HELD_MINOR_NAME, R.PARTICIPANT),
        ),
        Role.INTERPRETER: _account((Action.JOIN, R.PARTICIPANT)),
        Role.ADMINISTRATOR: _account(
            (Action.MANAGE_ORGANISATION, R.OWN_TREE),
            (Action.VIEW_PEOPLE, R.OWN_TREE),
            (Action.REGISTER_PERSON, R.OWN_TREE),
            (Action.GRANT_ROLE, R.OWN_TREE),
            (Action.SUSPEND_PERSON, R.OWN_TREE),
            (Action.RESET_CREDENTIALS, R.OWN_TREE),
            (Action.END_LOGINS, R.OWN_TREE),
            (Action.VIEW_SIGN_INS, R.OWN_TREE),
            (Action.VIEW_TERMINALS, R.OWN_TREE),
            (Action.REVOKE_TERMINAL, R.OWN_TREE),
            (Action.MANAGE_CAMERAS, R.OWN_TREE),
            (Action.VIEW_LEDGER, R.OWN_TREE),
            (Action.MANAGE_SYSTEMS, R.OWN_TREE),
            (Action.ISSUE_TOKEN, R.OWN_TREE),
            (Action.VIEW_HEALTH, R.ANY),
            (Action.VIEW_STATISTICS, R.OWN_TREE),
            (Action.VIEW_RULES, R.OWN_TREE),
            (Action.NAME_LAWYERS, R.OWN_TREE),
        ),
        Role.CASE_SYSTEM: _device(
            (Action.TELL_CASE, R.OWN_TREE),
            (Action.ACT_FOR_OFFICER, R.OWN_TREE),
            (Action.VIEW_RESULTS, R.OWN_TREE),
        ),
        Role.CUSTODY_SYSTEM: _device(
            (Action.TELL_CUSTODY, R.OWN_TREE),
        ),
        Role.SECURITY: _account(
            (Action.VIEW_PEOPLE, R.OWN_TREE),
            (Action.VIEW_SIGN_INS, R.OWN_TREE),
            (Action.VIEW_ADDRESSES, R.OWN_TREE),
            (Action.END_LOGINS, R.OWN_TREE),
            (Action.VIEW_LEDGER, R.OWN_TREE),
        ),
        Role.OPERATOR: _device(
            (Action.BOOK_REHEARSAL, R.ANY),
            (Action.JOIN, R.SELF),
            (Action.HOST, R.SELF),
            (Action.VIEW_BOOKING, R.SELF),
            (Action.CANCEL_BOOKING, R.SELF),
            (Action.VIEW_RECORD, R.SELF),
            (Action.PLAY_RECORD, R.SELF),
            (Action.VERIFY_RECORD, R.SELF),
            (Action.VIEW_HEALTH, R.ANY),
            (Action.CHECK_DEVICES, R.ANY),
        ),
        Role.GUEST: _device(
            (Action.JOIN, R.PARTICIPANT),
            (Action.CHECK_DEVICES, R.ANY),
        ),
        Role.TERMINAL: _device(
            (Action.JOIN, R.OWN_ROOM),
            (Action.VIEW_DAY_LIST, R.OWN_ROOM),
            (Action.CHECK_DEVICES, R.ANY),
        ),
    }
)

STEP_UP: frozenset[Action] = frozenset(
    {
        Action.EXPORT_RECORD,
        Action.RELEASE_ORIGINAL,
        Action.UNSEAL_RECORD,
        Action.DELETE_RECORD,
        Action.GRANT_ROLE,
        Action.RESET_CREDENTIALS,
        Action.REVEAL_ALIAS,
        Action.END_PROTECTION,
        Action.ISSUE_TOKEN,
    }
)
"""What needs fresh proof of who is at the keyboard, however recent the sign-in."""

FRESH = timedelta(minutes=10)
"""How long a proof is fresh."""


def allowed(principal: Principal | None, action: Action, relations: Collection[Relation] = ()) -> bool:
    """Whether the table lets ``principal`` do ``action`` to an object to which ``relations`` hold."""
    if principal is None:
        return False
    holding = {Relation.ANY, *relations}
    return any(not holding.isdisjoint(TABLE[Role(role)].get(action, ())) for role in principal.roles if role in TABLE)


def require(
    principal: Principal | None, action: Action, relations: Collection[Relation] = (), *, now: datetime | None = None
) -> Principal:
    """Return the principal, or raise ``Denied``: ``sign-in`` when nobody is known, else ``not-allowed``.

    With ``now``, an account that asks for one of ``STEP_UP`` without fresh proof gets ``step-up``.
    """
    if principal is None:
        raise Denied("sign-in", "Please sign in first.")
    if not allowed(principal, action, relations):
        raise Denied("not-allowed", "This is not open to you. If you need it for your work, ask your administrator.")
    if now is not None and action in STEP_UP:
        require_fresh(principal, now)
    return principal


def require_known(
    principal: Principal, action: Action, relations: Collection[Relation], *, see: Action, missing: NotFound
) -> None:
    """As ``require``, for an object that nobody is to learn of who may not ``see`` it: they get ``missing``, which an
    id of nothing gets too."""
    if not allowed(principal, action, relations) and not allowed(principal, see, relations):
        raise missing
    require(principal, action, relations)


def require_fresh(principal: Principal, now: datetime) -> None:
    """Raise ``Denied("step-up")`` unless an account gave proof of itself within the last ``FRESH``."""
    if principal.proved is None or now - principal.proved > FRESH:
        raise Denied("step-up", "Please confirm once more that it is you, then repeat this step.")


def relations(
    principal: Principal,
    *,
    owner: str | None = None,
    facility: str | None = None,
    line: Collection[str] = (),
    session: str | None = None,
    participants: Collection[str] = (),
    rooms: Collection[str] = (),
) -> frozenset[Relation]:
    """The relations that follow from ids: of the owner, the facility, the participants and rooms of a session.

    ``line`` is the object's organisation followed by those above it (``people.store.line``). ``OWN_CASE`` is
    for the packages that know cases to add.
    """
    held = {
        Relation.SELF: owner is not None and owner == principal.id,
        Relation.OWN_FACILITY: facility is not None and facility == principal.facility,
        Relation.OWN_UNIT: bool(line) and next(iter(line)) == principal.organisation,
        Relation.OWN_TREE: principal.organisation is not None and principal.organisation in line,
        Relation.PARTICIPANT: principal.id in participants or (session is not None and session == principal.session),
        Relation.OWN_ROOM: principal.room is not None and principal.room in rooms,
    }
    return frozenset(relation for relation, holds in held.items() if holds)
