"""Random sequences of booking, moving, cancelling, extending and transfers, against a model that compares windows one
by one, on both databases."""

import asyncio
import shutil
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from cases.models import CustodyStatus
from core.clock import FakeClock
from core.database import Database, sqlite_url
from core.refusals import Refused
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.decisions import cancel
from scheduler.models import Booking, Hold
from scheduler.reviews import custody_event
from scheduler.running import extend
from tests.campaigns import WHOLE, campaign, rounds
from tests.scheduler.world import NOON, Site, copy_database, open_site

PEOPLE = ("张伟民", "李秋生")
CASE = {"张伟民": "0317", "李秋生": "0408"}
PLACES = ("城东看守所", "滨江看守所")
TEAMS = (("officer", "officer2"), ("officer3", "officer2"), ("officer", "officer3"))
QUARTER = timedelta(minutes=15)
starts = st.integers(1, 16)
lengths = st.integers(1, 6)


class Bookings(RuleBasedStateMachine):
    """The calendar and a list of windows side by side."""

    open: "staticmethod"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.site: Site = self.run(type(self).open())
        self.where = dict.fromkeys(PEOPLE, PLACES[0])
        self.held: dict[str, dict[str, tuple]] = {}
        """Booking → resource → window: the model."""
        self.made: dict[str, tuple[str, tuple[str, str]]] = {}

    def run(self, work):
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.site.db.close())
        self.runner.close()

    def people_of(self, person, team):
        who = self.site.who
        return {f"custody:{self.site.persons[person]}", *(f"person:{who[login].id}" for login in team)}

    def rooms_of(self, person):
        return [f"room:{self.site.rooms[f'{self.where[person]} 讯问室 {n}']}" for n in (1, 2)]

    def free(self, resource, start, end, but=None):
        """Brute force: no other booking holds the resource in the window."""
        windows = [h[resource] for b, h in self.held.items() if b != but and resource in h]
        return all(end <= s or e <= start for s, e in windows)

    def placed(self, person, team, start, end, but=None):
        """What the model would hold, or None."""
        people = self.people_of(person, team)
        if not all(self.free(r, start, end, but) for r in people):
            return None
        room = next((r for r in self.rooms_of(person) if self.free(r, start, end, but)), None)
        return dict.fromkeys((*people, room), (start, end)) if room else None

    def pick(self, number):
        return sorted(self.held)[number % len(self.held)]

    @rule(person=st.sampled_from(PEOPLE), team=st.sampled_from(TEAMS), start=starts, length=lengths)
    def book(self, person, team, start, length):
        """Book any room of the place; the model says whether it can be."""
        from_ = NOON + start * QUARTER
        until = from_ + length * QUARTER
        wish = self.site.interrogation(
            person=person, number=CASE[person], start=from_, end=until, officers=(self.site.who[team[1]].id,)
        )
        answer = self.run(request_booking(self.site.db, self.site.clock, self.site.who[team[0]], wish))
        expected = self.placed(person, team, from_, until)
        assert isinstance(answer, Booking) == (expected is not None), (answer, expected)
        if expected is not None:
            self.held[answer.id], self.made[answer.id] = expected, (person, team)
        else:
            for slot in answer.alternatives:
                assert all(self.free(r, slot.start, slot.end) for r in self.people_of(person, team))
                assert self.free(f"room:{slot.room}", slot.start, slot.end)

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99), start=starts, length=lengths)
    def move(self, number, start, length):
        """Move a booking, perhaps into its own window, to any room where the person now is."""
        booking = self.pick(number)
        person, team = self.made[booking]
        from_ = NOON + start * QUARTER
        until = from_ + length * QUARTER
        change = Change(start=from_, end=until, room="")
        answer = self.run(amend(self.site.db, self.site.clock, self.site.who[team[0]], booking, change))
        expected = self.placed(person, team, from_, until, but=booking)
        assert isinstance(answer, Refused) == (expected is None), (answer, expected)
        if expected is not None:
            self.held[booking] = expected

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99))
    def cancel(self, number):
        """Give a booking back."""
        booking = self.pick(number)
        _, team = self.made[booking]
        self.run(cancel(self.site.db, self.site.clock, self.site.who[team[0]], booking, "not-needed"))
        del self.held[booking], self.made[booking]

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 99), minutes=st.sampled_from((5, 15, 45)))
    def extend(self, number, minutes):
        """Ask for more time: granted when every resource is free afterwards."""
        booking = self.pick(number)
        longer = timedelta(minutes=minutes)
        mine = self.held[booking]
        expected = all(self.free(r, end, end + longer, booking) for r, (_, end) in mine.items())
        answer = self.run(extend(self.site.db, self.site.clock, booking, minutes, by="system"))
        assert isinstance(answer, Refused) != expected
        if expected:
            self.held[booking] = {r: (s, e + longer) for r, (s, e) in mine.items()}

    @rule(person=st.sampled_from(PEOPLE), place=st.sampled_from(PLACES))
    def transfer(self, person, place):
        """Somebody is held elsewhere now: nothing moves by itself, what is elsewhere is marked."""
        self.site.clock.advance(1)
        marked = self.run(
            custody_event(
                self.site.db,
                self.site.clock,
                person=self.site.persons[person],
                status=CustodyStatus.DETAINED,
                facility=self.site.facilities[place],
            )
        )
        assert set(marked) <= {b for b, (p, _) in self.made.items() if p == person}
        self.where[person] = place

    @invariant()
    def the_database_holds_what_the_model_holds(self):
        """Every hold, resource by resource, and no two that overlap."""
        found: dict[str, dict[str, tuple]] = {}
        for hold in self.run(self.all_holds()):
            found.setdefault(hold.booking, {})[hold.resource] = (hold.start, hold.end)
        assert found == self.held
        for booking, mine in found.items():
            assert all(self.free(r, s, e, booking) for r, (s, e) in mine.items())

    async def all_holds(self):
        async with self.site.db.transaction(write=False) as tx:
            return (await tx.execute(select(Hold))).scalars().all()


def explore(open_):
    """Run the machine."""

    class Machine(Bookings):
        open = staticmethod(open_)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=rounds(3, 300),
            stateful_step_count=12,
            deadline=None,
            derandomize=not WHOLE,
            suppress_health_check=list(HealthCheck),
        ),
    )


@campaign
def test_random_sequences_agree_with_the_model_on_sqlite(seeded_sqlite, tmp_path):
    """SQLite never differs from comparing every window with every other."""

    async def open_():
        path = tmp_path / f"{uuid4().hex}.sqlite3"
        shutil.copy(seeded_sqlite, path)
        return await open_site(Database(sqlite_url(path)), FakeClock(NOON))

    explore(open_)


@campaign
@pytest.mark.postgres
def test_random_sequences_agree_with_the_model_on_postgresql(postgres_cluster, seeded_postgres):
    """PostgreSQL does not either."""

    async def open_():
        name = f"m{uuid4().hex}"
        await copy_database(postgres_cluster, name, seeded_postgres)
        return await open_site(Database(postgres_cluster.url(name)), FakeClock(NOON))

    explore(open_)
