"""Booking: who may, what is written, what is refused, and who wins a race."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import ledger
from core.errors import Denied, Invalid
from core.refusals import Refused
from scheduler import store
from scheduler.bookings import request_booking, start_now, start_rehearsal
from scheduler.models import Booking, Hold, Party, Room, State
from scheduler.refusals import Taken
from scheduler.search import free_slots


async def test_a_lawyer_requests_a_visit_and_everything_is_held(site):
    """Client, lawyer, visiting room and the lawyer's own room are held; the facility has still to confirm."""
    wish = site.visit(own_room=site.rooms["东湖派出所 律师会见点"])
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
    assert booking.state is State.REQUESTED
    assert booking.facility == site.facilities["城东看守所"]
    async with site.db.transaction(write=False) as tx:
        held = set((await tx.execute(select(Hold.resource).where(Hold.booking == booking.id))).scalars())
        assert await ledger.check(tx) is None
    assert held == {
        f"person:{site.who['lawyer'].id}",
        f"custody:{site.persons['张伟民']}",
        f"room:{site.rooms['城东看守所 会见室 1']}",
        f"room:{site.rooms['东湖派出所 律师会见点']}",
    }


async def test_an_interrogation_is_confirmed_at_once(site):
    """Two officers of the case book a room inside the detention centre."""
    booking = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation())
    assert booking.state is State.CONFIRMED


async def test_an_interrogation_wholly_inside_one_room_holds_it_once(site):
    """Officers and suspect in the same room of the case centre are one hold on that room."""
    room = site.rooms["城东执法办案管理中心 讯问室 1"]
    wish = site.interrogation(person="刘海", number="0421", room=room, own_room=room)
    booking = await request_booking(site.db, site.clock, site.who["officer"], wish)
    async with site.db.transaction(write=False) as tx:
        count = select(func.count()).where(Hold.booking == booking.id, Hold.resource == f"room:{room}")
        assert (await tx.execute(count)).scalar() == 1
        seats = (await tx.execute(select(Party.room).where(Party.booking == booking.id))).scalars().all()
    assert set(seats) == {room}


async def test_a_second_visit_takes_the_next_room(site):
    """Another client at the same time gets another room of the same facility."""
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    second = await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(person="王立刚"))
    assert isinstance(second, Booking)


async def test_a_room_with_too_few_seats_is_passed_over(site):
    """Of the rooms that serve, the first with seats for everybody is taken; asked for by name, a small one is refused
    in words; when all are small, so is the answer (RM-2)."""
    rooms = {name.split()[-1]: id_ for name, id_ in site.rooms.items() if name.startswith("城东看守所 讯问室")}
    officer, colleague = site.who["officer"], site.who["officer3"]

    async def seats(count, *numbers):
        async with site.db.transaction() as tx:
            for number in numbers:
                (await tx.get_one(Room, rooms[number])).capacity = count

    await seats(1, "1")
    wish = site.interrogation(cooperating=(colleague.id,))
    small = await request_booking(site.db, site.clock, officer, replace(wish, room=rooms["1"]))
    assert (small.rule, small.values["seats"], small.values["persons"]) == ("RM-2", 1, 2)
    offered = await free_slots(site.db, site.clock, officer, wish, until=wish.start + timedelta(days=1))
    assert {slot.room for slot in offered} == {rooms["2"]}
    made = await request_booking(site.db, site.clock, officer, wish)
    async with site.db.transaction(write=False) as tx:
        seated = {party.room for party in await store.parties(tx, [made.id]) if party.room}
    assert seated == {rooms["2"]}
    await seats(1, "1", "2")
    refused = await request_booking(site.db, site.clock, officer, replace(wish, start=site.at(6)[0], end=site.at(6)[1]))
    assert refused.rule == "RM-2"


async def test_the_same_person_twice_is_refused_with_alternatives(site):
    """An interrogation does not pre-empt a visit; the answer names free times and nothing of the visit."""
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2.5))
    assert isinstance(refused, Taken)
    assert refused.rule == "taken"
    assert len(refused.alternatives) == 3
    start, end = site.at(2)
    assert all(slot.end <= start or slot.start >= end for slot in refused.alternatives)
    assert "lawyer" not in refused.text


