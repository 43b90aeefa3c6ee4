"""Rosters, seats and a driver for the state machine, as the tests of live sessions need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cases.kinds import EndpointRole, Role
from people.cameras import Camera, View, Way
from scheduler.models import State as BookingState
from scheduler.models import Step
from scheduler.roster import READY, Roster, RosterParty, RosterRoom
from signaling import events, messages
from signaling.events import Effect, Event, Named, Seat
from signaling.session import Session
from signaling.states import State

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

HOST = Seat("host", EndpointRole.HOST, "周建平", (Named(Role.OFFICER, "周建平", "031207", "o1", "account"),))
SECOND = Seat("second", EndpointRole.PARTY, "林晓燕", (Named(Role.OFFICER, "林晓燕", "031518", "o2", "account"),))
ROOM = Seat("room", EndpointRole.ROOM, "讯问室一", (Named(Role.DETAINEE, "某甲", "", "c1"),), room="r1", custody=True)
GUEST = Seat("guest", EndpointRole.GUEST, "某乙", (Named(Role.WITNESS, "某乙"),), name_confirmed=True)
LAWYER = Seat("lawyer", EndpointRole.PARTY, "沈知远", (Named(Role.LAWYER, "沈知远", "132012", "l1", "account"),))
WIDE = Camera("k1", "r1", "天花板", View.WIDE, Way.WHIP, "proof")
CLOSE = Camera("k2", "r1", "桌上", View.CLOSE, Way.RTSP, "sealed")
POST = Seat("post", EndpointRole.POST, "赵国强", (Named(Role.DUTY_OFFICER, "赵国强", "", "d1", "account"),))


def party(id_: str, role: Role, at: EndpointRole, name: str, **more: str) -> RosterParty:
    return RosterParty(
        id_, role, at, name, more.get("number", ""), more.get("person"), more.get("custody"), more.get("room"), False
    )


def roster(kind: str, *, minutes: int = 60, steps: frozenset[Step] = frozenset()) -> Roster:
    """A confirmed booking of ``kind`` that begins at ``START``."""
    parties = (
        party("1", Role.OFFICER, EndpointRole.HOST, "周建平", number="031207", person="o1"),
        party("2", Role.OFFICER, EndpointRole.HOST, "林晓燕", number="031518", person="o2"),
        party("3", Role.DETAINEE, EndpointRole.ROOM, "某甲", custody="c1", room="r1"),
        party("4", Role.LAWYER, EndpointRole.PARTY, "沈知远", number="132012", person="l1"),
        party("5", Role.WITNESS, EndpointRole.GUEST, "某乙"),
    )
    return Roster(
        session="s1",
        kind=kind,
        label="A-2026-17",
        start=START,
        end=START + timedelta(minutes=minutes),
        state=BookingState.CONFIRMED,
        version=1,
        zone="Asia/Shanghai",
        organisation=None,
        facility="f1",
        facility_name="城东看守所",
        facility_phone="110",
        steps=dict.fromkeys(steps, START),
        parties=parties,
        rooms=(RosterRoom("r1", "讯问室一", "f1", "城东看守所", True),),
    )


class Driver:
    """Feeds a session and keeps what it wanted. ``recorder`` answers arming and closing at once when set."""

    def __init__(self, kind: str, *, recorder: bool = True, **more: int) -> None:
        self.now = START
        self.session = Session(roster(kind, **more), START)
        self.recorder = recorder
        self.effects: list[Effect] = []
        self.take(events.RelayUp(False))

    def take(self, event: Event) -> list[Effect]:
        """Feed one event; return everything that came of it."""
        effects = self.session.handle(event, self.now)
        self.effects += effects
        if self.recorder and any(isinstance(e, events.ArmRecorder) for e in effects):
            effects = effects + self.take(events.RecorderReady(1))
        if self.recorder and any(isinstance(e, events.CloseMedia) for e in effects):
            effects = effects + self.take(events.MediaClosed("ab" * 32, 1, 1000, 0))
        return effects

    def ask(self, endpoint: str, message: object) -> list[Effect]:
        return self.take(events.Asked(endpoint, message))

    def join(self, *seats: Seat) -> None:
        for seat in seats:
            self.take(events.Joined(seat))

    def after(self, seconds: float) -> list[Effect]:
        """Let time pass and tick."""
        self.now += timedelta(seconds=seconds)
        return self.take(events.Tick())

    def steps(self, *steps: Step) -> list[Effect]:
        """The duty post confirms steps."""
        before = self.session.roster
        return self.take(
            events.RosterChanged(replace(before, steps={**before.steps, **dict.fromkeys(steps, self.now)}))
        )

    def end_at(self, end: datetime) -> list[Effect]:
        return self.take(events.RosterChanged(replace(self.session.roster, end=end)))

    @property
    def state(self) -> State:
        return self.session.state

    def logged(self, event: str) -> list[dict[str, object]]:
        """Public parts of the log entries of one kind."""
        return [dict(e.public) for e in self.effects if isinstance(e, events.Record) and e.public["event"] == event]

    def denied(self) -> list[str]:
        return [e.code for e in self.effects if isinstance(e, events.Deny)]


def live(kind: str, **more: int) -> Driver:
    """A session of ``kind`` that is live, with everybody there."""
    driver = Driver(kind, **more)
    match kind:
        case "interrogation":
            driver.join(HOST, SECOND, ROOM)
            driver.steps(*READY)
            driver.ask("host", messages.Admit(endpoint="second"))
        case "statement":
            driver.join(HOST, SECOND, GUEST)
            driver.ask("host", messages.Admit(endpoint="second"))
            driver.ask("host", messages.Admit(endpoint="guest"))
            witness = next(iter(driver.session.presence.endpoints["guest"].persons))
            driver.ask("host", messages.ConfirmPerson(present=witness, how="document"))
        case "visit":
            driver.join(LAWYER, ROOM)
            driver.steps(*READY)
        case "rehearsal":
            driver.join(Seat("host", EndpointRole.HOST, "1"), Seat("guest", EndpointRole.PARTY, "2"))
            for endpoint in ("host", "guest"):
                driver.ask(endpoint, messages.NamePerson(role="synthetic", name=f"演练 {endpoint}"))
            person = next(iter(driver.session.presence.endpoints["guest"].persons))
            driver.ask("host", messages.ConfirmPerson(present=person, how="known"))
            driver.ask("host", messages.Admit(endpoint="guest"))
    assert driver.state is State.LIVE, driver.state
    return driver
