"""Telling people: a notice in the page and a job to send it, written in the transaction of what it tells.

A notice holds instants and enumerated words, never names or case numbers: mail and SMS leave the house.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs
from core.clock import Clock
from core.database import Database
from core.errors import Invalid
from core.jobs import Wanted
from core.texts import translate
from people import store as people
from people.models import RoleGrant
from people.principals import Principal
from scheduler.models import Booking, Notice, NoticeAddress, Party, State
from scheduler.reasons import REASON_TEXT, WHY_TEXT
from scheduler.windows import ZONE
from scheduler.wording import local_values

SEND = "notice.send"
REMIND = "notice.remind"
GUEST = "notice.guest"
REMINDERS: tuple[timedelta, ...] = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=15))
TEXTS: dict[str, str] = {
    "urgent": "A room is asked for at once. Please decide in the day list.",
    "requested": "A visit was requested for {start}. Please confirm or decline it in the day list.",
    "confirmed": "Your appointment on {start} is confirmed.",
    "declined": "Your request for {start} could not be confirmed: {reason}. Please choose another time.",
    "withdrawn": "The request for {start} was withdrawn.",
    "cancelled": "The appointment on {start} was cancelled: {reason}.",
    "amended": "An appointment was moved to {start}.",
    "moved": "The appointment on {start} takes place in another room.",
    "review": "Your appointment on {start} cannot take place as planned: {reason}",
    "review_post": "A session on {start} cannot take place as planned. Please look at it in the day list.",
    "settled": "Your appointment on {start} takes place as planned after all.",
    "reminder": "Reminder: your appointment begins on {start}.",
    "clock": "A visit request must be answered with a time before {deadline}.",
    "breach": "A visit request was not answered within 48 hours. The resident prosecutor has been told.",
    "breach_prosecutor": "A visit request was not answered within 48 hours: {facility}.",
    "offer": "A time has become free: {start}. It is kept for you until {deadline}.",
    "papers_refused": "A paper for your client could not be accepted: {reason}. Please hand it in again.",
    "papers_accepted": "Your papers were checked. You can book visits now.",
    "counsel_wanted": "Somebody held at {facility} asks for a lawyer. Please take the request before {deadline}.",
    "counsel_none": "Somebody held at {facility} asks for a lawyer. Please name a duty lawyer before {deadline}.",
    "counsel_breach": "Somebody held at {facility} asked for a lawyer, and no duty lawyer was told within 24 hours.",
    "scan_refused": "A virus was found in the scan of a late entry. It was removed; please scan the page again.",
    "papers_overdue": "Your papers were not checked in time. The resident prosecutor has been told.",
    "papers_prosecutor": "Papers of a lawyer were not checked in time: {facility}.",
    "reopened": "You can book visits online again.",
    "papers_due": "Papers of a lawyer wait to be checked by {deadline}.",
}
"""msgid of each notice. ``{reason}`` is itself a msgid."""
_OFF = "The appointment on {start} does not take place. You need not do anything."
GUEST_TEXTS: dict[str, str] = {
    "review": "Your appointment on {start} cannot take place as planned. You will be told how it goes on.",
    "settled": TEXTS["settled"],
    "amended": "Your appointment was moved to {start}. Your link stays the same.",
    "declined": _OFF,
    "withdrawn": _OFF,
    "cancelled": _OFF,
    "reminder": TEXTS["reminder"],
}
"""msgid of what guests are told. Never why: that would tell them of somebody else's custody, room or case."""
GUEST_CHECK = (
    "We never ask for money, codes or your screen. You were invited by {officer} ({number}), {unit}. To check, call "
    "{phone}."
)
"""Follows each of them (ON-4)."""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice in the reader's words."""

    id: str
    booking: str | None
    text: str
    at: datetime
    read: bool


async def tell(
    tx: AsyncSession,
    persons: Collection[str],
    what: str,
    *,
    at: datetime,
    booking: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Leave a notice for each person and ask for it to be sent; both with the caller's transaction or not at all."""
    await jobs.enqueue_all(tx, await _left(tx, persons, what, at=at, booking=booking, values=values))


async def _left(
    tx: AsyncSession,
    persons: Collection[str],
    what: str,
    *,
    at: datetime,
    booking: str | None,
    values: Mapping[str, Any] | None,
) -> list[Wanted]:
    """Leave a notice for each person; the jobs that send them are still to be asked for."""
    said = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in (values or {}).items()}
    left = [Notice(person=p, booking=booking, what=what, values=said, at=at) for p in dict.fromkeys(persons)]
    tx.add_all(left)
    await tx.flush()
    return [Wanted(SEND, {"notice": n.id}, at, f"{SEND}:{n.id}") for n in left]


async def about(
    tx: AsyncSession, booking: Booking, parties: Sequence[Party], act: str, *, by: str, at: datetime
) -> None:
    """Tell everybody concerned of an act on a booking, but not who did it, and set the reminders of a confirmed one."""
    if act not in TEXTS or booking.kind == "rehearsal":
        return
    persons = await _concerned(tx, booking, parties, act)
    values = {"start": booking.start, "reason": _reason(booking, act)}
    asked = await _left(tx, sorted(persons - {by}), act, at=at, booking=booking.id, values=values)
    asked += await _for_guests(tx, booking, act, at=at)
    if act == "review":
        others = sorted({*await post_of(tx, booking.facility)} - persons - {by})
        asked += await _left(tx, others, "review_post", at=at, booking=booking.id, values=values)
    if act == "amended" and booking.state is State.REQUESTED:
        post = await post_of(tx, booking.facility)
        asked += await _left(tx, post, "requested", at=at, booking=booking.id, values=values)
    if booking.state is State.CONFIRMED and act in ("confirmed", "amended"):
        asked += reminders(booking, at)
    await jobs.enqueue_all(tx, asked)


