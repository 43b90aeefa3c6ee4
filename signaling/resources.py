"""What the media process holds for a session: whose each resource is, and its events as events of the session."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from media import commands
from signaling import events
from signaling.messages import LineView


@dataclass(frozen=True, slots=True)
class Resource:
    """A WHIP or WHEP resource, or a camera that is read. ``purpose`` is ``None`` for one that receives and was made
    before this process took the session over."""

    id: str
    endpoint: str
    purpose: Literal["publish", "subscribe"] | None
    publication: str
    etag: str
    source: str = ""
    """Of a subscription: the endpoint whose publication it receives."""


class Resources:
    """The resources of one session."""

    def __init__(self) -> None:
        self._all: dict[str, Resource] = {}
        self._publishing: dict[tuple[str, str], str] = {}

    def get(self, resource: str) -> Resource | None:
        return self._all.get(resource)

    def add(self, resource: Resource) -> None:
        self._all[resource.id] = resource
        if resource.purpose == "publish":
            self._publishing[resource.endpoint, resource.publication] = resource.id

    def restarted(self, resource: Resource, etag: str) -> None:
        """The resource has new ICE credentials."""
        self._all[resource.id] = replace(resource, etag=etag)

    def published(self, endpoint: str, publication: str) -> str | None:
        """The resource by which an endpoint publishes now."""
        return self._publishing.get((endpoint, publication))

    def receiving(self, endpoint: str, source: str, publication: str) -> str | None:
        """The newest resource by which an endpoint receives a publication of ``source``."""
        wanted = (endpoint, "subscribe", source, publication)
        found = [r.id for r in self._all.values() if (r.endpoint, r.purpose, r.source, r.publication) == wanted]
        return found[-1] if found else None

    def of_publications(self, names: Collection[str]) -> list[Resource]:
        """Whatever publishes under one of ``names``."""
        return [r for r in self._all.values() if r.purpose == "publish" and r.publication in names]

    def carries_camera(self, resource: str, endpoint: str) -> bool:
        """Whether an endpoint's own picture and sound come by this resource."""
        return self.published(endpoint, "camera") == resource

    def remove(self, resource: str) -> None:
        known = self._all.pop(resource, None)
        if known is not None and self._publishing.get((known.endpoint, known.publication)) == resource:
            del self._publishing[known.endpoint, known.publication]

    def forget(self, endpoint: str) -> None:
        """All resources of an endpoint are closed."""
        for resource in [r.id for r in self._all.values() if r.endpoint == endpoint]:
            self.remove(resource)

    def clear(self) -> None:
        """The media process holds nothing any more."""
        self._all.clear()
        self._publishing.clear()

    def note(self, event: commands.Event) -> None:
        """Keep up with the media process."""
        match event:
            case commands.Connected(endpoint=endpoint, resource=resource) if resource not in self._all:
                purpose: Literal["publish"] | None = "publish" if event.publication else None
                self.add(Resource(resource, endpoint, purpose, event.publication, "*"))
            case commands.Left(resource=resource):
                self.remove(resource)


def media_event(event: commands.Event, resources: Resources) -> events.Event | None:
    """The session's event for one of the media process, or ``None`` when it means nothing to the session."""
    match event:
        case commands.RecorderReady():
            return events.RecorderReady(event.take)
        case commands.RecorderFailed():
            return events.RecorderFailed(event.code)
        case commands.Durable():
            return events.DurableUntil(event.until)
        case commands.Gap():
            return events.GapSeen(event.endpoint, event.from_ms, event.to_ms, event.cause)
        case commands.Published():
            return events.PublicationSeen(event.endpoint, event.publication, True)
        case commands.Unpublished():
            return events.PublicationSeen(event.endpoint, event.publication, False)
        case commands.TrackSilent():
            return events.TrackSilent(event.endpoint, event.publication, event.kind, event.silent)
        case commands.LineReport():
            rtt = None if event.rtt_ms is None else round(event.rtt_ms)
            line = LineView(
                up_loss=round(event.up_loss, 3), down_loss=round(event.down_loss, 3), rtt_ms=rtt, way=event.way
            )
            return events.LineSeen(event.endpoint, line, event.publication)
        case commands.Closed():
            return events.MediaClosed(event.digest, event.frames, event.duration_ms, event.gaps)
        case commands.Inactive() if resources.carries_camera(event.resource, event.endpoint):
            return events.LineLost(event.endpoint, True)
        case commands.Active() | commands.Connected() if resources.carries_camera(event.resource, event.endpoint):
            return events.LineLost(event.endpoint, False)
    return None
