"""The state machine of one live session: ``WAITING → ARMING → LIVE ⇄ HELD → ENDED``.

Pure: ``handle(event, now)`` changes the session's own state and returns what is to be done; no I/O, no clock, no
logging. Every change of state goes through ``_enter``. What is forwarded and recorded in which state of which kind is
the table ``carried``.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cases.kinds import EndpointRole, Recording
from people.cameras import Camera
from scheduler.models import State as BookingState
from scheduler.models import Step
from scheduler.roster import Roster
from signaling import asks, cameras, chain, devices, edge, events, identity
from signaling.checks import Result, Stills
from signaling.events import Effect, Event, Seat, Tell
from signaling.events import Record as Log
from signaling.lines import Lines
from signaling.presence import Endpoint, Presence, Standing
from signaling.states import MOVES, Record, State

ABANDONED = timedelta(minutes=30)
"""A held session without any connection for so long is ended."""
STATEMENT_EVERY = timedelta(minutes=1)
"""How often an attendance session states who was connected and that nothing recorded them."""
HEALS = frozenset(
    {"person-missing", "relay-lost", "relay-restarted", "server-restarted", "recorder-failed", *chain.OWN_WORDS}
)
"""Reasons of a hold that end by themselves in kinds that keep no recording: there nobody has to state why it goes on.
In recorded kinds resuming is always an act of the host."""


def carried(recording: Recording, state: State, record: Record) -> tuple[bool, bool]:
    """What the relay carries: (forwarded to the others, put into the journal)."""
    return state is State.LIVE, recording is Recording.CLEAR and record is Record.ON


class Session:
    """One live session. ``record`` is where its chain stands, ``started`` when it was first live."""

    def __init__(self, roster: Roster, now: datetime) -> None:
        self.roster = roster
        self.kind = roster.kind_entry
        self.state = State.WAITING
        self.reason = ""
        self.reason_values: Mapping[str, object] = {}
        self.since = now
        self.record = Record.OFF
        self.record_since = now
        self.durable: datetime | None = None
        self.heard: datetime | None = None
        """When the present recorder last acknowledged a second."""
        self.looked: datetime | None = None
        """When it was last asked whether anything is due."""
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.digest: str | None = None
        self.presence = Presence(self.kind)
        self.relay = False
        self.cameras: tuple[Camera, ...] = ()
        """Cameras in use in the session's rooms."""
        self.calls: dict[str, datetime] = {}
        """Endpoints whose silent call to the duty post is open."""
        self.stills: dict[str, Stills] = {}
        """Requests for still pictures by id, in the order they were made."""
        self.reminded: set[str] = set()
        """Persons of whom it was said that their identity is still open."""
        self.finished = False
        self.told_of_failure = False
        """Whether the present failure of the recorder was told: retries that fail again are not news."""
        self._warnings = edge.Warnings()
        self._claims = edge.Claims()
        self._claimed: datetime | None = None
        """The end the calendar gave by itself, which is nothing to warn of: nobody has to stop then."""
        self._stated = now
        self._lines = Lines(course=self.kind.recording is Recording.CLEAR, now=now)
        self._alone_since: datetime | None = now

    def handle(self, event: Event, now: datetime) -> list[Effect]:
        """Take one event; return the effects in the order they are to be carried out."""
        return [*self._take(event, now), *self._follow(now)]

    def _take(self, event: Event, now: datetime) -> list[Effect]:
        match event:
            case events.Asked(endpoint_id, message):
                endpoint = self.presence.get(endpoint_id)
                return asks.answer(self, endpoint, self.roster.veil.message(message), now) if endpoint else []
            case events.Joined(seat):
                return self._joined(seat, now)
            case events.Gone(endpoint_id):
                return self._gone(endpoint_id, now)
            case events.Withdrawn(endpoint_id):
                endpoint = self.presence.get(endpoint_id)
                return asks.withdraw(endpoint) if endpoint and endpoint.in_room else []
            case events.KeptApart(endpoint_id):
                return asks.keep_apart(self, endpoint_id)
            case events.RosterChanged(roster):
                return self._roster_changed(roster, now)
            case events.EndAsked(reason, by):
                return self.end(reason, now, by=by) if self.state is not State.ENDED else []
            case events.StillKept():
                return identity.still_kept(self, event)
            case events.ServiceAnswered():
                return identity.service_answered(self, event)
            case events.CallsAnswered(by):
                return asks.calls_answered(self, by)
            case events.TimeRefused(endpoint_id, code, text, values):
                return [events.Deny(endpoint_id, code, text, values)]
            case events.TimeClaimed(end, waiting):
                self._claimed = end
                return [Log({"event": "overrun", "until": end.isoformat(), "waiting": waiting})]
            case events.Tick():
                return []
            case events.LineSeen() | events.LineLost() | events.PublicationSeen() | events.TrackSilent():
                return devices.seen(self, event)
            case events.CamerasKnown() | events.CameraAway() | events.CameraRefused():
                return cameras.take(self, event)
            case _:
                return chain.take(self, event, now)

    # What follows from any event

    def _follow(self, now: datetime) -> list[Effect]:
        """Everything that is due by now, whatever happened: admission, start, absence, edges, retries."""
        effects = self._admit_custody_rooms(now)
        match self.state:
            case State.WAITING if self.kind.host is EndpointRole.POST and self.may_begin(now):
                effects += self.begin(now)
            case State.ARMING | State.LIVE if self.presence.missing(now):
                effects += self._miss(now)
            case State.HELD if self._heals(now):
                effects += self.begin(now)
        effects += self._edges(now) + chain.due(self, now) + identity.due(self, now)
        if self.state is State.LIVE and self.kind.recording is Recording.ATTENDANCE:
            effects += self._statement(now)
        if self.state is State.LIVE:
            effects += self._lines.look(self.presence.admitted(), now)
        return effects

    def _admit_custody_rooms(self, now: datetime) -> list[Effect]:
        """The duty post's steps confirm who was brought and let the room in."""
        effects: list[Effect] = []
        for endpoint in self.presence:
            if not endpoint.custody or not endpoint.in_room:
                continue
            if Step.IDENTITY_CHECKED in self.roster.steps:
                for person in endpoint.persons.values():
                    if person.how is None and person.check.result is Result.OPEN:  # a doubt is not overruled
                        effects += self.confirm(person.id, "facility", by="post")
            if endpoint.standing is Standing.WAITING and self.roster.custody_ready and not endpoint.knocks:
                effects += self.admit(endpoint, by="post")
        return effects

    def _miss(self, now: datetime) -> list[Effect]:
        """A required person is not here: hold and alarm (CPL 118, MPS 202 for officers)."""
        roles = [str(role) for role in self.presence.missing(now)]
        alarm = Tell("alarm", "person-missing", "Somebody who must be here is missing, so nothing is transmitted.")
        return [*self.hold("person-missing", now, public={"missing": roles}), alarm]

    def _heals(self, now: datetime) -> bool:
        return (
            self.kind.recording is Recording.ATTENDANCE
            and self.reason in HEALS
            and self.record is Record.ON
            and self.relay
            and not self.presence.missing(now)
        )

    def _edges(self, now: datetime) -> list[Effect]:
        if self.state is State.ENDED:
            return []
        closes = edge.hard_end(self.kind, self.roster.end, started=self.started is not None)
        if closes is not None and now >= closes:
            return self.end("window-closed" if self.started else "not-started", now)
        if self._is_abandoned(now):
            return self.end("abandoned", now)
        started = self.started is not None
        claim: list[Effect] = []
        if self._claims.due(self.kind, self.roster.end, now, started=started):
            claim = [events.ClaimTime()]
        minutes = self._warnings.due(self.roster.end, now)
        if minutes is None or not started or self.roster.end == self._claimed:
            return claim
        text = edge.warning_text(self.kind, minutes)
        return [*claim, Log({"event": "warning", "minutes": minutes}), events.Warn(minutes, text)]

    def _is_abandoned(self, now: datetime) -> bool:
        if any(e.connected for e in self.presence if e.in_room):
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        return self.started is not None and self._alone_since is not None and now - self._alone_since >= ABANDONED

    def _statement(self, now: datetime) -> list[Effect]:
        """Once a minute: who is connected, and that nothing takes their media."""
        if now - self._stated < STATEMENT_EVERY:
            return []
        self._stated = now
        here = [{"endpoint": e.id, "role": e.role} for e in self.presence.admitted() if e.is_here(now)]
        return [Log({"event": "attendance", "connected": here, "sinks": 0})]

    # The door every change of state goes through

    def _enter(
        self,
        state: State,
        now: datetime,
        reason: str = "",
        *,
        values: Mapping[str, object] | None = None,
        public: Mapping[str, Any] | None = None,
    ) -> list[Effect]:
        """Change the state: route first, so that it takes effect before anybody is told; then the log."""
        assert state in MOVES[self.state], f"{self.state} → {state}"
        before, self.state = self.state, state
        self.reason, self.reason_values, self.since = reason, dict(values or {}), now
        effects: list[Effect] = []
        if (before is State.LIVE) != (state is State.LIVE):
            effects.append(events.Forward(state is State.LIVE))
        if state is State.LIVE:
            effects += devices.silences(self)
            if self.started is None:
                self.started = self._stated = now
        if state is State.ENDED:
            self.ended = now
            effects += self._lines.ended()
        entry = {"event": "state", "from": before, "to": state, "reason": reason, **(public or {})}
        return [*effects, Log(entry, {k: str(v) for k, v in self.reason_values.items()})]

    # Acts: of people through ``asks``, of the clock through ``_follow``

    def may_begin(self, now: datetime) -> bool:
        """Whether nothing but the act itself is wanting: inside the window, everybody here, media process there."""
        return now >= self.roster.start and self.relay and not self.presence.missing(now)

    def begin(self, now: datetime) -> list[Effect]:
        """Start or go on: live at once when the chain is on, else the recorder is armed first."""
        if self.record is Record.ON:
            return self._enter(State.LIVE, now)
        effects = self._enter(State.ARMING, now)
        for endpoint in self.presence.waiting():
            endpoint.publications.clear()
            effects.append(events.RemoveMedia(endpoint.id))
        return effects if self.record is Record.ARMING else effects + chain.arm(self, now)

    def armed(self, now: datetime) -> list[Effect]:
        """The chain is on: live, when that is what was waited for and everybody is still here."""
        if self.state is not State.ARMING:
            return []
        return self._miss(now) if self.presence.missing(now) else self._enter(State.LIVE, now)

    def mark(self, record: Record, now: datetime) -> None:
        """Note where the chain stands."""
        self.record, self.record_since = record, now

    def hold(
        self,
        reason: str,
        now: datetime,
        *,
        values: Mapping[str, object] | None = None,
        public: Mapping[str, Any] | None = None,
    ) -> list[Effect]:
        """Stop forwarding and say why. The journal is not touched."""
        return self._enter(State.HELD, now, reason, values=values, public=public)

    def end(self, reason: str, now: datetime, *, by: str = "", words: str = "") -> list[Effect]:
        """End for good. The chain is closed at once, or when the person in custody is back."""
        effects = self._enter(State.ENDED, now, reason, public={"by": by} if by else {})
        if words:
            effects.append(Log({"event": "end-words"}, {"words": words}))
        if self.awaits_return and self.record in (Record.ON, Record.ARMING, Record.FAILED):
            return effects
        return effects + chain.close(self, now)

    @property
    def is_together(self) -> bool:
        """Wholly inside one room: the host's side is booked into the room of the person in custody."""
        brought = {p.room for p in self.roster.parties if p.custody_person and p.room}
        return any(p.endpoint_role is self.kind.host and p.room in brought for p in self.roster.parties)

    @property
    def awaits_return(self) -> bool:
        """After the end: the room of the person in custody stays on record until the return is confirmed."""
        recorded = self.kind.recording is Recording.CLEAR and self.started is not None
        return self.state is State.ENDED and self.kind.custody and recorded and not self.roster.returned

    def admit(self, endpoint: Endpoint, *, by: str) -> list[Effect]:
        """Let an endpoint in. A guest who said "that is me" is thereby confirmed."""
        endpoint.standing = Standing.ADMITTED
        effects: list[Effect] = [Log({"event": "admitted", "endpoint": endpoint.id, "by": by})]
        if endpoint.name_confirmed:
            for person in endpoint.persons.values():
                if person.how is None:
                    effects += self.confirm(person.id, "invitation", by=by)
        return effects

    def confirm(self, present: str, how: str, *, by: str, more: Mapping[str, str] | None = None) -> list[Effect]:
        """A person present is who was named; ``more`` says how document and face were compared."""
        found = self.presence.find(present)
        if found is None:
            return []
        entry = {"event": "person-confirmed", "present": present, "how": how, "by": by, **(more or {})}
        identity.note_confirmed(found[1], entry)
        return [Log(entry)]

    # Connections

    def _joined(self, seat: Seat, now: datetime) -> list[Effect]:
        endpoint = self.presence.get(seat.endpoint)
        if endpoint is None:
            return self._arrived(seat)
        endpoint.connected, endpoint.away_since, endpoint.line_lost = True, None, False
        if endpoint.in_room:
            return [Log({"event": "back", "endpoint": endpoint.id})]
        endpoint.knocks = endpoint.standing is Standing.SENT_AWAY or endpoint.knocks
        endpoint.standing = self._first_standing(seat, endpoint.knocks)
        return [Log({"event": "joined", "endpoint": endpoint.id, "role": seat.role, "standing": endpoint.standing})]

    def _arrived(self, seat: Seat) -> list[Effect]:
        standing = self._first_standing(seat, knocks=False)
        endpoint = self.presence.add(seat, standing)
        entry = {"event": "joined", "endpoint": seat.endpoint, "role": seat.role, "standing": standing}
        effects: list[Effect] = [Log({**entry, "room": seat.room, "custody": seat.custody}, {"label": seat.label})]
        for named in seat.persons:
            if not self.presence.is_named(named):
                effects += asks.put(self, endpoint, named)
        return effects

    def _first_standing(self, seat: Seat, knocks: bool) -> Standing:
        """Hosts and the post walk in; so does the lawyer of a visit, who meets nobody before the room is let in.

        Everybody else waits for the host, the room of a person in custody for the duty post's steps.
        """
        walks_in = seat.role is self.kind.host or (self.kind.privileged and seat.role is EndpointRole.PARTY)
        return Standing.ADMITTED if walks_in and not knocks else Standing.WAITING

    def _gone(self, endpoint_id: str, now: datetime) -> list[Effect]:
        endpoint = self.presence.get(endpoint_id)
        if endpoint is None or not endpoint.connected:
            return []
        endpoint.connected, endpoint.away_since = False, now
        return [Log({"event": "away", "endpoint": endpoint_id})] if endpoint.in_room else []

    # The booking

    def _lay_veil(self) -> None:
        """Whoever was protected since is called by the alias from now on."""
        self.presence.lay(self.roster.veil)
        self.reason_values = self.roster.veil.value(dict(self.reason_values))

    def _roster_changed(self, roster: Roster, now: datetime) -> list[Effect]:
        before, self.roster = self.roster, roster
        self._lay_veil()
        effects: list[Effect] = []
        for step, at in roster.steps.items():
            if step not in before.steps:
                effects.append(Log({"event": "custody", "step": step, "at": at.isoformat()}))
        if roster.end != before.end:
            effects.append(Log({"event": "window", "end": roster.end.isoformat()}))
        if roster.end != before.end and roster.end != self._claimed:
            effects.append(Tell("info", "window", "The session now ends at {end}.", {"end": roster.end}))
        if roster.state is BookingState.CANCELLED and self.state is State.WAITING:
            effects += self.end("cancelled", now)
        return effects
