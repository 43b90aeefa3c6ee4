"""Who is told what, in which words, once; and appointments that update and disappear."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from icalendar import Calendar
from sqlalchemy import select

from cases.kinds import EndpointRole, Role
from core.errors import Invalid
from core.jobs import Job, Worker
from core.vault import Vault
from people import invitation_codes
from people.models import Invitation
from people.permissions import Relation
from scheduler import custody, invites, reviews, store
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.decisions import cancel, confirm, decline
from scheduler.notices import REMIND, REMINDERS, mark_read, mine, set_address
from scheduler.requests import GuestWish
from scheduler.sending import Outbox, SmsOutbox, handlers


@pytest.fixture
def site(sqlite_site, tmp_path):
    """On SQLite, with its secrets; what PostgreSQL does differently is in ``test_on_postgres``."""
    sqlite_site.db.vault = Vault(tmp_path / "secrets")
    sqlite_site.db.vault.ensure(sqlite_site.clock.now())
    return sqlite_site


@pytest.fixture
def outbox(tmp_path):
    """Where mail and short messages land."""
    return tmp_path / "outbox"


@pytest.fixture
def work(site, outbox):
    """Run every job that is due."""

    async def run():
        jobs = handlers(site.db, site.clock, Outbox(outbox), SmsOutbox(outbox), base_url="https://meet.example.org")
        worker = Worker(site.db, site.clock, jobs)
        while await worker.run_one():
            pass

    return run


async def texts(site, login):
    """What a person was told, newest first."""
    return [notice.text for notice in await mine(site.db, site.clock, site.who[login])]


def letters(outbox):
    """Every mail in the outbox, by name."""
    return [message_from_bytes(p.read_bytes(), policy=policy.default) for p in sorted(outbox.glob("*.eml"))]


def event(letter):
    """The appointment of a letter and its method."""
    part = next(p for p in letter.walk() if p.get_content_type() == "text/calendar")
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    return calendar["METHOD"], calendar.walk("VEVENT")[0]


async def test_each_side_is_told_of_the_others_acts_and_not_of_its_own(site):
    """Request to the post, answer to the lawyer, in their language and by the facility's clock."""
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    assert await texts(site, "duty") == ["有律师申请 14:00 会见，请在当日安排中确认或答复。"]
    assert await texts(site, "lawyer") == []
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    assert await texts(site, "lawyer") == ["您 14:00 的预约已确认。"]
    assert await texts(site, "officer") == []


async def test_a_refusal_says_why_and_what_next(site):
    """The enumerated reason in words."""
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await decline(site.db, site.clock, site.who["duty"], visit.id, "court")
    assert await texts(site, "lawyer") == ["您 14:00 的申请未能确认：当事人出庭。请另选时间。"]


async def test_a_refused_booking_tells_nobody(site):
    """What was rolled back leaves neither notice nor job."""
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(person="王立刚"))
    async with site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(Job))).first() is None


async def test_mail_carries_an_appointment_that_moves_and_disappears(site, outbox, work):
    """One UID, rising SEQUENCE, REQUEST then CANCEL; no name and no case number leaves the house."""
    await set_address(site.db, site.who["lawyer"], "mail", "shen@example.org")
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await work()
    moved = Change(start=visit.start + timedelta(hours=1))
    await amend(site.db, site.clock, site.who["lawyer"], visit.id, moved)
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await work()
    await cancel(site.db, site.clock, site.who["duty"], visit.id, "room")
    await work()
    found = [event(letter) for letter in letters(outbox)]
    assert [method for method, _ in found] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({str(e["UID"]) for _, e in found}) == 1
    sequences = [int(e["SEQUENCE"]) for _, e in found]
    assert sequences == sorted(set(sequences))
    everything = b"".join(p.read_bytes() for p in outbox.iterdir())
    whole = "".join(str(letter.get_body(("plain",)).get_content()) for letter in letters(outbox))
    for secret in ("张伟民", "沈知远", "0317"):
        assert secret.encode() not in everything
        assert secret not in whole


