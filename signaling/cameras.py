"""The cameras of the rooms of one live session: which are to be connected, which let go, and by what each stands.

A camera is a further publication of its room's endpoint, ``close`` or ``wide``, and follows its rights: connected while
the endpoint may publish, gone when it may not. Kinds that are not recorded in the clear take none: no clear sink in a
visit (LV-3). Decides without waiting; ``Live`` carries out what ``due`` returns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cases.kinds import EndpointRole
from people.cameras import Camera, View, Way
from signaling import events, messages
from signaling.events import Effect, Record, Tell
from signaling.presence import Endpoint
from signaling.resources import Resources
from signaling.rights import may_publish
from signaling.states import State

if TYPE_CHECKING:
    from signaling.session import Session

VIEWS = frozenset(view.value for view in View)
"""Publications that are cameras of a room."""
RETRIES = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 20, 30))
"""How long to wait before the second, third, … try to read a camera; the last again and again."""


def stand(session: "Session", room: str) -> Endpoint | None:
    """The endpoint under which a camera of ``room`` can be published now, or ``None``: the terminal is not in, may not
    publish, or the kind takes no camera of a room."""
    if not session.kind.takes_room_cameras:
        return None
    there = (one for one in session.presence if one.room == room and one.role is EndpointRole.ROOM)
    return next((endpoint for endpoint in there if may_publish(session, endpoint)), None)


# What the session makes of them

_TEXTS: dict[tuple[str, bool], str] = {
    ("close", False): "The close view of {label} is away.",
    ("wide", False): "The wide view of {label} is away.",
    ("close", True): "The close view of {label} is back.",
    ("wide", True): "The wide view of {label} is back.",
}


def take(session: "Session", event: events.CamerasKnown | events.CameraAway | events.CameraRefused) -> list[Effect]:
    """What is known of the cameras changes; one could not be connected; one tried to get in where none may."""
    match event:
        case events.CamerasKnown(cameras):
            session.cameras = cameras
            entry = [{"camera": c.id, "room": c.room, "view": c.view, "way": c.way} for c in cameras]
            return [Record({"event": "cameras", "cameras": entry})]
        case events.CameraRefused(camera):
            return [Record({"event": "camera-refused", "camera": camera.id, "room": camera.room, "view": camera.view})]
        case events.CameraAway(endpoint_id, view):
            endpoint = session.presence.get(endpoint_id)
            away = endpoint is not None and view not in endpoint.publications
            return told(session, endpoint, view, there=False) if endpoint and away else []


def told(session: "Session", endpoint: Endpoint, view: str, *, there: bool) -> list[Effect]:
    """A view of a room is away, or back: a line in the log and a word to those present, once each."""
    if (view in endpoint.lost_views) != there or session.state is State.ENDED or not endpoint.in_room:
        return []
    (endpoint.lost_views.discard if there else endpoint.lost_views.add)(view)
    entry = Record({"event": "camera-back" if there else "camera-away", "endpoint": endpoint.id, "view": view})
    level: events.Level = "info" if there else "warn"
    code = f"{view}-{'back' if there else 'away'}"
    return [entry, Tell(level, code, _TEXTS[view, there], {"label": endpoint.shown_label})]


def shown(session: "Session", endpoint: Endpoint) -> tuple[messages.CameraView, ...]:
    """The cameras of an endpoint's room, as those present may see them."""
    if not session.kind.takes_room_cameras or endpoint.role is not EndpointRole.ROOM:
        return ()
    return tuple(
        messages.CameraView(
            view=camera.view.value,
            way=camera.way.value,
            state="on" if _is_on(endpoint, camera.view.value) else "away",
            line=endpoint.camera_lines.get(camera.view.value) if camera.view in endpoint.publications else None,
        )
        for camera in session.cameras
        if camera.room == endpoint.room
    )


def _is_on(endpoint: Endpoint, view: str) -> bool:
    return view in endpoint.publications and view not in endpoint.lost_views


# Which are connected


@dataclass(frozen=True, slots=True)
class Held:
    """What a camera is connected by: as it was when it came, so that another key or address is noticed."""

    camera: Camera
    endpoint: str
    resource: str


