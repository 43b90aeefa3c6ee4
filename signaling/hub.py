"""All live sessions of one web process: opened, taken up again after a crash, owned by one task each, let go.

Pages use ``snapshot``, ``custody_changed``, ``window_changed``, ``end``; the doors in ``http`` use the rest.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from core import ledger
from core.clock import Clock
from core.config import Settings
from core.database import Database
from core.errors import PersonError, Unavailable
from core.ids import hash_secret
from core.refusals import Refused
from core.vault import Vault
from media import commands
from people import identities, logins, screening, stills
from people.counters import counters_of
from people.throttle import Throttle
from people.verification import NO_ANSWER, Claim, Manual, Verifier
from people.withdrawal import looks
from scheduler.roster import Roster
from signaling import events, store
from signaling.commanding import Facts
from signaling.connection import Close
from signaling.desk import Desk, belongs
from signaling.echoes import Echoes
from signaling.events import AskService, RemoveStills, ServiceAnswered
from signaling.keeping import Keeper
from signaling.link import Link, MediaLink
from signaling.live import Live
from signaling.metrics import Metrics
from signaling.models import LiveSession
from signaling.places import Place
from signaling.restore import restore
from signaling.roomcameras import RoomWatch
from signaling.session import Session, carried
from signaling.snapshot import SessionSnapshot, snapshot
from signaling.states import State
from signaling.turn import Turn

log = structlog.get_logger()

TICK = 0.25
"""Seconds between two looks at the clock."""
TOUCH = 60.0
"""Seconds between two notes that the logins of those connected are in use, so that a long session signs nobody out."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the live side of this process is."""

    media: tuple[bool, ...]
    """Per media process: connected."""
    sessions: int
    connections: int
    backlog: int
    """Changes that wait for the database."""


