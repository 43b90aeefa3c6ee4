"""Other systems: what they say is taken once, what they are told is signed and retried."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from cases.models import Case, CustodyStatus, Stage
from core.errors import Denied, Invalid, NotFound
from core.ids import new_id
from core.jobs import Job, Worker
from people.principals import Principal
from scheduler import webhooks
from scheduler.bookings import request_booking
from scheduler.decisions import cancel, confirm
from scheduler.integration import CaseEvent, CustodyEvent, KnownPerson, take_case, take_custody
from scheduler.running import session_ended, session_started
from scheduler.systems import one_planned, planned, results


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


def system(site, role="case_system", organisation=None):
    """A token of another system, bound to the bureau unless said otherwise."""
    organisation = organisation or site.who["admin"].organisation
    return Principal("token", new_id(), "案件系统", frozenset({role}), organisation=organisation)


PERSON = KnownPerson("钱某", "320500199003034321", "male")


def case_event(site, **changes):
    """A case of the demo unit as another system tells it."""
    event = {
        "external": "C-1",
        "number": "江公（城东）刑立字〔2026〕0999号",
        "title": "钱某涉嫌盗窃案",
        "organisation": site.who["officer"].organisation,
        "officers": ("031207",),
        "suspects": (PERSON,),
    }
    return CaseEvent(**{**event, **changes})


async def test_a_case_is_taken_once_and_brought_up_to_date(site):
    """The same event twice is one case; a later stage is written over."""
    first = await take_case(site.db, site.clock, system(site), case_event(site))
    again = await take_case(site.db, site.clock, system(site), case_event(site, stage=Stage.TRIAL))
    assert first == again
    async with site.db.transaction(write=False) as tx:
        found = (await tx.execute(select(Case).where(Case.external == "C-1"))).scalar_one()
    assert found.stage is Stage.TRIAL
    with pytest.raises(Invalid):
        await take_case(site.db, site.clock, system(site), case_event(site, external="C-2"))


async def test_custody_events_are_checked(site):
    """No future, no naked time, nobody held nowhere."""
    event = {"external": "e", "person": PERSON, "status": CustodyStatus.DETAINED, "since": site.clock.now()}
    centre = site.facilities["城东看守所"]
    custody = system(site, "custody_system")
    assert await take_custody(site.db, site.clock, custody, CustodyEvent(facility=centre, **event)) == []
    for wrong in (
        {"facility": None},
        {"facility": centre, "since": site.clock.now() + timedelta(hours=1)},
        {"facility": centre, "since": site.clock.now().replace(tzinfo=None)},
        {"facility": centre, "status": CustodyStatus.RELEASED},
        {"facility": centre, "person": KnownPerson("", "1")},
    ):
        with pytest.raises(Invalid):
            await take_custody(site.db, site.clock, custody, CustodyEvent(**{**event, **wrong}))


async def took_place(site, login, wish):
    """A session of an hour that took place."""
    booking = await request_booking(site.db, site.clock, site.who[login], wish)
    if booking.kind == "visit":
        await confirm(site.db, site.clock, site.who["duty"], booking.id)
    site.clock.set(booking.start)
    await session_started(site.db, site.clock, booking.id)
    site.clock.advance(1800)
    await session_ended(site.db, site.clock, booking.id)
    return booking


async def test_results_tell_of_a_visit_only_that_it_took_place(site):
    """State and case of a questioning; of a visit two instants."""
    since = site.clock.now()
    await took_place(site, "lawyer", site.visit(2))
    await took_place(site, "officer", site.interrogation(4))
    visit, questioning = await results(site.db, system(site), since=since)
    assert (visit.case, visit.state, visit.ended is not None) == (None, None, True)
    assert questioning.state == "done"


async def test_a_visit_is_no_booking_to_a_system(site):
    """Neither in the list nor by its id; a questioning is in both."""
    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    questioning = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(4))
    asker, now = system(site), site.clock.now()
    listed = await planned(site.db, asker, from_=now, until=now + timedelta(days=1))
    assert [one.booking for one in listed] == [questioning.id]
    assert (await one_planned(site.db, asker, questioning.id)).officers
    with pytest.raises(NotFound):
        await one_planned(site.db, asker, visit.id)


async def test_a_system_reaches_its_own_organisation_only(site):
    """A system of the justice bureau: no case, no custody, no results of the police."""
    other = site.who["admin-justice"].organisation
    with pytest.raises(Denied):
        await take_case(site.db, site.clock, system(site, organisation=other), case_event(site, officers=()))
    moved = CustodyEvent("e", PERSON, CustodyStatus.DETAINED, site.facilities["城东看守所"], site.clock.now())
    with pytest.raises(Denied):
        await take_custody(site.db, site.clock, system(site, "custody_system", other), moved)
    with pytest.raises(Denied):
        await take_custody(site.db, site.clock, system(site, "case_system"), moved)
    await took_place(site, "officer", site.interrogation(4))
    since = site.clock.now() - timedelta(days=1)
    assert await results(site.db, system(site, organisation=other), since=since) == []


async def test_somebody_held_elsewhere_cannot_be_declared_free(site):
    """The last facility decides whose person it is, also when the event names none."""
    centre, now = site.facilities["城东看守所"], site.clock.now()
    ours, other = system(site, "custody_system"), system(site, "custody_system", site.who["admin-justice"].organisation)
    held = CustodyEvent("e1", PERSON, CustodyStatus.DETAINED, centre, now)
    await take_custody(site.db, site.clock, ours, held)
    site.clock.advance(60)
    freed = CustodyEvent("e2", PERSON, CustodyStatus.RELEASED, None, site.clock.now())
    with pytest.raises(Denied):
        await take_custody(site.db, site.clock, other, freed)
    assert await take_custody(site.db, site.clock, ours, freed) == []


class Post:
    """Keeps what was posted; fails as often as told."""

    def __init__(self, failures=0):
        self.failures, self.sent = failures, []

    async def post(self, url, body, headers):
        if self.failures:
            self.failures -= 1
            raise OSError("status 500")
        self.sent.append((url, body, headers))


async def test_a_message_is_signed_and_tried_again(site):
    """Two failures, then once; the signature is of the secret that was shown."""
    _, secret = await webhooks.add(site.db, site.clock, site.who["admin"], url="https://cases.example.org/hook")
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation())
    post = Post(failures=2)
    worker = Worker(site.db, site.clock, webhooks.handlers(site.db, site.clock, post))
    for _ in range(6):
        while await worker.run_one():
            pass
        site.clock.advance(60)
    ((url, body, headers),) = post.sent
    seconds, digest = (part.split("=")[1] for part in headers["Yuanjian-Signature"].split(","))
    expected = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert (url, digest) == ("https://cases.example.org/hook", expected)
    message = json.loads(body)
    assert (message["type"], message["booking"]["id"]) == ("booking.confirmed", booking.id)
    assert "张伟民" not in body.decode()


async def test_a_visit_is_told_when_it_is_over_and_only_then(site):
    """No request, no confirmation, no lawyer: started and ended."""
    await webhooks.add(site.db, site.clock, site.who["admin"], url="https://cases.example.org/hook")
    await took_place(site, "lawyer", site.visit(2))
    post = Post()
    worker = Worker(site.db, site.clock, webhooks.handlers(site.db, site.clock, post))
    while await worker.run_one():
        pass
    ((_, body, _),) = post.sent
    assert set(json.loads(body)["booking"]) == {"id", "kind", "started", "ended"}


async def test_acts_can_be_chosen_and_an_ended_address_gets_nothing(site):
    """Only what was asked for, and nothing after the end."""
    hook, _ = await webhooks.add(
        site.db, site.clock, site.who["admin"], url="https://cases.example.org/hook", acts=("cancelled",)
    )
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation())
    await cancel(site.db, site.clock, site.who["officer"], booking.id, "not-needed")
    async with site.db.transaction(write=False) as tx:
        jobs = (await tx.execute(select(Job).where(Job.kind == webhooks.SEND))).scalars().all()
    assert [job.payload["act"] for job in jobs] == ["cancelled"]
    await webhooks.end(site.db, site.clock, site.who["admin"], hook)
    post = Post()
    worker = Worker(site.db, site.clock, webhooks.handlers(site.db, site.clock, post))
    while await worker.run_one():
        pass
    assert post.sent == []


async def test_an_unsafe_address_is_refused(site):
    """Only HTTPS, without a password in it, and never this server or its own link."""
    for url in (
        "http://cases.example.org", "https://user:pw@example.org", "ftp://x", "https://", "https://[::1",
        "https://cases.example.org:99999", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest", "https://[fe80::1]/", "https://0.0.0.0/", "https://localhost:8443/",
        "https://127.1/", "https://2130706433/", "https://0x7f000001/",
    ):  # fmt: skip
        with pytest.raises(Invalid):
            await webhooks.add(site.db, site.clock, site.who["admin"], url=url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_a_name_that_leads_to_this_machine_is_not_told(host):
    """However it is written and whatever it was when it was typed: nobody connects."""
    connections = []
    listener = await asyncio.start_server(lambda _, writer: connections.append(writer.close()), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        with pytest.raises(OSError, match="of this machine"):
            await webhooks.HttpPoster().post(f"https://{host}:{port}/", b"{}", {})
        assert connections == []


async def test_a_proxy_of_the_environment_is_not_asked(proxied, free_port):
    """What is told goes to the other system or nowhere, whatever the server's environment names."""
    with pytest.raises(OSError, match="refused"):
        await webhooks.HttpPoster(anywhere=True).post(f"https://127.0.0.1:{free_port}/", b"{}", {})
    assert not proxied()


async def test_only_administrators_of_the_tree_name_addresses(site):
    """Neither officers nor another tree."""
    for login in ("officer", "duty", "lawyer"):
        with pytest.raises(Denied):
            await webhooks.add(site.db, site.clock, site.who[login], url="https://cases.example.org")
