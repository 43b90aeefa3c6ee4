"""What live sessions ask of the calendar and of identity: who may come in now, as what, and more time."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import EndpointRole, Role
from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, NotFound
from core.refusals import Refused
from people import tickets
from people.permissions import Action, Relation, require
from people.principals import Principal
from people.screening import Pair
from scheduler import running
from scheduler.apart import Somebody, apart_of, guest_key, is_near, somebody
from scheduler.roster import Roster, RosterParty, endpoint_for, roster
from scheduler.windows import may_enter
from scheduler.wording import when
from signaling import store
from signaling.asks import WAIT_OUTSIDE
from signaling.events import Named, Seat

MARK = "."
"""Between a ticket and the number of the synthetic participant it is for; a ticket's own letters hold none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody may come in: into which session, as what."""

    roster: Roster
    role: EndpointRole
    principal: Principal
    participant: int
    invited: Named | None
    name_confirmed: bool | None
    persons: tuple[Somebody, ...] = ()
    """Who comes with it, as screening knows them."""
    apart: frozenset[Pair] = frozenset()
    """Every pair with one of them that must not be in one session."""

    def seat(self, endpoint: str) -> Seat:
        """The seat of this entry under an endpoint id."""
        return _seat(self, endpoint)


class Desk:
    """Asks in transactions of its own. ``running`` tells whether a session has begun and is not over."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def ticket(
        self, session: str, principal: Principal | None, participant: int, *, running: bool, browser: str | None = None
    ) -> tuple[str, EndpointRole]:
        """Return a ticket for who may come in now, and as what; for a ``browser`` it is good from there alone.

        Raises ``Denied``, ``NotFound``.
        """
        async with self._database.transaction() as tx:
            entry = await self._entry(tx, session, principal, participant, running=running)
            near = await self._is_near(tx, entry)
            who, secret = entry.principal, ""
            if not near:
                secret = await tickets.issue(tx, self._clock, session=session, principal=who, browser=browser)
        if near:
            raise await self.stopped(session, entry.principal)
        return (f"{secret}{MARK}{participant}" if participant else secret), entry.role

    async def spend(self, session: str, ticket: str, browsers: Collection[str], *, running: bool) -> Entry:
        """Use up a ticket that came with the cookies ``browsers`` (hashes); everything is decided anew.

        Raises ``Denied``, ``NotFound``.
        """
        secret, _, number = ticket.partition(MARK)
        participant = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else 0
        async with self._database.transaction() as tx:
            principal = await tickets.spend(tx, self._clock, session, secret, browsers)
            # The ticket stays spent even when the way in is closed by now: returning commits, raising rolls back.
            refused: Denied | NotFound | None = None
            try:
                entry = await self._entry(tx, session, principal, participant, running=running)
                near = await self._is_near(tx, entry)
            except (Denied, NotFound) as refusal:
                refused = refusal
        if refused is not None:
            raise refused
        if near:
            raise await self.stopped(session, principal)
        return entry

    async def stopped(self, session: str, principal: Principal) -> Denied:
        """The refusal of somebody who would meet a person they must not, once it stands in the ledger."""
        async with self._database.transaction() as tx:
            now = self._clock.now()
            await ledger.append(tx, "apart.stopped", actor=principal.id, subject=session, at=now)
        return Denied("wait-outside", WAIT_OUTSIDE)

    async def _is_near(self, tx: AsyncSession, entry: Entry) -> bool:
        """Whether a terminal's room must stay empty for now, because of who is in another one of the place."""
        room = next((room for room in entry.roster.rooms if room.id == entry.principal.room), None)
        if room is None:
            return False
        now = self._clock.now()
        return await is_near(tx, entry.roster.session, room.id, room.facility, entry.persons, now)

    async def roster(self, session: str) -> Roster | None:
        async with self._database.transaction(write=False) as tx:
            return await roster(tx, session)

    async def extend(self, session: str, minutes: int, *, by: str) -> datetime | Refused:
        """Ask the calendar for more time."""
        return await running.extend(self._database, self._clock, session, minutes, by=by)

    async def overrun(self, session: str) -> tuple[datetime, int]:
        """A questioning goes on: return until when everything is kept, and how many bookings wait behind it now."""
        end, waiting = await running.overrun(self._database, self._clock, session)
        return end, len(waiting)

    async def _entry(
        self, tx: AsyncSession, session: str, principal: Principal | None, participant: int, *, running: bool
    ) -> Entry:
        if principal is None:
            raise Denied("sign-in", "Please sign in first.")
        found = await roster(tx, session)
        if found is None:
            raise _nothing()
        entry = await self._place(tx, found, principal, participant)
        persons = _persons(entry)
        entry = replace(entry, persons=persons, apart=(await apart_of(tx, persons)).together)
        now = self._clock.now()
        answer = may_enter(found.kind_entry, found.start, found.end, found.state, now, running=running)
        if isinstance(answer, Refused):
            raise _refused(answer, principal.locale, now, found.zone)
        return entry

    async def _place(self, tx: AsyncSession, found: Roster, principal: Principal, participant: int) -> Entry:
        party = _synthetic(found, participant) if principal.kind == "token" else None
        role = endpoint_for(found, principal, party.id if party else None)
        if role is None or (participant and party is None):
            raise _nothing()
        require(principal, Action.JOIN, {_RELATION.get((principal.kind, role), Relation.PARTICIPANT)})
        invited, confirmed = None, None
        if principal.kind == "guest":
            invitation = await store.invitation(tx, principal.id)
            if invitation is None:
                raise _nothing()
            named = next((p for p in found.parties if p.id == invitation.party), None)
            invited = Named(named.role if named else Role(invitation.role), invitation.name)
            confirmed = {"yes": True, "no": False}.get(invitation.name_confirmed or "")
        return Entry(found, role, principal, participant, invited, confirmed)


