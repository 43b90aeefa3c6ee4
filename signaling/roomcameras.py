"""Carries out what ``cameras`` decides, for one live session, and asks the database for all sessions of a process.

Which cameras are in use, by which key or address, is asked once a second, so that one put out of use or given another
key is gone within two seconds, whichever process did it.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from core.database import Database
from core.errors import OperatorError, Unavailable
from core.ids import hash_secret
from core.vault import Vault
from media import commands
from people import cameras
from people.cameras import Camera
from signaling import events
from signaling.cameras import Attach, Cameras, LetGo
from signaling.presence import Endpoint
from signaling.resources import Resource
from signaling.states import State

if TYPE_CHECKING:
    from signaling.live import Live

log = structlog.get_logger()

AddressOf = Callable[[Camera], str]
"""Opens the sealed address of a camera that is read. Raises ``OperatorError``."""


class RoomCameras(Cameras):
    """The cameras of one live session, and what is done about them."""

    def __init__(self, live: "Live", address_of: AddressOf) -> None:
        super().__init__()
        self._live = live
        self._address_of = address_of

    def know(self, found: Iterable[Camera]) -> None:
        """These cameras are in use; what is connected by an older key or address, or by none, is let go."""
        live = self._live
        rooms = {room.id for room in live.roster.rooms} if live.session.kind.takes_room_cameras else set()
        before, self.known = self.known, tuple(camera for camera in found if camera.room in rooms)
        if [_plain(camera) for camera in before] != [_plain(camera) for camera in self.known]:
            live.take(events.CamerasKnown(self.known))
        self.look_after()

    def proved(self, camera: Camera) -> None:
        """An encoder has proved that it is this camera, perhaps before the database was asked again."""
        others = [one for one in self.known if (one.room, one.view) != (camera.room, camera.view)]
        self.know(sorted([*others, camera], key=lambda one: (one.room, one.view)))

    def refuse(self, camera: Camera) -> None:
        """A camera tried to get into a session that takes none: once in the log, however often it tries."""
        if camera.id not in self.refused:
            self.refused.add(camera.id)
            self._live.take(events.CameraRefused(camera))

    def close(self, rooms: frozenset[str]) -> None:
        """Nothing of these rooms may be seen by a camera now."""
        if rooms != self.closed:
            self.closed = rooms
            self.look_after()

    def follow(self, event: commands.Event) -> None:
        """Keep up with the media process."""
        match event:
            case commands.Published(endpoint=endpoint, publication=publication):
                self.seen(endpoint, publication)
            case commands.Left(resource=resource):
                held = self.gone(resource, self._live.now())
                if held is not None:
                    self._live.take(events.CameraAway(held.endpoint, held.camera.view.value))

    def look_after(self) -> None:
        """Do what is due now."""
        live = self._live
        if live.over or not live.link.up:
            return
        for act in self.due(live.session, live.resources, live.now()):
            match act:
                case LetGo(resource):
                    live.close_resource(resource)
                case Attach(camera, endpoint):
                    self.asking(camera)
                    live.spawn(self._read(camera, endpoint))

    async def _read(self, camera: Camera, endpoint: Endpoint) -> None:
        """Have the media process read a camera; what cannot be done now is tried again later."""
        live, view = self._live, camera.view.value
        try:
            address = self._address_of(camera)
            reply = await live.link.request(
                lambda number: commands.AttachCamera(
                    request=number,
                    session=live.id,
                    endpoint=endpoint.id,
                    role=endpoint.recorded_role,
                    publication=view,
                    address=address,
                )
            )
        except (OperatorError, Unavailable) as error:
            log.error("a camera cannot be read", camera=camera.id, error=type(error).__name__)
            reply = None
        if isinstance(reply, commands.Answered):
            live.resources.add(Resource(reply.resource, endpoint.id, "publish", view, ""))
            self.attached(camera, endpoint.id, reply.resource)
            self.look_after()  # the right may have been taken away meanwhile
        else:
            if reply is not None:
                log.warning("a camera is not read", camera=camera.id, code=getattr(reply, "code", ""))
            self.failed(camera, live.now())
            live.take(events.CameraAway(endpoint.id, view))


def _plain(camera: Camera) -> tuple[str, ...]:
    """A camera as the log tells of it: another key is not another camera."""
    return camera.id, camera.room, camera.view, camera.way


class RoomWatch:
    """The rooms of all live sessions of a process: whose cameras stand where, and where none may."""

    def __init__(self, database: Database, vault: Vault | None, lives: Mapping[str, "Live"]) -> None:
        self._database = database
        self._vault = vault
        self._lives = lives

    async def look(self) -> None:
        """Look once at the cameras of every room in use: added, put out of use, given another key or address."""
        taking = [live for live in self._lives.values() if live.session.kind.takes_room_cameras]
        rooms = {room.id for live in taking for room in live.roster.rooms}
        if not rooms:
            return
        async with self._database.transaction(write=False) as tx:
            found = [cameras.known(row) for row in await cameras.in_rooms(tx, rooms)]
        for live in taking:
            live.cameras.know(found)
        self.close_rooms()

    def close_rooms(self) -> None:
        """Let go at once of every camera of a room in which somebody now sits in a session that takes none (LV-3)."""
        private = [live.session for live in self._lives.values() if not live.session.kind.takes_room_cameras]
        there = [endpoint for session in private if session.state is not State.ENDED for endpoint in session.presence]
        closed = frozenset(endpoint.room for endpoint in there if endpoint.room and endpoint.in_room)
        for live in self._lives.values():
            live.cameras.close(closed)

    def using(self, room: str) -> list["Live"]:
        """The sessions that use a room now, the newest first."""
        found = [live for live in self._lives.values() if room in {there.id for there in live.roster.rooms}]
        return sorted(found, key=lambda live: live.roster.start, reverse=True)

    async def authenticate(self, camera: str, key: str) -> Camera | None:
        """The camera of an id and a key, as ``people.cameras`` knows it."""
        return await cameras.authenticate(self._database, camera, key)

    def by_key(self, resource: str, key: str) -> "Live | None":
        """The session in which a camera with this key stands by a resource."""
        for live in self._lives.values():
            held = live.cameras.by_key(resource)
            if held is not None and hmac.compare_digest(hash_secret(key), held.camera.proof):
                return live
        return None

    def address_of(self, camera: Camera) -> str:
        """At which address a camera is read. Raises ``OperatorError``."""
        if self._vault is None:
            raise OperatorError("no secrets are open here, so no camera can be read")
        return cameras.address_of(self._vault, camera)