async def test_a_letter_is_sent_once(site, outbox, work):
    """A job run again after a crash changes nothing."""
    await set_address(site.db, site.who["lawyer"], "mail", "shen@example.org")
    await set_address(site.db, site.who["lawyer"], "sms", "+8613800000000")
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await work()
    before = sorted(p.name for p in outbox.iterdir())
    async with site.db.transaction() as tx:
        for job in (await tx.execute(select(Job).where(Job.state == "done"))).scalars():
            job.state = "waiting"
    await work()
    assert sorted(p.name for p in outbox.iterdir()) == before
    assert len(before) == 2


async def test_reminders_follow_the_booking(site, work):
    """An hour and a quarter before, once each; a moved booking reminds of its new time alone."""
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    change = Change(start=visit.start + timedelta(hours=2))
    await amend(site.db, site.clock, site.who["lawyer"], visit.id, change)
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    for _ in range(24):
        site.clock.advance(15 * 60)
        await work()
    reminders = [t for t in await texts(site, "lawyer") if t.startswith("提醒")]
    assert len(reminders) == 2
    assert all("16:00" in text for text in reminders)


async def test_notices_are_read(site):
    """After looking, nothing is new."""
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    assert [n.read for n in await mine(site.db, site.clock, site.who["duty"])] == [False]
    await mark_read(site.db, site.clock, site.who["duty"])
    assert [n.read for n in await mine(site.db, site.clock, site.who["duty"])] == [True]


@pytest.mark.parametrize(("way", "address"), [("mail", "nobody"), ("mail", "a@b c"), ("sms", "call me"), ("fax", "1")])
async def test_an_unusable_address_is_refused(site, way, address):
    """Mail needs an at sign, a number digits, and there is no fax."""
    with pytest.raises(Invalid):
        await set_address(site.db, site.who["lawyer"], way, address)


async def test_three_reminders_come_once_each_also_when_workers_die(site, outbox):
    """A day, an hour and a quarter of an hour before. A worker that told everybody and died before it could say so is
    followed by another: nobody is told twice."""
    lawyer = site.who["lawyer"]
    visit = await request_booking(site.db, site.clock, lawyer, site.visit(26))
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    reminder = "提醒："

    def count(told):
        return sum(text.startswith(reminder) for text in told)

    for hours, expected in ((2, 1), (25, 2), (25.75, 3)):
        site.clock.set(site.at(hours)[0])
        jobs = handlers(site.db, site.clock, Outbox(outbox), SmsOutbox(outbox))
        dying = {REMIND: _die_after(jobs[REMIND])}
        assert await Worker(site.db, site.clock, dying).run_one()
        assert count(await texts(site, "lawyer")) == expected
        site.clock.advance(3)
        assert await Worker(site.db, site.clock, {REMIND: jobs[REMIND]}).run_one()
        assert not await Worker(site.db, site.clock, {REMIND: jobs[REMIND]}).run_one()
        assert count(await texts(site, "lawyer")) == expected


def _die_after(handler):
    async def handle(payload):
        await handler(payload)
        raise RuntimeError("the worker is gone")

    return handle


async def invited(site, booking, *, locale="zh-CN", kind="sms", address="+8613800000001"):
    """The one guest of a booking, invited with a contact of their own."""
    officer = site.who["officer"]
    async with site.db.transaction(write=False) as tx:
        guest = next(p.id for p in await store.parties(tx, [booking.id]) if p.endpoint_role is EndpointRole.GUEST)
    invitation, _ = await invites.invite(site.db, site.clock, officer, booking.id, guest)
    async with site.db.transaction() as tx:
        await invitation_codes.set_contact(
            tx,
            site.clock,
            site.db.vault,
            officer,
            {Relation.PARTICIPANT},
            invitation,
            kind=kind,
            address=address,
            locale=locale,
        )
    return invitation