async def remind_guests(tx: AsyncSession, booking: Booking, *, at: datetime, before: int) -> None:
    """Ask that the invited guests of a booking be reminded, ``before`` so many seconds."""
    await jobs.enqueue_all(tx, await _for_guests(tx, booking, "reminder", at=at, before=before))


async def _for_guests(tx: AsyncSession, booking: Booking, what: str, *, at: datetime, before: int = 0) -> list[Wanted]:
    """The jobs that tell the invited guests of a booking.

    Each is told once of a version of the booking, or of a reminder ``before`` so many seconds. Who gave neither phone
    number nor mail address is told by whoever invited them.
    """
    if what not in GUEST_TEXTS:
        return []
    start = booking.start.isoformat()
    once = f"{start}:{before}" if before else str(booking.version)
    said = {"what": what, "start": start, "zone": booking.zone, "once": once}
    reached = [row.id for row in await people.invitations_of(tx, booking.id) if row.contact and row.state != "revoked"]
    return [Wanted(GUEST, {"invitation": id_, **said}, at, f"{GUEST}:{id_}:{what}:{once}") for id_ in reached]


def reminders(booking: Booking, now: datetime) -> list[Wanted]:
    """The reminders still ahead. One job per start, so a moved booking gets new ones and the old fall away."""
    return [_reminder(booking, b) for b in REMINDERS if booking.start - b > now]


def _reminder(booking: Booking, before: timedelta) -> Wanted:
    start, seconds = booking.start.isoformat(), before.total_seconds()
    payload = {"booking": booking.id, "start": start, "before": seconds}
    return Wanted(REMIND, payload, booking.start - before, f"{REMIND}:{booking.id}:{start}:{int(seconds)}")


async def post_of(tx: AsyncSession, facility: str | None) -> Sequence[str]:
    """Ids of those on duty at a facility."""
    if facility is None:
        return ()
    query = select(RoleGrant.person).where(RoleGrant.facility == facility, RoleGrant.revoked.is_(None))
    return (await tx.execute(query.order_by(RoleGrant.person))).scalars().all()


async def mine(db: Database, clock: Clock, principal: Principal, *, limit: int = 50) -> list[NoticeView]:
    """A person's own notices, newest first, in their language."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        query = select(Notice, Booking.zone).outerjoin(Booking, Booking.id == Notice.booking)
        query = query.where(Notice.person == principal.id).order_by(Notice.at.desc(), Notice.id.desc()).limit(limit)
        return [
            NoticeView(n.id, n.booking, words(n, principal.locale, now=now, zone=zone), n.at, n.read is not None)
            for n, zone in await tx.execute(query)
        ]


async def mark_read(db: Database, clock: Clock, principal: Principal) -> None:
    """Everything the person was told so far has been read."""
    async with db.transaction() as tx:
        unread = update(Notice).where(Notice.person == principal.id, Notice.read.is_(None))
        await tx.execute(unread.values(read=clock.now()))


async def unread(db: Database, principal: Principal) -> int:
    """How many notices the person has not looked at."""
    async with db.transaction(write=False) as tx:
        query = select(func.count()).where(Notice.person == principal.id, Notice.read.is_(None))
        return (await tx.execute(query)).scalar_one()


async def addresses(db: Database, principal: Principal) -> dict[str, str]:
    """Where the person wants to be told, by way."""
    async with db.transaction(write=False) as tx:
        query = select(NoticeAddress).where(NoticeAddress.person == principal.id)
        return {row.way: row.address for row in (await tx.execute(query)).scalars()}


async def set_address(db: Database, principal: Principal, way: str, address: str) -> None:
    """Where the person wants mail (``mail``) or short messages (``sms``); empty: not that way."""
    fits = {"mail": "@" in address and " " not in address, "sms": address.lstrip("+").isdigit()}
    if way not in fits or len(address) > 254 or (address and not fits[way]):
        raise Invalid("address", "This address cannot be used. Please check it.", field=way)
    async with db.transaction() as tx:
        found = await tx.get(NoticeAddress, (principal.id, way))
        if found is not None and not address:
            await tx.delete(found)
        elif found is not None:
            found.address = address
        elif address:
            tx.add(NoticeAddress(person=principal.id, way=way, address=address))


def words(notice: Notice, locale: str, *, now: datetime, zone: str | None) -> str:
    """The sentence of a notice in a language, its instants by the facility's clock."""
    values: dict[str, object] = {}
    for name, value in notice.values.items():
        if name == "reason" and value:
            values[name] = translate(locale, str(value))
        elif name in ("start", "deadline"):
            values[name] = datetime.fromisoformat(str(value))
        else:
            values[name] = value
    return translate(locale, TEXTS[notice.what], local_values(values, locale, now=now, zone=zone or ZONE))


async def _concerned(tx: AsyncSession, booking: Booking, parties: Sequence[Party], act: str) -> set[str]:
    """Whom an act concerns: the post of a request, the post too of what is given back, else those who take part."""
    if act in ("requested", "withdrawn", "urgent"):
        return set(await post_of(tx, booking.facility))
    taking_part = {p.person for p in parties if p.person} | {booking.created_by}
    return taking_part | set(await post_of(tx, booking.facility)) if act == "cancelled" else taking_part


def _reason(booking: Booking, act: str) -> str:
    """msgid of why."""
    if act == "review":
        return WHY_TEXT.get(booking.review or "", "")
    return REASON_TEXT.get(booking.reason or "", "")
