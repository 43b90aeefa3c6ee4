"""The owner of one live session: takes events, carries out effects, keeps its connections, log and resources.

Everything happens on one loop and without waiting: whoever has an event calls ``take``, which runs the machine and
carries out what it wants before it returns. So nothing queues between a packet's right and its route; what may have to
wait has a bounded queue of its own (outboxes, the link, the database writer).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from cases.kinds import Recording
from core.clock import Clock
from media import commands
from people.screening import Pair, meeting
from scheduler.apart import guest_key
from scheduler.roster import Roster
from signaling import desk, events, messages, views
from signaling.accounting import for_ledger
from signaling.commanding import Facts, command_for
from signaling.connection import Close, Connection
from signaling.events import Effect, Event, Seat
from signaling.keeping import Course, HeadKept, Keeper, Standing
from signaling.link import Link
from signaling.log import SessionLog
from signaling.places import Place, Places
from signaling.presence import Standing as Stands
from signaling.resources import Resources, media_event
from signaling.restore import Entry, restore
from signaling.roomcameras import AddressOf, RoomCameras
from signaling.session import Session
from signaling.states import Record as Chain
from signaling.states import State
from signaling.telling import Memory, Tellable, Told, message, sentence
from signaling.turn import RENEW, Turn, ice_servers

log = structlog.get_logger()

AskTime = Callable[["Live", Place, int], Coroutine[Any, Any, None]]
ClaimTime = Callable[["Live"], Coroutine[Any, Any, None]]
Outside = Callable[["Live", events.AskService | events.RemoveStills], Coroutine[Any, Any, None]]


class Live:
    """One live session of this process."""

    def __init__(
        self,
        session: Session,
        facts: Facts,
        link: Link,
        keeper: Keeper,
        clock: Clock,
        *,
        ask_time: AskTime,
        claim_time: ClaimTime,
        outside: Outside,
        address_of: AddressOf,
        count: Callable[[str], None] = lambda _: None,
        turn: Turn | None = None,
    ) -> None:
        self.id = session.roster.session
        self.session = session
        self.facts = facts
        self.link = link
        self.keeper = keeper
        self.log = SessionLog(self.id, link, keeper, clock)
        self.places = Places()
        self.resources = Resources()
        self.cameras = RoomCameras(self, address_of)
        self.over = False
        self._clock = clock
        self._ask_time = ask_time
        self._claim_time = claim_time
        self._outside = outside
        self._count = count
        self._turn = turn
        self._memory = Memory()
        self._acknowledged: HeadKept | None = None
        self._dirty = False
        self._attention: object = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def zone(self) -> str:
        """Zone in which the session's times are told."""
        return self.session.roster.zone

    @property
    def roster(self) -> Roster:
        return self.session.roster

    # Beginning, and taking up again

    def open(self) -> None:
        """Write the first entry and make room at the media process."""
        roster = self.roster
        window = {"start": roster.start.isoformat(), "end": roster.end.isoformat()}
        policy = self.session.kind.recording
        self._carry([events.Record({"event": "opened", "kind": roster.kind, "policy": policy, **window})])
        self.reach(fresh=False)

    def take_up(self, entries: list[Entry]) -> None:
        """Go on after a crash with the log of the process before."""
        self.log.take_up(entries)
        self._memory.recall(entries, frozenset(self.session.presence.endpoints))
        session = self.session
        entry = {"event": "taken-up", "state": session.state, "reason": session.reason}
        self._carry([events.Record(entry)])

    def reach(self, *, fresh: bool) -> None:
        """The media process is there, when it is; ``fresh``: it holds nothing of this session."""
        if self.link.up:
            self.take(events.RelayUp(fresh))

    # Connections

    def enter(self, place: Place, seat: Seat, connection: Connection) -> messages.Welcome:
        """Give an endpoint its connection; the one it had before is told and closed."""
        resume, token, before = self.places.admit(place, connection)
        if before is not None:
            before.offer(messages.Replaced())
            before.close(Close.REPLACED)
        self.keeper.add(place.kept())
        welcome = messages.Welcome(
            version=messages.VERSION,
            endpoint=place.endpoint,
            resume=resume,
            token=token,
            whip=f"/whip/{self.id}/",
            whep=f"/whep/{self.id}/",
            ice_servers=self._ice_servers(place),
            locale=connection.texts.locale,
        )
        connection.offer(welcome)
        self.take(events.Joined(seat))
        return welcome

    def _ice_servers(self, place: Place) -> tuple[dict[str, str], ...]:
        """Fresh credentials for an endpoint, remembered as given now."""
        place.credentials = self._clock.now()
        return ice_servers(self._turn, place.endpoint, place.credentials)

    def _renew_credentials(self, now: datetime) -> None:
        """Give whoever is connected new credentials for TURN before the old ones expire."""
        if self._turn is None or self.over:
            return
        for place in self.places:
            if place.connection is not None and place.credentials is not None and now - place.credentials >= RENEW:
                place.connection.offer(messages.IceServers(ice_servers=self._ice_servers(place)))

    def catch_up(self, place: Place, seen: int) -> None:
        """Tell an endpoint that came back what it has missed."""
        if place.connection is not None:
            for told in self._memory.since(place.endpoint, seen):
                said = message(told, place.connection.texts, self.zone)
                place.connection.offer(self.roster.veil.message(said))

    def gone(self, place: Place, connection: Connection) -> None:
        """A connection is closed, whoever closed it."""
        if place.connection is connection:
            place.connection = None
            self.take(events.Gone(place.endpoint))

    def holds(self, place: Place) -> bool:
        """Whether an endpoint is here by anything: its connection, or a place in the session that it may be away from
        while its media go on."""
        endpoint = self.session.presence.get(place.endpoint)
        return place.connection is not None or (endpoint is not None and endpoint.in_room)

    def withdraw(self, place: Place) -> None:
        """What an endpoint came by has ended: signed out, suspended, revoked."""
        self.take(events.Withdrawn(place.endpoint))

    def would_meet(self, entry: desk.Entry) -> bool:
        """Whether somebody would meet a person here, in the lobby too, whom they must not. Nothing is awaited between
        this answer and ``enter``, so two who arrive at one time cannot both pass."""
        return meeting(entry.apart, [person.key for person in entry.persons], self.present().keys()) is not None

    def part(self, apart: frozenset[Pair]) -> None:
        """Of two who are both here and must not be by now, whoever came in later is out at once."""
        here = self.present()
        found = meeting(apart, list(here), ())
        if found is not None:
            order = list(self.session.presence.endpoints)
            self.take(events.KeptApart(max(here[found.one], here[found.other], key=order.index)))

    def present(self) -> dict[str, str]:
        """Who is in the session or its lobby, as screening knows them, with the endpoint each sits at."""
        case = self.roster.case
        return {
            person.person or guest_key(case, person.name): endpoint.id
            for endpoint in self.session.presence
            if endpoint.in_room
            for person in endpoint.persons.values()
        }

    def dismiss_all(self, code: Close) -> None:
        """Close every connection."""
        for place in self.places:
            if place.connection is not None:
                place.connection.close(code)

    # Events

    def take(self, event: Event) -> None:
        """Run the machine on one event and carry out what it wants."""
        if self.over:
            return
        now = self._clock.now()
        try:
            effects = self.session.handle(event, now)
            self._carry(effects)
        except Exception:
            log.exception("a session's event could not be taken", session=self.id, happened=type(event).__name__)
            self._fail_closed()
            return
        if not isinstance(event, events.DurableUntil | events.Tick) or effects:
            self.touch()

    def media(self, event: commands.Event) -> None:
        """Take an event of the media process."""
        self.resources.note(event)
        if isinstance(event, commands.RecorderReady):
            self.log.chain_ready(event.last_entry)
        elif isinstance(event, commands.RecorderFailed | commands.Closed):
            self.log.chained = False
        self._keep_head(event)
        self.cameras.follow(event)
        taken = media_event(event, self.resources)
        if taken is None:
            return
        self.take(taken)
        if isinstance(taken, events.DurableUntil):
            self._tell_durable(taken)

    def _keep_head(self, event: commands.Event) -> None:
        """Have the ledger know where the chain stands, so that it cannot be cut shorter unnoticed."""
        match event:
            case commands.Head():
                self.keeper.add(HeadKept(event.recording, event.take, event.media_ms, event.digest))
            case commands.Durable(digest=str() as digest) if digest:
                self._acknowledged = HeadKept(event.recording, event.take, event.media_ms, digest)
            case commands.RecorderFailed():
                self._keep_acknowledged()
            case commands.Closed(recording=str() as recording, digest=str() as digest):
                self.keeper.add(HeadKept(recording, 0, event.duration_ms, digest))
                self._acknowledged = None

    def _keep_acknowledged(self) -> None:
        """The recorder is gone without a close: the last second it acknowledged is the least its chain must have."""
        if self._acknowledged is not None:
            self.keeper.add(self._acknowledged)
            self._acknowledged = None

    def lose_media(self) -> None:
        """The media process is gone."""
        self._keep_acknowledged()
        self.take(events.RelayDown())

    def tick(self) -> None:
        """Let time pass; views are sent anew when it changes what somebody may do."""
        self.take(events.Tick())
        now = self._clock.now()
        self.cameras.look_after()
        self._renew_credentials(now)
        attention = (self.session.may_begin(now), self.session.presence.missing(now))
        if attention != self._attention:
            self._attention = attention
            self.touch()

    def _fail_closed(self) -> None:
        """A defect in deciding must not leave anything flowing: stop, and rebuild the session from its log."""
        self.link.send(commands.Forward(session=self.id, on=False))
        now = self._clock.now()
        self.session = restore(self.roster, list(self.log), now)
        for place in self.places:
            endpoint = self.session.presence.get(place.endpoint)
            if endpoint is not None and place.connection is not None:
                endpoint.connected, endpoint.away_since = True, None
        self._carry([events.Record({"event": "taken-up", "state": self.session.state, "reason": "defect"})])
        self.session.relay = self.link.up
        self.touch()

    def note(self, public: dict[str, object]) -> None:
        """Put a fact of the doors into the log."""
        self._carry([events.Record(public)])

    def now(self) -> datetime:
        """The instant rights are asked for."""
        return self._clock.now()

    def close_resource(self, resource: str) -> None:
        """Have the media process close a resource."""
        self.link.send(commands.Withdraw(resource=resource))
        self.resources.remove(resource)
        self.cameras.let_go(resource)

    # Effects

    def _carry(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case events.Record():
                    self._record(effect)
                case events.Republish():
                    self._record(events.Record({"event": "republish"}))
                    self._tell(effect, frozenset(p.endpoint for p in self.places))
                case events.Tell() | events.Say() | events.Warn():
                    self._tell(effect, getattr(effect, "to", None))
                case events.Deny():
                    self._deny(effect)
                case events.Dismiss():
                    self._dismiss(effect)
                case events.AskTime(endpoint, minutes):
                    self._ask(endpoint, minutes)
                case events.ArmRecorder():
                    self._arm(effect)
                case events.ClaimTime():
                    self.spawn(self._claim_time(self))
                case events.AskService():
                    place = self.places.get(effect.by)
                    if place is not None:
                        self.spawn(self._outside(self, replace(effect, by=place.principal.id)))
                case events.RemoveStills():
                    self.spawn(self._outside(self, effect))
                case events.CallPost():
                    self._count("help")
                case events.Finish():
                    self._finish()
                case _:
                    self._command(effect)

    def _command(self, effect: Effect) -> None:
        if isinstance(effect, events.RemoveMedia):
            self.resources.forget(effect.endpoint)
        command = command_for(effect, self.session, self.facts, self.resources, self._clock.now())
        if command is not None:
            self.link.send(command)

    def _arm(self, arm: events.ArmRecorder) -> None:
        """Ask for a recorder; the first time only once the beginning is written down.

        So a session whose media ever flowed never comes back from a crash as one that nobody had begun.
        """
        if self.session.state is State.ARMING and self.session.started is None:
            self.spawn(self._arm_when_written(arm))
        else:
            self._command(arm)

    async def _arm_when_written(self, arm: events.ArmRecorder) -> None:
        await self.keeper.drained()
        if not self.over and self.session.state is State.ARMING and self.session.record is Chain.ARMING:
            self._command(arm)

    def _record(self, record: events.Record) -> None:
        self.log.add(record)
        told = for_ledger(record.public)
        if told is not None:
            place = self.places.get(told.by)
            self.keeper.add(replace(told, by=place.principal.id if place else "system"))
        if record.public["event"] == "state":
            self._keep_standing()

    def _keep_standing(self) -> None:
        session = self.session
        state = "closing" if session.state is State.ENDED else session.state.value
        self.keeper.add(Standing({"state": state, "reason": session.reason, "started": session.started}))
        if session.state is State.LIVE:
            self.keeper.add(Course.STARTED)

    def _finish(self) -> None:
        session, now = self.session, self._clock.now()
        recorded = session.kind.recording is Recording.CLEAR and (session.started or session.digest) is not None
        values = {
            "state": "ended",
            "reason": session.reason,
            "started": session.started,
            "ended": session.ended,
            "digest": session.digest,
        }
        self.keeper.add(Standing(values, finalize=self.facts.recording if recorded else None))
        if session.reason not in ("not-started", "cancelled"):
            self.keeper.add(Course.ENDED)
        for place in self.places:
            if place.connection is not None:
                place.connection.offer(
                    messages.Ended(
                        number=self.log.number,
                        at=session.ended or now,
                        reason=session.reason,
                        reason_text=self._reason(place),
                        digest=session.digest,
                    )
                )
                place.connection.close(Close.ENDED)
        self.over = True
        self._count("ended")

    def _reason(self, place: Place) -> str:
        endpoint = self.session.presence.get(place.endpoint)
        assert place.connection is not None
        return views.reason_text(self.session, endpoint, place.connection.texts) if endpoint else ""

    # Telling

    def _tell(self, effect: Tellable, to: frozenset[str] | None) -> None:
        everybody = frozenset(e.id for e in self.session.presence.admitted())
        told = Told(self.log.number, self._clock.now(), effect, everybody if to is None else to)
        self._memory.add(told)
        for place in self.places:
            if place.endpoint in told.to and place.connection is not None:
                place.connection.offer(message(told, place.connection.texts, self.zone))

    def _deny(self, deny: events.Deny) -> None:
        place = self.places.get(deny.endpoint)
        if place is not None and place.connection is not None:
            self._count("denied")
            locale = place.connection.texts.locale
            text = sentence(deny.text, deny.values, locale, now=self._clock.now(), zone=self.zone)
            place.connection.offer(messages.Refused(code=deny.code, text=text))

    def _dismiss(self, dismiss: events.Dismiss) -> None:
        place = self.places.get(dismiss.endpoint)
        if place is None:
            return
        self.places.bar(place)
        self.keeper.add(place.kept())
        if place.connection is not None:
            if dismiss.text:
                text = place.connection.texts(dismiss.text)
                place.connection.offer(messages.Refused(code=dismiss.code, text=text))
            place.connection.close(_DISMISSED.get(dismiss.code, Close.SENT_AWAY))
            place.connection = None

    def _tell_durable(self, event: events.DurableUntil) -> None:
        if self.session.kind.recording is not Recording.CLEAR:
            return
        for endpoint in self.session.presence.admitted():
            place = self.places.get(endpoint.id)
            if place is not None and place.connection is not None:
                place.connection.offer(messages.Durable(until=event.until))

    def touch(self) -> None:
        """Have everybody's view sent once the present turn of the loop is over."""
        if not self._dirty and not self.over:
            self._dirty = True
            asyncio.get_running_loop().call_soon(self._send_views)

    def _send_views(self) -> None:
        self._dirty = False
        if self.over:
            return
        now = self._clock.now()
        for place in self.places:
            endpoint = self.session.presence.get(place.endpoint)
            if endpoint is None or place.connection is None or endpoint.standing is Stands.LEFT:
                continue
            texts = place.connection.texts
            place.connection.offer(views.view(self.session, endpoint, self.log.number, texts, now))

    def _ask(self, endpoint: str, minutes: int) -> None:
        place = self.places.get(endpoint)
        if place is None or len(self._tasks) >= 4:
            return
        self.spawn(self._ask_time(self, place, minutes))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that may have to wait."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_DISMISSED = {"left": Close.LEFT, "withdrawn": Close.DENIED}