def guardian(site):
    """An interrogation at which a guardian comes by link."""
    return site.interrogation(26, guests=(GuestWish(Role.GUARDIAN, "张大海"),))


def short_messages(outbox):
    """Every text message, in the order of sending."""
    return [p.read_text() for p in sorted(outbox.glob("*.sms.txt"), key=lambda p: p.stat().st_mtime_ns)]


@pytest.mark.parametrize("event", ["transferred", "ill", "room"])
async def test_a_guest_learns_that_the_time_does_not_stand_and_nothing_else(site, outbox, work, event):
    """Transfer, illness, a closed room: the guardian who comes by link is told by their own phone, in their language,
    who asks and how to check it, and not a word of why or of whom."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], guardian(site))
    await invited(site, booking, locale="en")
    duty, person = site.who["duty"], site.persons["张伟民"]
    if event == "room":
        start, end = site.at(24, 600)
        closed, _ = await reviews.block(site.db, site.clock, duty, start=start, end=end, reason="repair")
    elif event == "ill":
        await custody.report(site.db, site.clock, duty, person, "ill", until=site.at(48)[0])
    else:
        await custody.report(site.db, site.clock, duty, person, event, to=site.facilities["城西看守所"])
    await work()
    assert (await site.booking(booking.id)).review is not None
    (message,) = short_messages(outbox)
    to, *lines = message.strip().split("\n")
    assert (to, lines[0]) == (
        "+8613800000001",
        "Your appointment on tomorrow 14:00 cannot take place as planned. You will be told how it goes on.",
    )
    assert site.who["officer"].name in lines[1]
    for secret in ("张大海", "张伟民", "0317", "城西", "transfer", "illness", "held", "room"):
        assert secret not in message
    if event == "room":
        await reviews.lift(site.db, site.clock, duty, closed.id)
        await work()
        assert "takes place as planned after all" in short_messages(outbox)[-1]
        assert "恢复按原计划进行" in (await texts(site, "officer"))[0]


async def test_a_guest_is_told_of_every_change_once(site, outbox, work):
    """Moved, reminded, cancelled; a job run again sends nothing new, and mail goes as mail."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.statement(26))
    await invited(site, booking, kind="mail", address="sun@example.org")
    await amend(site.db, site.clock, site.who["officer"], booking.id, Change(start=booking.start + timedelta(hours=1)))
    await work()
    (letter,) = letters(outbox)
    assert letter["To"] == "sun@example.org"
    assert "您的约谈改到 明天 15:00，邀请链接不变。" in letter.get_body(("plain",)).get_content()
    async with site.db.transaction() as tx:
        for job in (await tx.execute(select(Job).where(Job.state == "done"))).scalars():
            job.state = "waiting"
    await work()
    assert len(letters(outbox)) == 1
    for _ in range(27 * 4 - 1):
        site.clock.advance(15 * 60)
        await work()
    assert len(letters(outbox)) == 1 + len(REMINDERS)
    await amend(site.db, site.clock, site.who["officer"], booking.id, Change(start=booking.start + timedelta(hours=9)))
    await cancel(site.db, site.clock, site.who["officer"], booking.id, "other-time")
    await work()
    assert len(letters(outbox)) == 3 + len(REMINDERS)
    assert any("约谈取消" in letter.get_body(("plain",)).get_content() for letter in letters(outbox))


async def test_whoever_was_invited_no_more_is_told_no_more(site, outbox, work):
    """A withdrawn invitation gets nothing, also when it was withdrawn between the change and the sending."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.statement(26))
    invitation = await invited(site, booking)
    await amend(site.db, site.clock, site.who["officer"], booking.id, Change(start=booking.start + timedelta(hours=1)))
    async with site.db.transaction() as tx:
        (await tx.get_one(Invitation, invitation)).state = "revoked"
    await cancel(site.db, site.clock, site.who["officer"], booking.id, "other-time")
    await work()
    assert short_messages(outbox) == []
