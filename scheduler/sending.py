"""Sending notices: ports for mail and short messages, and the jobs that use them. Runs in the worker."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog
from sqlalchemy import select

from core.clock import Clock
from core.config import Settings
from core.database import Database, vault_of
from core.errors import Unavailable
from core.ids import new_id
from core.jobs import Handler
from core.texts import translate
from people import invitation_codes
from people.models import Account, Invitation
from scheduler import notices, store
from scheduler.gateway import HttpSms, NotDeliverable
from scheduler.ics import appointment
from scheduler.models import Booking, Facility, Notice, NoticeAddress, State
from scheduler.wording import local_values

log = structlog.get_logger()

SUBJECT = "Yuanjian: your appointment"
INVITED = "Yuanjian: your invitation"
FOOTER = "We never ask for money, codes or screen sharing. To check, call the facility: {phone}."
CALENDAR_ACTS = frozenset({"confirmed", "amended", "moved", "cancelled", "declined", "reminder"})


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail: plain words and perhaps an appointment for the reader's calendar."""

    to: str
    subject: str
    body: str
    appointment: bytes | None = None
    cancelled: bool = False
    key: str = ""
    """The same key is the same letter: a carrier may use it to send once."""


class Mail(Protocol):
    """Carries letters."""

    async def send(self, letter: Letter) -> None:
        """Deliver or raise; raising lets the job be tried again."""


class Sms(Protocol):
    """Carries short messages."""

    async def send(self, number: str, text: str, key: str) -> None:
        """Deliver or raise."""


class Outbox:
    """The embedded carrier of both: a directory of readable files, for the demo and for sites without a gateway."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def send(self, letter: Letter) -> None:
        """Write the letter as ``.eml``; the same key overwrites, so it is there once."""
        self._write(f"{letter.key or new_id()}.eml", as_message(letter, "yuanjian@localhost").as_bytes())

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._directory / f".{name}.part"
        part.write_bytes(content)
        part.replace(self._directory / name)


class SmsOutbox(Outbox):
    """Short messages as text files."""

    async def send(self, number: str, text: str, key: str) -> None:  # type: ignore[override]  # another port, same directory
        """Write ``number`` and ``text``."""
        self._write(f"{key or new_id()}.sms.txt", f"{number}\n{text}\n".encode())


class SmtpMail:
    """Mail by SMTP; STARTTLS where the server offers it."""

    def __init__(self, host: str, port: int, sender: str, *, username: str = "", password: str = "") -> None:
        self._host, self._port, self._sender = host, port, sender
        self._username, self._password = username, password

    async def send(self, letter: Letter) -> None:
        """Hand the letter to the server."""
        import aiosmtplib

        await aiosmtplib.send(
            as_message(letter, self._sender),
            hostname=self._host,
            port=self._port,
            username=self._username or None,
            password=self._password or None,
            timeout=20,
        )


class Direct:
    """Sends a short text to a guest's own phone or mail address at once: the codes and links of invitations, which
    must not wait in a job where they could be read."""

    def __init__(self, mail: Mail, sms: Sms) -> None:
        self._mail, self._sms = mail, sms

    async def send(self, kind: Literal["sms", "mail"], to: str, text: str) -> None:
        """Deliver, or raise ``Unavailable``."""
        try:
            if kind == "mail":
                await self._mail.send(Letter(to, translate("zh-CN", INVITED), text + "\n", key=new_id()))
            else:
                await self._sms.send(to, text, new_id())
        except Exception as error:  # whatever a mail server or gateway can do wrong
            log.warning("a message to a guest could not be sent", kind=kind, error=type(error).__name__)
            raise Unavailable("not-sent", "The message could not be sent. Please try again in a moment.") from None


def carriers(settings: Settings, clock: Clock) -> tuple[Mail, Sms]:
    """The carriers of a site: a mail server and a gateway where they are set, else the outbox directory."""
    sms: Sms = SmsOutbox(settings.outbox_dir)
    if settings.sms_url:
        sms = HttpSms(settings.sms_url, settings.sms_secret, clock)
    if not settings.smtp_host:
        return Outbox(settings.outbox_dir), sms
    name, password = settings.smtp_username, settings.smtp_password
    server = settings.smtp_host, settings.smtp_port, settings.smtp_sender
    return SmtpMail(*server, username=name, password=password), sms


def as_message(letter: Letter, sender: str) -> EmailMessage:
    """The letter as MIME; an appointment travels as ``text/calendar`` with its method."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    if letter.key:
        message["Message-ID"] = f"<{letter.key}@yuanjian>"
    message.set_content(letter.body)
    if letter.appointment:
        method = "CANCEL" if letter.cancelled else "REQUEST"
        message.add_attachment(
            letter.appointment,
            maintype="text",
            subtype="calendar",
            filename="appointment.ics",
            params={"method": method, "charset": "utf-8"},
        )
    return message


