"""A media process without its door: takes commands, gives events, owns sockets and sessions.

``server.py`` puts a Unix-domain socket before it; tests and the open benchmark call it directly.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from core.clock import Clock
from core.errors import OperatorError, PeerError
from core.ids import new_id
from media import commands, taping
from media.admission import Load
from media.answers import candidates
from media.cameras import Cameras
from media.commands import Answered, Closed, Command, Hello, Measured, RecorderFailed, Rejected
from media.config import MediaSettings, parse_address
from media.counters import Counters
from media.endpoint import UdpPort, bind_udp, local_addresses
from media.feedback import Feedback
from media.guard import Guard
from media.ports import Recorders, RecordingSpec, Sink
from media.rebinding import Rebinding
from media.relay import Relay
from media.resources import Resources
from media.sessions import Emit, Session
from media.switchboard import Switchboard
from media.taping import Hooks, Taping
from media.tcp import TcpPort
from media.transports import Transports
from media.upkeep import PERIOD_S, Upkeep

log = structlog.get_logger()

ABANDONED_NS = 900_000_000_000
"""A session that no web process controls and nobody is connected to is let go after this long."""


MAX_REFUSED = 1_000

Asked = commands.Publish | commands.Subscribe | commands.Echo | commands.Restart | commands.AttachCamera
"""Commands that are answered by ``Answered`` or ``Rejected``."""


class MediaService:
    """The relay as a whole. Everything runs on the loop that called ``start``."""

    def __init__(self, settings: MediaSettings, recorders: Recorders, clock: Clock) -> None:
        self.boot = new_id()
        self.counters = Counters()
        self.sessions: dict[str, Session] = {}
        self.port = settings.port
        self._settings = settings
        self._recorders = recorders
        self._clock = clock
        self.load = Load()
        self._refused: dict[str, str] = {}
        """Sessions not taken, with the reason; their publishers are told the same."""
        self._forwarded_before = 0
        self._ports: list[UdpPort | TcpPort] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._tick: asyncio.TimerHandle | None = None
        self.relay = Relay(clock, self.counters, settings.limits)
        self.feedback = Feedback(self.relay, clock, self.counters, settings.limits)
        self.switchboard = Switchboard(self.relay, self.feedback, clock, self.counters)
        self.transports = Transports(clock, self.counters, settings.limits.handshakes_per_second)
        self.rebinding = Rebinding(self.relay, self.transports, self.counters)
        self.resources = Resources(self.transports, self.switchboard, self.feedback, clock, settings.limits)
        self.resources.turn_addresses = frozenset(settings.turn_addresses)
        self.cameras = Cameras(self.resources, self.relay, clock, settings.camera_networks)
        self._upkeep = Upkeep(self.resources, self.switchboard, self.feedback, self.transports, clock, self.counters)

    # Life

    async def start(self) -> None:
        """Listen; raise ``OperatorError`` when a port or address cannot be had."""
        hosts = self._settings.bind or tuple(local_addresses(loopback=self._settings.loopback))
        await self._listen(hosts)
        if not self._ports:
            raise OperatorError("the media process has no address to listen on")
        public = [parse_address(text) for text in self._settings.public or hosts]
        self.resources.candidates = candidates([(host, port or self.port) for host, port in public], tcp=True)
        self._expected = asyncio.get_running_loop().time() + PERIOD_S
        self._tick = asyncio.get_running_loop().call_at(self._expected, self._on_tick)
        log.info("the relay listens", hosts=hosts, port=self.port)

    async def _listen(self, hosts: tuple[str, ...]) -> None:
        """Open UDP and TCP on every address, all on one port; a free one must be free everywhere."""
        for attempt in range(1 if self._settings.port else 20, 0, -1):
            try:
                await self._listen_once(hosts)
            except OperatorError:
                self._close_ports()
                if attempt == 1:
                    raise
            else:
                return

    async def _listen_once(self, hosts: tuple[str, ...]) -> None:
        taker = Guard(self.relay, self.transports, self.rebinding, self.resources, self.counters)
        self.port = self._settings.port
        for host in hosts:
            sock = bind_udp(host, self.port)
            self.port = self.port or sock.getsockname()[1]
            self._ports.append(UdpPort(sock, taker, self._clock, self.counters))
            tcp = TcpPort(taker, self.transports, self._clock, self.counters)
            self._ports.append(tcp)
            await tcp.open(host, self.port)

    def _close_ports(self) -> None:
        for port in self._ports:
            port.close()
        self._ports.clear()

    async def stop(self) -> None:
        """Suspend all sessions: takes end, chains stay open for the next process. Then close the sockets."""
        if self._tick is not None:
            self._tick.cancel()
        await asyncio.gather(*(self._suspend(session) for session in tuple(self.sessions.values())))
        for resource in tuple(self.resources.all.values()):
            self.resources.close(resource, "closed")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        await self.cameras.stop()
        self.feedback.close()
        self._close_ports()

    def _on_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self.counters.loop_lag_ms = max(0.0, (loop.time() - self._expected) * 1000)
        self._expected = loop.time() + PERIOD_S
        self._tick = loop.call_at(self._expected, self._on_tick)
        self._upkeep.tick(self.sessions.values())
        self._note_load()
        self._drop_abandoned()

    def _note_load(self) -> None:
        forwarded, self._forwarded_before = self.counters.forwarded - self._forwarded_before, self.counters.forwarded
        now = self._clock.now()
        behind = [
            (now - session.taping.durable_at).total_seconds() * 1000
            for session in self.sessions.values()
            if session.recorded and session.taping and session.taping.durable_at
        ]
        self.load.note(self.counters.loop_lag_ms, forwarded / PERIOD_S, max(behind, default=0.0), len(self.sessions))
        news = self.load.news(self._settings.limits)
        if news:
            log.warning("this media process takes no new sessions, so that those it has do not suffer", reason=news)
        elif news is not None:
            log.info("this media process takes new sessions again")

    def _drop_abandoned(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for session in tuple(self.sessions.values()):
            if session.owner is None and not session.resources and now_ns - session.unowned_ns > ABANDONED_NS:
                self._spawn(self._suspend(session))

    def metrics(self) -> str:
        """Return the metrics in the Prometheus text format."""
        resources = self.resources.all.values()
        gauges = {
            "sessions": len(self.sessions),
            "resources": len(self.resources.all),
            "connected": sum(resource.connected for resource in resources),
            "streams": sum(len(resource.peer.streams) for resource in resources if resource.connected),
            "loop_lag_smoothed_milliseconds": self.load.lag_ms,
            "forwarded_per_second": self.load.packets_per_second,
            "disk_lag_milliseconds": self.load.disk_lag_ms,
            "refuses_sessions": float(self.load.refusal(self._settings.limits) is not None),
            "recordings": sum(session.recorded for session in self.sessions.values()),
        }
        return self.counters.text(gauges)

    # Connections of web processes

    def connect(self, emit: Emit) -> None:
        """A web process is here: say which process this is and what it holds."""
        emit(Hello(boot=self.boot, sessions=tuple(self.sessions)))

    def disconnect(self, emit: Emit) -> None:
        """A web process is gone: stop forwarding for its sessions at once; recording goes on."""
        for session in self.sessions.values():
            if session.owner == emit:
                session.owner = None
                session.unowned_ns = self._clock.monotonic_ns()
                session.forwarding = False
                self.switchboard.route_all(session)
        for resource in tuple(self.resources.all.values()):
            if resource.kind == "echo" and resource.emit == emit:
                self.resources.close(resource, "closed")

    # Commands

    def handle(self, command: Command, emit: Emit) -> None:
        """Carry out one command; answers go to ``emit``, and events of its sessions to whoever owns them."""
        match command:
            case commands.OpenSession():
                self._open_session(command, emit)
            case (
                commands.Publish()
                | commands.Subscribe()
                | commands.Echo()
                | commands.Restart()
                | commands.AttachCamera()
            ):
                self._negotiate(command, emit)
            case commands.Withdraw():
                self._withdraw(command.resource, emit)
            case commands.Prefer():
                self._prefer(command, emit)
            case commands.Measure():
                emit(Measured(request=command.request, text=self.metrics()))
            case commands.CloseSession():
                self._spawn(self._close_named(command, emit))
            case _:
                session = self._owned(command.session, emit)
                if session is not None:
                    self._in_session(session, command)
                elif isinstance(command, commands.Arm) and command.session in self._refused:
                    emit(RecorderFailed(session=command.session, recording=command.recording, code="overloaded"))

    def _owned(self, name: str, emit: Emit) -> Session | None:
        """The session, when this connection controls it."""
        session = self.sessions.get(name)
        return session if session is not None and session.owner == emit else None

    def _open_session(self, command: commands.OpenSession, emit: Emit) -> None:
        session = self.sessions.get(command.session)
        if session is None:
            refusal = self.load.refusal(self._settings.limits)
            if refusal is not None:
                self._refuse(command.session, refusal)
                return
            self._refused.pop(command.session, None)
            session = Session(command.session, command.video, command.audio_level, emit)
            self.sessions[session.id] = session
            return
        session.owner, session.unowned_ns = emit, 0
        self._tell_all(session)

    def _refuse(self, name: str, refusal: str) -> None:
        log.warning("a new session is refused", session=name, reason=refusal)
        self.counters.dropped["session-refused"] += 1
        self._refused[name] = refusal
        while len(self._refused) > MAX_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _tell_all(self, session: Session) -> None:
        """Repeat to a web process that adopts the session what stands."""
        for resource in session.resources.values():
            if resource.connected:
                self.resources.tell_connected(resource)
        for publication in session.publications.values():
            if publication.announced:
                kinds = tuple(sorted(publication.codecs))
                session.emit(
                    commands.Published(
                        session=session.id, endpoint=publication.endpoint, publication=publication.name, kinds=kinds
                    )
                )
                for kind in tuple(publication.silent):
                    self.switchboard.silence_changed(publication, kind, silent=True)
        if session.taping is not None:
            session.taping.announce()

    def _negotiate(self, command: Asked, emit: Emit) -> None:
        try:
            answered = self._answered(command, emit)
        except PeerError as error:
            emit(Rejected(request=command.request, code=error.code, reason=error.text))
            return
        emit(Answered(request=command.request, resource=answered.resource, answer=answered.answer, etag=answered.etag))

    def _answered(self, command: Asked, emit: Emit) -> Answered:
        if isinstance(command, commands.Echo):
            return self.resources.echo(command.check, emit, command.offer)
        if isinstance(command, commands.Restart):
            resource = self.resources.all.get(command.resource)
            if resource is None or (resource.session and resource.session.owner != emit):
                raise PeerError("no-publication", "no such resource")
            return self.resources.restart(resource, command.fragment)
        session = self._owned(command.session, emit)
        if session is None and command.session in self._refused:
            raise PeerError("overloaded", self._refused[command.session])
        if session is None:
            raise PeerError("no-session", "no such session")
        if isinstance(command, commands.AttachCamera):
            resource = self.cameras.attach(
                session, command.endpoint, command.publication, command.role, command.address
            )
            return Answered(request="", resource=resource.id, answer="", etag="")
        if isinstance(command, commands.Publish):
            return self.resources.publish(session, command.endpoint, command.publication, command.role, command.offer)
        publication = session.publications.get((command.source, command.publication))
        if publication is None or not (publication.resource or publication.pending):
            raise PeerError("no-publication", "nothing is published there")
        return self.resources.subscribe(session, command.endpoint, publication, command.offer)

    def _prefer(self, command: commands.Prefer, emit: Emit) -> None:
        resource = self.resources.all.get(command.resource)
        if resource is None or resource.publication is None or resource.publication.session.owner != emit:
            return
        for flow in resource.flows:
            flow.small = command.layer == "small"
        self.switchboard.route(resource.publication)

    def _withdraw(self, name: str, emit: Emit) -> None:
        resource = self.resources.all.get(name)
        if resource is not None and (resource.session is None or resource.session.owner == emit):
            self.resources.close(resource, "withdrawn")

    def _in_session(
        self,
        session: Session,
        command: commands.Arm | commands.Forward | commands.Silence | commands.Remove | commands.Log,
    ) -> None:
        match command:
            case commands.Arm():
                spec = RecordingSpec(
                    command.recording,
                    session.id,
                    command.kind,
                    command.policy,
                    command.planned_seconds,
                    command.checkpoint,
                )
                self._spawn(self._taping(session).arm(self._recorders, spec))
            case commands.Log():
                self._taping(session).log(command)
            case commands.Forward():
                session.forwarding = command.on and not session.recorder_broken
                self.switchboard.route_all(session)
            case commands.Silence():
                publication = session.publications.get((command.endpoint, command.publication))
                if publication is not None:
                    (publication.silenced.add if command.on else publication.silenced.discard)(command.kind)
                    self.switchboard.route(publication)
            case commands.Remove():
                for resource in tuple(session.resources.values()):
                    if resource.endpoint == command.endpoint:
                        self.resources.close(resource, "removed")

    def _taping(self, session: Session) -> Taping:
        if session.taping is None:

            def ready() -> None:
                self.switchboard.attach_all(session)

            def broke(sink: Sink | None) -> None:
                if sink is not None:
                    self.switchboard.detach_all(session, sink)
                session.forwarding = False
                self.switchboard.route_all(session)

            session.taping = Taping(session.id, Hooks(session.emit, ready, broke))
        return session.taping

    async def _close_named(self, command: commands.CloseSession, emit: Emit) -> None:
        session = self.sessions.get(command.session)
        if session is None:
            emit(Closed(session=command.session, recording=None, **taping.describe(None)))
        elif session.owner == emit:
            await self._close(session, command.reason)

    async def _suspend(self, session: Session) -> None:
        """Let go of a session that is not over: whoever opens it again records on in a new take."""
        if self._dissolve(session) and session.taping:
            await session.taping.suspend()

    def _dissolve(self, session: Session) -> bool:
        """Close resources first, so that the last packet is in the chain before it ends. False: already gone."""
        if self.sessions.pop(session.id, None) is None:
            return False
        for resource in tuple(session.resources.values()):
            self.resources.close(resource, "closed")
        return True

    async def _close(self, session: Session, reason: str) -> None:
        if not self._dissolve(session):
            return
        closing = await session.taping.close(reason) if session.taping else None
        spec = session.taping.spec if session.taping else None
        session.emit(Closed(session=session.id, recording=spec.recording if spec else None, **taping.describe(closing)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a media command failed", exc_info=task.exception())
