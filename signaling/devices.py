"""Microphones, cameras and screens: what may be switched off, what is an alarm, what the relay is told. Pure."""

from typing import TYPE_CHECKING

from signaling import events, messages
from signaling.events import Effect, MediaKind, Record, Tell
from signaling.presence import Endpoint, Standing

if TYPE_CHECKING:
    from signaling.session import Session

_LOST: dict[MediaKind, str] = {
    "audio": "The microphone of {label} is lost.",
    "video": "The camera of {label} is lost.",
}


def device(session: "Session", endpoint: Endpoint, message: messages.Device) -> list[Effect]:
    """An endpoint says how its microphone or camera is. Loss is a fact and always taken; switching off is a right."""
    kind, state = message.kind, message.state
    before = endpoint.audio if kind == "audio" else endpoint.video
    if state == before:
        return []
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


def track_silent(session: "Session", endpoint_id: str, publication: str, kind: MediaKind, silent: bool) -> list[Effect]:
    """The relay sees no packets of a track. Whatever the endpoint claims: where muting is forbidden it is an alarm."""
    endpoint = session.presence.get(endpoint_id)
    if endpoint is None or publication != "camera" or (kind in endpoint.silent) == silent:
        return []
    (endpoint.silent.add if silent else endpoint.silent.discard)(kind)
    switched_off = (endpoint.audio if kind == "audio" else endpoint.video) == "off"
    alarm = silent and endpoint.standing is Standing.ADMITTED and endpoint.role in session.kind.mute_forbidden
    if switched_off and not alarm:
        return []
    entry = {"event": "track", "endpoint": endpoint_id, "kind": kind, "silent": silent, "alarm": alarm}
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