_RELATION = {
    ("terminal", EndpointRole.ROOM): Relation.OWN_ROOM,
    ("token", EndpointRole.HOST): Relation.SELF,
    ("token", EndpointRole.PARTY): Relation.SELF,
    ("account", EndpointRole.POST): Relation.OWN_FACILITY,
}


def belongs(found: Roster, principal: Principal, participant: int) -> bool:
    """Whether somebody still takes part after the booking was changed."""
    party = _synthetic(found, participant) if principal.kind == "token" else None
    return endpoint_for(found, principal, party.id if party else None) is not None


def _synthetic(found: Roster, participant: int) -> RosterParty | None:
    """Participant 1 leads; the others in the order they were planned."""
    parties = sorted(found.parties, key=lambda p: (not p.lead, len(p.name), p.name))
    return parties[participant - 1] if 1 <= participant <= len(parties) else None


def _seat(entry: Entry, endpoint: str) -> Seat:
    found, who = entry.roster, entry.principal
    match who.kind:
        case "terminal":
            return _room_seat(found, who, endpoint)
        case "guest":
            assert entry.invited is not None
            return Seat(endpoint, entry.role, who.name, (entry.invited,), name_confirmed=entry.name_confirmed)
        case "token":
            return Seat(endpoint, entry.role, str(entry.participant or 1))
    if entry.role is EndpointRole.POST:
        return Seat(endpoint, entry.role, who.name, (Named(Role.DUTY_OFFICER, who.name, "", who.id, "account"),))
    mine = [p for p in found.parties if p.person == who.id]
    return Seat(
        endpoint, entry.role, who.name, tuple(Named(p.role, p.name, p.number, p.person, "account") for p in mine)
    )


def _persons(entry: Entry) -> tuple[Somebody, ...]:
    """Who comes in with an entry. A duty post is nobody's counterpart; synthetic participants are nobody."""
    found, who = entry.roster, entry.principal
    if who.kind == "guest" and entry.invited is not None:
        interviewee = entry.invited.role in (Role.WITNESS, Role.VICTIM)
        return (Somebody(guest_key(found.case, entry.invited.name), interviewee, custody=False, case=found.case),)
    if who.kind == "terminal":
        there = [p for p in found.parties if p.room == who.room and p.endpoint_role is EndpointRole.ROOM]
    else:
        there = [p for p in found.parties if p.person is not None and p.person == who.id]
    return tuple(somebody(found.case, party) for party in there)


def _room_seat(found: Roster, who: Principal, endpoint: str) -> Seat:
    """A terminal stands for its room; who is to be there is known from the booking, confirmed by duty post or host."""
    room = next(r for r in found.rooms if r.id == who.room)
    there = [p for p in found.parties if p.room == room.id and p.endpoint_role is EndpointRole.ROOM]
    persons = tuple(Named(p.role, p.name, p.number, p.custody_person or p.person) for p in there)
    return Seat(endpoint, EndpointRole.ROOM, room.name, persons, room=room.id, custody=room.custody)


def _refused(answer: Refused, locale: str, now: datetime, zone: str) -> Denied:
    values = {
        name: when(value, locale, now=now, zone=zone) if isinstance(value, datetime) else value
        for name, value in answer.values.items()
    }
    return Denied(answer.rule, answer.text, field=answer.input, **values)


def _nothing() -> NotFound:
    """The same whether the session does not exist or is none of the asker's business."""
    return NotFound("no-session", "There is no such session for you. Please open it from your own list.")