@dataclass(frozen=True, slots=True)
class Attach:
    """Have the media process read a camera."""

    camera: Camera
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class LetGo:
    """Close a camera's resource."""

    resource: str


class Cameras:
    """The cameras of one session. ``known`` are those in use in its rooms."""

    def __init__(self) -> None:
        self.known: tuple[Camera, ...] = ()
        self.closed: frozenset[str] = frozenset()
        """Rooms in which somebody now sits in a session that takes no camera, whatever else is open there."""
        self._held: dict[str, Held] = {}
        self._asking: set[str] = set()
        self._tries: dict[str, int] = {}
        self._not_before: dict[str, datetime] = {}
        self.refused: set[str] = set()
        """Cameras whose attempt to get into a session that takes none is in the log."""

    def stand(self, session: "Session", room: str) -> Endpoint | None:
        """``stand``, unless the room is closed to cameras."""
        return stand(session, room) if room not in self.closed else None

    def due(self, session: "Session", resources: Resources, now: datetime) -> list[Attach | LetGo]:
        """What is to be done now."""
        return [*self._let_go(session, resources), *self._attach(session, now)]

    def _let_go(self, session: "Session", resources: Resources) -> Iterable[LetGo]:
        """Whatever lost its right, and whatever nobody answers for: left by a process before this one."""
        known = {camera.id: camera for camera in self.known}
        for held in self._held.values():
            now_known = known.get(held.camera.id)
            same = now_known is not None and now_known.proof == held.camera.proof
            endpoint = self.stand(session, held.camera.room)
            if not same or endpoint is None or endpoint.id != held.endpoint:
                yield LetGo(held.resource)
        answered_for = {(held.endpoint, held.camera.view.value) for held in self._held.values()}
        for resource in resources.of_publications(VIEWS):
            if (resource.endpoint, resource.publication) not in answered_for:
                yield LetGo(resource.id)

    def _attach(self, session: "Session", now: datetime) -> Iterable[Attach]:
        for camera in self.known:
            if camera.way is not Way.RTSP or camera.id in self._held or camera.id in self._asking:
                continue
            endpoint = self.stand(session, camera.room)
            if endpoint is not None and session.relay and now >= self._not_before.get(camera.id, now):
                yield Attach(camera, endpoint)

    # What became of it

    def asking(self, camera: Camera) -> None:
        """The media process is being asked for a camera."""
        self._asking.add(camera.id)

    def attached(self, camera: Camera, endpoint: str, resource: str) -> None:
        """A camera is connected by a resource, or about to be."""
        self._asking.discard(camera.id)
        self._held[camera.id] = Held(camera, endpoint, resource)

    def failed(self, camera: Camera, now: datetime) -> None:
        """A camera is away: the next try comes later than the one before."""
        self._asking.discard(camera.id)
        tries = self._tries.get(camera.id, 0)
        self._tries[camera.id] = tries + 1
        self._not_before[camera.id] = now + RETRIES[min(tries, len(RETRIES) - 1)]

    def seen(self, endpoint: str, view: str) -> None:
        """A picture came: the next failure is a first one again."""
        for held in self._held.values():
            if (held.endpoint, held.camera.view.value) == (endpoint, view):
                self._tries.pop(held.camera.id, None)

    def gone(self, resource: str, now: datetime) -> Held | None:
        """A resource is closed; the camera that stood by it, if one did."""
        held = next((held for held in self._held.values() if held.resource == resource), None)
        if held is not None:
            del self._held[held.camera.id]
            self.failed(held.camera, now)
        return held

    def let_go(self, resource: str) -> None:
        """A camera's resource is closed by us: it may come again at once."""
        for camera in [held.camera.id for held in self._held.values() if held.resource == resource]:
            del self._held[camera]

    def holds(self, camera: Camera) -> bool:
        """Whether a stream of the camera, by its present key, is taken."""
        held = self._held.get(camera.id)
        return held is not None and held.camera.proof == camera.proof

    def by_key(self, resource: str) -> Held | None:
        """By what an encoder's camera stands, for the holder of its key."""
        found = (held for held in self._held.values() if held.resource == resource)
        return next((held for held in found if held.camera.way is Way.WHIP), None)

    def clear(self) -> None:
        """The media process holds nothing any more."""
        self._held.clear()
        self._not_before.clear()
        self._tries.clear()
