"""Microphones, cameras and screens: what may be switched off, what is an alarm, what the relay is told. Pure."""

from typing import TYPE_CHECKING

from cases.kinds import EndpointRole
from signaling import cameras, events, messages
from signaling.events import Effect, MediaKind, Record, Tell
from signaling.presence import Endpoint, Standing
from signaling.states import State

if TYPE_CHECKING:
    from signaling.session import Session

Seen = events.LineSeen | events.LineLost | events.PublicationSeen | events.TrackSilent

_CHANGED: dict[MediaKind, str] = {"audio": "microphone-changed", "video": "camera-changed"}
_CHANGED_WORDS: dict[MediaKind, str] = {
    "audio": "{label} uses another microphone now.",
    "video": "{label} uses another camera now.",
}
_LOST: dict[MediaKind, str] = {
    "audio": "The microphone of {label} is lost.",
    "video": "The camera of {label} is lost.",
}


def device(session: "Session", endpoint: Endpoint, message: messages.Device) -> list[Effect]:
    """An endpoint says how its microphone or camera is. Loss is a fact and always taken; switching off is a right."""
    kind, state = message.kind, message.state
    before = endpoint.audio if kind == "audio" else endpoint.video
    if state == before:
        return _changed(session, endpoint, kind) if message.changed else []
    forbidden = endpoint.role in session.kind.mute_forbidden
    if state == "off" and forbidden:
        text = "In this session microphone and camera stay on."
        return [events.Deny(endpoint.id, "mute-forbidden", text)]
    if kind == "audio":
        endpoint.audio = state
    else:
        endpoint.video = state
    alarm = state == "lost" and forbidden
    entry = {"event": "device", "endpoint": endpoint.id, "kind": kind, "state": state, "alarm": alarm}
    silence = [events.Silence(endpoint.id, "camera", kind, state == "off")] if "off" in (state, before) else []
    return [*silence, Record(entry), *([_alarm(endpoint, kind)] if alarm else [])]


def page(session: "Session", endpoint: Endpoint, message: messages.Page) -> list[Effect]:
    """The page went into the background or came back: shown to the others, and on record where there is one.

    Who looks where in a privileged meeting is written down nowhere.
    """
    if endpoint.hidden == message.hidden:
        return []
    endpoint.hidden = message.hidden
    if session.kind.privileged:
        return []
    return [Record({"event": "page-hidden" if message.hidden else "page-shown", "endpoint": endpoint.id})]


def _changed(session: "Session", endpoint: Endpoint, kind: MediaKind) -> list[Effect]:
    """Another device sends from now on: a fact for the record, told to all who may see devices."""
    entry = Record({"event": _CHANGED[kind], "endpoint": endpoint.id})
    if endpoint.standing is not Standing.ADMITTED:
        return [entry]
    to = frozenset(e.id for e in session.presence.admitted() if e.role is not EndpointRole.POST)
    return [entry, Tell("info", _CHANGED[kind], _CHANGED_WORDS[kind], {"label": endpoint.shown_label}, to=to)]


def seen(session: "Session", event: Seen) -> list[Effect]:
    """What the relay sees of an endpoint's media."""
    endpoint = session.presence.get(event.endpoint)
    if endpoint is None:
        return []
    match event:
        case events.LineSeen():
            if event.publication:
                endpoint.camera_lines[event.publication] = event.line
            else:
                endpoint.line = event.line
            return []
        case events.LineLost():
            return _line_lost(endpoint, event.lost)
        case events.PublicationSeen():
            return _publication(session, endpoint, event.publication, event.on)
        case events.TrackSilent():
            return _track(session, endpoint, event)


def silences(session: "Session") -> list[Effect]:
    """What is not to be heard or seen stays so, whatever was published anew."""
    here = session.presence.admitted()
    audio: list[Effect] = [events.Silence(e.id, "camera", "audio", True) for e in here if e.audio == "off"]
    video = [events.Silence(e.id, "camera", "video", True) for e in here if e.video == "off"]
    return [*audio, *video, *_unheard(here)]


def _unheard(here: list[Endpoint]) -> list[Effect]:
    """The sound of a room is that of its terminal, which cancels echoes; its other cameras are recorded, not heard."""
    return [
        events.Silence(endpoint.id, view, "audio", True)
        for endpoint in here
        for view in sorted(cameras.VIEWS & endpoint.publications)
    ]


def _line_lost(endpoint: Endpoint, lost: bool) -> list[Effect]:
    if endpoint.line_lost == lost:
        return []
    endpoint.line_lost = lost
    return [Record({"event": "line-lost" if lost else "line-back", "endpoint": endpoint.id})]


def _publication(session: "Session", endpoint: Endpoint, publication: str, on: bool) -> list[Effect]:
    if (publication in endpoint.publications) == on:
        return []
    (endpoint.publications.add if on else endpoint.publications.discard)(publication)
    entry = Record({"event": "publication", "endpoint": endpoint.id, "publication": publication, "on": on})
    effects = [entry, *(silences(session) if on and session.state is State.LIVE else [])]
    return [*effects, *(cameras.told(session, endpoint, publication, there=on) if publication in cameras.VIEWS else [])]


def _track(session: "Session", endpoint: Endpoint, event: events.TrackSilent) -> list[Effect]:
    """A track brings no packets. Whatever the endpoint claims: where muting is forbidden it is an alarm."""
    kind, silent = event.kind, event.silent
    if event.publication in cameras.VIEWS & endpoint.publications and kind == "video":
        return cameras.told(session, endpoint, event.publication, there=not silent)
    if event.publication != "camera" or (kind in endpoint.silent) == silent:
        return []
    (endpoint.silent.add if silent else endpoint.silent.discard)(kind)
    forbidden = endpoint.role in session.kind.mute_forbidden
    switched_off = (endpoint.audio if kind == "audio" else endpoint.video) == "off"
    alarm = silent and endpoint.standing is Standing.ADMITTED and forbidden
    if switched_off and not alarm:
        return []
    entry = {"event": "track", "endpoint": endpoint.id, "kind": kind, "silent": silent, "alarm": alarm}
    return [Record(entry), *([_alarm(endpoint, kind)] if alarm else [])]


def shown(endpoint: Endpoint, kind: MediaKind) -> messages.DeviceState:
    """What the others see: as the endpoint says, unless the relay knows better."""
    said = endpoint.audio if kind == "audio" else endpoint.video
    return "lost" if said == "on" and kind in endpoint.silent else said


def share(session: "Session", endpoint: Endpoint, message: messages.Share) -> list[Effect]:
    """Announce or stop a screen; the right was checked before."""
    entry = Record({"event": "share", "endpoint": endpoint.id, "on": message.on})
    if message.on:
        return [entry]
    endpoint.publications.discard("screen")
    return [entry, events.StopPublication(endpoint.id, "screen")]


def _alarm(endpoint: Endpoint, kind: MediaKind) -> Tell:
    return Tell("alarm", f"{kind}-lost", _LOST[kind], {"label": endpoint.shown_label})