class Hub:
    """The live sessions of this process. ``start`` before the doors open, ``stop`` after they are shut."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        links: Sequence[Link] | None = None,
        turn: Turn | None = None,
        verifier: Verifier | None = None,
        vault: Vault | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.turn = turn
        self.desk = Desk(database, clock)
        self.verifier = verifier or Manual()
        self.metrics = Metrics()
        self.echoes = Echoes()
        self.throttle = Throttle(counters_of(settings))
        self.database = database
        self._node = hash_secret(f"{socket.gethostname()}:{settings.data_dir.resolve()}")[:32]
        self._lives: dict[str, Live] = {}
        self.rooms = RoomWatch(database, vault, self._lives)
        self._holds: dict[int, frozenset[str]] = {}
        """Per media process: the sessions it held when it was connected."""
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._own_links: list[MediaLink] = []
        self.links: Sequence[Link] = links if links is not None else self._make_links()

    def _make_links(self) -> Sequence[Link]:
        self._own_links = [
            MediaLink(
                number,
                self.settings.run_dir / f"media-{number}.sock",
                on_up=self.link_up,
                on_down=self.link_down,
                on_event=self.link_event,
            )
            for number in range(self.settings.media_processes)
        ]
        return self._own_links

    # Life

    async def start(self) -> None:
        """Connect to the media processes and take up the sessions a process before us left."""
        for link in self._own_links:
            self._spawn(link.run())
        await self._take_up()
        self._spawn(self._withdraw())
        self._spawn(self._touch())

    async def stop(self) -> None:
        """Close every connection so that it comes back, and write what is left to write. Sessions stay as they are."""
        lives = list(self._lives.values())
        for live in lives:
            live.dismiss_all(Close.RESTART)
        for live in lives:
            try:
                await asyncio.wait_for(live.keeper.release(), 5)
            except Exception:  # the others are still to be written
                log.exception("a session's log could not be written before the stop", session=live.id)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of live sessions died", error=type(error).__name__, exc_info=error)

    async def _take_up(self) -> None:
        now = self.clock.now()
        async with self.database.transaction(write=False) as tx:
            rows = await store.unended(tx, self._node, now)
        for row in rows:
            try:
                await self._restore(row.id, row.kind, row.media)
            except PersonError as error:
                log.error("a session could not be taken up again", session=row.id, code=error.code)
            except Exception:  # one session that cannot be restored must not keep all others down
                log.exception("a session could not be taken up again", session=row.id)

    async def _restore(self, session: str, kind: str, media: int) -> None:
        roster = await self.desk.roster(session)
        if roster is None:
            return
        now = self.clock.now()
        async with self.database.transaction() as tx:
            row, _ = await store.take(tx, session, kind=kind, owner=self._node, media=media, now=now)
            entries = await store.entries(tx, session)
            checkpoint = await ledger.newest_checkpoint(tx)
            known = await store.endpoints(tx, session)
            found = [
                (endpoint, await identities.find(tx, now, endpoint.principal_kind, endpoint.principal, endpoint.login))
                for endpoint in known
            ]
        live = self._make(restore(roster, entries, now), row, checkpoint)
        for endpoint, principal in found:
            live.places.adopt(endpoint, principal)
        live.take_up(entries)
        self._own(live)
        log.info("a session was taken up again", session=session, state=live.session.state.value)
        live.reach(fresh=session not in self._held_by(live.link))

    # Sessions

    def get(self, session: str) -> Live | None:
        """The live session, when this process runs it."""
        return self._lives.get(session)

    def is_running(self, session: str) -> bool:
        """Whether the session has begun and its record is not over: those who belong may return past its slot."""
        live = self._lives.get(session)
        if live is None:
            return False
        return live.session.state in (State.ARMING, State.LIVE, State.HELD) or live.session.awaits_return

    async def open(self, roster: Roster) -> Live:
        """The live session of a booking, made when the first endpoint comes. Raises ``Conflict``, ``Unavailable``."""
        async with self._opening:
            live = self._lives.get(roster.session)
            if live is not None:
                return live
            number = self._choose()
            now = self.clock.now()
            async with self.database.transaction() as tx:
                row, new = await store.take(
                    tx, roster.session, kind=roster.kind, owner=self._node, media=number, now=now
                )
                checkpoint = await ledger.newest_checkpoint(tx)
            if not new:
                await self._restore(roster.session, roster.kind, row.media)
                return self._lives[roster.session]
            live = self._make(Session(roster, now), row, checkpoint)
            self._own(live)
            live.open()
            self.metrics.count("opened")
            return live

    def _make(self, session: Session, row: LiveSession, checkpoint: str) -> Live:
        link = self.links[row.media % len(self.links)]
        live_id = row.id

        def lost() -> None:
            log.error("another process has taken a session over", session=live_id)
            live.over = True
            live.dismiss_all(Close.RESTART)

        keeper = Keeper(self.database, self.clock, row.id, row.fence, lost)
        live = Live(
            session,
            Facts(row.recording, row.media, checkpoint),
            link,
            keeper,
            self.clock,
            ask_time=self._ask_time,
            claim_time=self._claim_time,
            outside=self._outside,
            address_of=self.rooms.address_of,
            count=self.metrics.count,
            turn=self.turn,
        )
        return live

    def _choose(self) -> int:
        """The connected media process with the fewest sessions."""
        load = {link.number: 0 for link in self.links}
        for live in self._lives.values():
            load[live.link.number] += 1
        up = [link.number for link in self.links if link.up] or list(load)
        return min(up, key=lambda number: load[number])

    def _own(self, live: Live) -> None:
        self._lives[live.id] = live
        self._spawn(self._run(live))

    async def _run(self, live: Live) -> None:
        """The owner task of one session: its clock and its writer, until it is over and written down."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(live.keeper.run())
                while not live.over:
                    await asyncio.sleep(TICK)
                    live.tick()
                await live.keeper.drained()
                writer.cancel()
        finally:
            self._lives.pop(live.id, None)

    async def _ask_time(self, live: Live, place: Place, minutes: int) -> None:
        """Ask the calendar; the session hears the answer as an event."""
        try:
            answer = await self.desk.extend(live.id, minutes, by=place.principal.id)
        except PersonError as error:
            live.take(events.TimeRefused(place.endpoint, error.code, error.text, error.values))
            return
        if isinstance(answer, Refused):
            live.take(events.TimeRefused(place.endpoint, answer.rule, answer.text, answer.values))
            return
        await self.window_changed(live.id)

    async def _claim_time(self, live: Live) -> None:
        """A questioning goes past its window: keep everything longer. What fails now is asked again in a minute."""
        try:
            end, waiting = await self.desk.overrun(live.id)
        except PersonError as error:
            log.warning("no time could be claimed", session=live.id, code=error.code)
            return
        live.take(events.TimeClaimed(end, waiting))
        await self.window_changed(live.id)

    async def _outside(self, live: Live, effect: AskService | RemoveStills) -> None:
        """What an identity check wants done elsewhere; whatever goes wrong with the service leaves it to officers."""
        if isinstance(effect, RemoveStills):
            await stills.withdraw(self.database, self.clock, effect.stills)
            return
        answer = NO_ANSWER
        try:
            async with self.database.transaction() as tx:
                details = {"present": effect.present, "document": effect.document}
                now = self.clock.now()
                await ledger.append(
                    tx, "identity.service-asked", actor=effect.by, subject=live.id, at=now, details=details
                )
            answer = await self.verifier.verify(Claim(effect.name, effect.document, effect.number))
        except Exception as error:  # its words and its traceback may hold the number
            log.error("the verification service gave no answer", session=live.id, error=type(error).__name__)
        live.take(ServiceAnswered(effect.present, answer.outcome.value, answer.reference))

    async def _withdraw(self) -> None:
        """Close whoever is connected and no longer may be. While the database is away nobody is."""
        async for _ in looks(self.clock, "sessions"):
            try:
                await self.withdraw_gone()
                await self.rooms.look()
            except Unavailable:
                continue
            except Exception:  # asked again in a second
                log.exception("those connected could not be looked at")

    async def withdraw_gone(self) -> None:
        """Look once at everybody in a session: who may no longer be here, and who was kept apart since both came in.

        Whoever is away counts: without a WebSocket their media would go on."""
        here = [(live, place) for live in self._lives.values() for place in live.places if live.holds(place)]
        if not here:
            return
        async with self.database.transaction(write=False) as tx:
            gone = await identities.withdrawn(tx, self.clock.now(), {place.principal for _, place in here})
            lives = {live.id: live for live, _ in here}.values()
            apart = await screening.pairs(tx, {person for live in lives for person in live.present()})
        for live, place in here:
            if place.principal in gone:
                live.withdraw(place)
        for live in lives:
            live.part(apart)

    async def _touch(self) -> None:
        """A task of its own: writing may have to wait for another writer, and nobody may stay for that (F26)."""
        while True:
            await asyncio.sleep(TOUCH)
            try:
                await self.touch()
            except Unavailable:
                continue
            except Exception:  # noted again in a minute
                log.exception("logins in use could not be noted")

    async def touch(self) -> None:
        """Note once that the logins of those connected are in use."""
        places = [place for live in self._lives.values() for place in live.places if place.connection is not None]
        used = frozenset(place.principal.login for place in places if place.principal.login is not None)
        if used:
            await logins.touch(self.database, self.clock, used)

    # Media processes

    def link_up(self, link: Link, hello: commands.Hello) -> None:
        """A media process is connected; sessions it does not hold are made anew there."""
        self._holds[link.number] = frozenset(hello.sessions)
        for live in self._of(link):
            fresh = live.id not in hello.sessions
            if fresh:
                live.resources.clear()
                live.cameras.clear()
            live.reach(fresh=fresh)

    def link_down(self, link: Link) -> None:
        for live in self._of(link):
            live.log.chained = False
            live.lose_media()

    def link_event(self, link: Link, event: commands.Event) -> None:
        live = self._lives.get(getattr(event, "session", ""))
        if live is not None and live.link is link:
            live.media(event)

    def _held_by(self, link: Link) -> frozenset[str]:
        return self._holds.get(link.number, frozenset())

    def _of(self, link: Link) -> list[Live]:
        return [live for live in self._lives.values() if live.link is link]

    # For pages

    def live_sessions(self) -> tuple[str, ...]:
        """Sessions this process runs whose rooms are on record: not ended, or the return is still to be confirmed."""
        return tuple(
            live.id
            for live in self._lives.values()
            if live.session.state is not State.ENDED or live.session.awaits_return
        )

    def snapshot(self, session: str) -> SessionSnapshot | None:
        """A session as pages may show it, or ``None`` when it does not run here."""
        live = self._lives.get(session)
        return snapshot(live.session, self.clock.now()) if live is not None else None

    async def custody_changed(self, session: str) -> None:
        """The duty post has confirmed a step."""
        await self._look_again(session)

    async def window_changed(self, session: str) -> None:
        """The booking has another window or state."""
        await self._look_again(session)

    async def _look_again(self, session: str) -> None:
        live = self._lives.get(session)
        if live is None:
            return
        roster = await self.desk.roster(session)
        if roster is None:
            return
        live.log.lay(roster.veil)
        live.take(events.RosterChanged(roster))
        for place in live.places:
            if live.holds(place) and not belongs(roster, place.principal, place.participant):
                live.withdraw(place)

    async def calls_answered(self, session: str, by: str) -> None:
        """The duty post has seen the silent calls of a session."""
        live = self._lives.get(session)
        if live is not None:
            live.take(events.CallsAnswered(by))

    async def end(self, session: str, reason: str, by: str) -> None:
        """End a session from a page."""
        live = self._lives.get(session)
        if live is not None:
            live.take(events.EndAsked(reason, by))

    @property
    def ready(self) -> bool:
        """Whether every media process is connected."""
        return all(link.up for link in self.links)

    @property
    def recordings(self) -> int:
        """How many sessions have their picture and sound recorded now."""
        sessions = [live.session for live in self._lives.values()]
        return sum(carried(one.kind.recording, one.state, one.record)[1] for one in sessions)

    def health(self) -> Health:
        lives = list(self._lives.values())
        return Health(
            media=tuple(link.up for link in self.links),
            sessions=len(lives),
            connections=sum(place.connection is not None for live in lives for place in live.places),
            backlog=sum(live.keeper.backlog for live in lives),
        )

    async def all_metrics(self) -> str:
        """Our own figures and those of the media processes, as Prometheus text."""
        parts = [self.metrics.text(self._lives.values(), sum(link.up for link in self.links))]
        for link in self.links:
            try:
                reply = await link.request(lambda request: commands.Measure(request=request))
            except Unavailable:
                continue
            if isinstance(reply, commands.Measured):
                parts.append(reply.text)
        return "".join(parts)

    def by_token(self, token: str) -> tuple[Live, Place] | None:
        """The session and endpoint of a media token."""
        for live in self._lives.values():
            place = live.places.by_token(token)
            if place is not None:
                return live, place
        return None