async def test_my_own_other_session_is_named_as_mine(site):
    """Who is busy themselves is told so."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.statement(2))
    assert refused.text.startswith("You have another session")


async def test_an_alternative_can_be_booked(site):
    """What is offered is really free."""
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(2))
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    slot = refused.alternatives[0]
    again = site.interrogation(start=slot.start, end=slot.end, room=slot.room)
    assert isinstance(await request_booking(site.db, site.clock, site.who["officer"], again), Booking)


async def test_a_lawyer_gets_one_answer_for_everybody_else(site):
    """Another lawyer's client, somebody without a lawyer and nobody at all are answered alike."""
    for person in ["王立刚", "刘海", None]:
        wish = site.visit(custody_person=site.persons[person] if person else "nobody")
        refused = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
        assert refused.rule == "LV-6"
        assert not refused.values


async def test_police_cannot_book_a_visit(site):
    """Nobody but a lawyer asks for a visit."""
    for login in ("officer", "duty", "admin", "reviewer"):
        with pytest.raises(Denied):
            await request_booking(site.db, site.clock, site.who[login], site.visit())


async def test_a_lawyer_cannot_bring_an_officer(site):
    """Nobody is sent into a visit (LV-3): an officer cannot be named among the lawyers."""
    with pytest.raises(Invalid):
        await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(officers=(site.who["officer"].id,)))


async def test_a_foreign_case_is_denied(site):
    """Officers book for their own cases."""
    with pytest.raises(Denied):
        await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(case="foreign"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "party"}, "unknown-kind"),
        ({"custody_person": None}, "person-missing"),
        ({"room": "nowhere"}, "unknown-room"),
        ({"officers": ("nobody",)}, "unknown-person"),
        ({"officers": ("a", "a")}, "duplicate-person"),
    ],
)
async def test_unusable_input_names_its_field(site, changes, code):
    """What cannot be used raises with a stable code and the field, and nothing is written."""
    with pytest.raises(Invalid) as caught:
        await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(**changes))
    assert caught.value.code == code
    assert caught.value.field
    async with site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(func.count()).select_from(Booking))).scalar() == 0


async def test_a_refusal_leaves_nothing_behind(site):
    """A rule's refusal writes neither booking nor hold nor ledger entry."""
    async with site.db.transaction(write=False) as tx:
        before = (await tx.execute(select(func.count()).select_from(ledger.Entry))).scalar()
    refused = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(officers=()))
    assert isinstance(refused, Refused)
    assert refused.rule == "IN-1"
    async with site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(func.count()).select_from(ledger.Entry))).scalar() == before
        assert (await tx.execute(select(func.count()).select_from(Hold))).scalar() == 0


async def test_a_statement_starts_now_at_two_in_the_morning(site):
    """An unplanned statement begins this second, off the grid, confirmed."""
    site.clock.advance(14 * 3600 + 7)
    booking = await start_now(site.db, site.clock, site.who["officer"], site.statement())
    assert booking.state is State.CONFIRMED
    assert booking.start == site.clock.now()


async def test_a_visit_cannot_start_unplanned(site):
    """Kinds that need a scarce room are booked ahead."""
    with pytest.raises(Invalid):
        await start_now(site.db, site.clock, site.who["lawyer"], site.visit())


async def test_an_operator_rehearses_and_nobody_else(site):
    """A rehearsal needs a token; it holds nothing and has as many synthetic parties as asked."""
    from people.principals import Principal

    token = Principal(kind="token", id="t", name="self-test", roles=frozenset({"operator"}))
    booking = await start_rehearsal(site.db, site.clock, token, participants=6)
    async with site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(func.count()).where(Party.booking == booking.id))).scalar() == 6
        assert (await tx.execute(select(func.count()).select_from(Hold))).scalar() == 0
    with pytest.raises(Denied):
        await start_rehearsal(site.db, site.clock, site.who["officer"])


async def test_fifty_parallel_bookings_have_one_winner(site):
    """One wins, the other forty-nine get alternatives; nobody sees an error."""
    room = site.rooms["城东看守所 讯问室 1"]
    people = ["张伟民", "王立刚"]

    async def one(number: int):
        wish = site.interrogation(person=people[number % 2], room=room, officers=(site.who["officer2"].id,))
        return await request_booking(site.db, site.clock, site.who["officer"], wish)

    answers = await asyncio.gather(*(one(number) for number in range(50)))
    assert sum(isinstance(answer, Booking) for answer in answers) == 1
    assert all(answer.alternatives for answer in answers if not isinstance(answer, Booking))