def handlers(db: Database, clock: Clock, mail: Mail, sms: Sms, *, base_url: str = "") -> dict[str, Handler]:
    """The jobs of notices for the worker: send one, tell a guest, and remind of an appointment."""

    async def send(payload: Mapping[str, Any]) -> None:
        await _send(db, clock, mail, sms, str(payload["notice"]), base_url)

    async def remind(payload: Mapping[str, Any]) -> None:
        start = datetime.fromisoformat(str(payload["start"]))
        await _remind(db, clock, str(payload["booking"]), start, int(payload.get("before", 0)))

    async def guest(payload: Mapping[str, Any]) -> None:
        await _tell_guest(db, clock, mail, sms, payload)

    return {notices.SEND: send, notices.REMIND: remind, notices.GUEST: guest}


async def _send(db: Database, clock: Clock, mail: Mail, sms: Sms, notice_id: str, base_url: str) -> None:
    """Send a notice by every way the person has given. Repeated after a crash it goes out with the same key."""
    now = clock.now()
    async with db.transaction(write=False) as tx:
        notice = await tx.get(Notice, notice_id)
        if notice is None or notice.sent is not None:
            return
        ways = (await tx.execute(select(NoticeAddress).where(NoticeAddress.person == notice.person))).scalars().all()
        account = await tx.get(Account, notice.person)
        booking = await store.booking(tx, notice.booking) if notice.booking else None
        facility = await store.facility(tx, booking.facility) if booking and booking.facility else None
    locale = account.locale if account else "zh-CN"
    text = notices.words(notice, locale, now=now, zone=booking.zone if booking else None)
    for way in ways:
        if way.way == "mail":
            await mail.send(_letter(notice, way.address, text, booking, facility, locale, now, base_url))
        else:
            with contextlib.suppress(NotDeliverable):  # said in the log; the other ways and the page remain
                await sms.send(way.address, text, f"{notice.id}-sms")
    async with db.transaction() as tx:
        (await tx.get_one(Notice, notice_id)).sent = now
    log.info("a notice was sent", notice=notice_id, ways=len(ways))


async def _tell_guest(db: Database, clock: Clock, mail: Mail, sms: Sms, payload: Mapping[str, Any]) -> None:
    """Tell an invited guest by the way they gave, in their language. Repeated it goes out with the same key."""
    async with db.transaction(write=False) as tx:
        found = await tx.get(Invitation, str(payload["invitation"]))
        contact = invitation_codes.contact_of(vault_of(tx), found) if found is not None else None
    if found is None or contact is None or found.state == "revoked":
        return
    what, start, zone = (str(payload[name]) for name in ("what", "start", "zone"))
    values = local_values({"start": datetime.fromisoformat(start)}, found.locale, now=clock.now(), zone=zone)
    sentence = translate(found.locale, notices.GUEST_TEXTS[what], values)
    text = f"{sentence}\n{invitation_codes.said(found, notices.GUEST_CHECK)}"
    key = hashlib.sha256(repr(sorted(payload.items())).encode()).hexdigest()[:32]
    kind, to = contact
    if kind == "mail":
        await mail.send(Letter(to, translate(found.locale, SUBJECT), text + "\n", key=key))
    else:
        with contextlib.suppress(NotDeliverable):
            await sms.send(to, text, key)
    log.info("a guest was told", invitation=found.id, what=what, kind=kind)


def _letter(
    notice: Notice,
    to: str,
    text: str,
    booking: Booking | None,
    facility: Facility | None,
    locale: str,
    now: datetime,
    base_url: str,
) -> Letter:
    body = [text]
    if base_url and booking:
        body.append(f"{base_url}/sessions/{booking.id}")
    if facility and facility.phone:
        body.append(translate(locale, FOOTER, {"phone": facility.phone}))
    off = booking is not None and booking.state not in (State.CONFIRMED, State.REQUESTED)
    event = None
    if booking is not None and notice.what in CALENDAR_ACTS and (off or booking.state is State.CONFIRMED):
        event = appointment(
            booking=booking.id,
            kind=booking.kind,
            start=booking.start,
            end=booking.end,
            place=facility.name if facility else "",
            address=f"{base_url}/sessions/{booking.id}" if base_url else "",
            sequence=booking.version,
            stamped=now,
            locale=locale,
            cancelled=off,
        )
    return Letter(to, translate(locale, SUBJECT), "\n\n".join(body) + "\n", event, off, f"{notice.id}-mail")


async def _remind(db: Database, clock: Clock, booking_id: str, start: datetime, before: int) -> None:
    """Tell those who take part, unless the booking was moved or no longer stands.

    A worker that died after telling them runs this again: what was told of this start and distance is not told twice.
    """
    async with db.transaction() as tx:
        booking = await store.booking(tx, booking_id)
        if booking is None or booking.state is not State.CONFIRMED or booking.start != start:
            return
        if booking.started is not None or clock.now() >= booking.start:
            return
        values = {"start": booking.start, "before": before}
        query = select(Notice).where(Notice.booking == booking_id, Notice.what == "reminder")
        told = [notice.values for notice in (await tx.execute(query)).scalars()]
        if {**values, "start": start.isoformat()} in told:
            return
        persons = sorted({p.person for p in await store.parties(tx, [booking_id]) if p.person})
        await notices.tell(tx, persons, "reminder", at=clock.now(), booking=booking_id, values=values)
        await notices.remind_guests(tx, booking, at=clock.now(), before=before)
