"""What endpoints ask of a session, one small handler per message: right, input, act. Pure.

A refusal changes nothing and is told to the one who asked, with a stable code.
"""

import math
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cases.kinds import EndpointRole, Role
from signaling import devices, events, identity, messages
from signaling.events import Effect, Named, Record, Tell
from signaling.presence import Endpoint, Standing
from signaling.rights import rights
from signaling.states import State

if TYPE_CHECKING:
    from signaling.session import Session

NAME, NUMBER, WORDS, LINE = 64, 32, 200, 2000
"""Longest name, number, reason or label, and chat line, in characters."""
HELP_AGAIN = timedelta(seconds=20)
"""A second silent call within this time is the same call."""
PERSONS = 8
"""Most persons named at one endpoint."""


_UNASKED = messages.Leave | messages.Device | messages.Page | messages.Prefer
"""What a page says by itself: no refusal is shown for it once the session has ended."""


def answer(session: "Session", endpoint: Endpoint, message: object, now: datetime) -> list[Effect]:
    """Carry out one request of ``endpoint``, or say why not."""
    if not endpoint.in_room:
        return _deny(endpoint, "not-in-session", "You are not in this session any more.")
    if session.state is State.ENDED and not isinstance(message, _UNASKED):
        return _deny(endpoint, "ended", "This session has ended.")
    right, handler = _HANDLERS[type(message)]
    if right in identity.HELD_BACK and identity.holds_back(session, endpoint):
        return _deny(endpoint, "identity-first", "First verify who the person is, or say why it goes on without.")
    if right and not getattr(rights(session, endpoint, now), right):
        return _deny(endpoint, "not-allowed", _NOT_ALLOWED.get(right, "This is not open to you in this session."))
    return handler(session, endpoint, message, now)


def put(session: "Session", endpoint: Endpoint, named: Named) -> list[Effect]:
    """Name a person at an endpoint and write it down."""
    present = session.presence.name(endpoint, named)
    public = {"event": "person", "endpoint": endpoint.id, "present": present.id, "role": named.role, "how": named.how}
    return [Record(public, {"name": named.name, "number": named.number, "person": named.person or ""})]


def clean(text: str, limit: int) -> str | None:
    """``text`` without control characters and outer blanks, or ``None`` when nothing is left or it is too long."""
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C").strip()
    return kept if 0 < len(kept) <= limit else None


def _deny(endpoint: Endpoint, code: str, text: str, **values: object) -> list[Effect]:
    return [events.Deny(endpoint.id, code, text, values)]


# Persons


def _name_person(session: "Session", endpoint: Endpoint, message: messages.NamePerson, now: datetime) -> list[Effect]:
    at = _seat_for(session, endpoint, message.endpoint, now)
    if at is None:
        return _deny(endpoint, "no-such-endpoint", "That endpoint is not in the session.")
    named = _named(session, at, message)
    if named is None:
        return _deny(endpoint, "bad-person", "Please give a name and a role that belongs to this place.")
    if named.role is Role.DETAINEE and not session.roster.custody_ready:
        return _deny(endpoint, "custody-steps", "The duty post has not yet confirmed that the person was brought.")
    if session.presence.is_named(named):
        return _deny(endpoint, "already-named", "This person is already named.")
    if len(at.persons) >= PERSONS:
        return _deny(endpoint, "too-many", "No more persons can be named here.")
    by_host = rights(session, endpoint, now).host
    return put(session, at, _with_how(named, "named" if by_host else None))


def _seat_for(session: "Session", endpoint: Endpoint, wanted: str | None, now: datetime) -> Endpoint | None:
    """Where the person sits: at the asker's own endpoint, or by the host's word at a room's."""
    if wanted is None or wanted == endpoint.id:
        return endpoint
    other = session.presence.get(wanted)
    may = rights(session, endpoint, now).host and other is not None and other.role is EndpointRole.ROOM
    return other if may and other is not None and other.in_room else None


def _named(session: "Session", at: Endpoint, message: messages.NamePerson) -> Named | None:
    """The person as asked for; an account's id counts only when the roster names it, and then with its own name."""
    allowed = {str(role): role for role in session.kind.roles_at.get(at.role, ())}
    if at.role is session.kind.host and session.is_together:
        allowed[str(Role.DETAINEE)] = Role.DETAINEE
    role = allowed.get(message.role)
    if role is None:
        return None
    if role is Role.DETAINEE:
        brought = next((p for p in session.roster.parties if p.role is role and p.custody_person), None)
        return Named(role, brought.name, "", brought.custody_person) if brought else None
    if message.person is not None:
        party = next((p for p in session.roster.parties if p.person == message.person and p.role is role), None)
        return Named(role, party.name, party.number, party.person) if party else None
    name = clean(message.name, NAME)
    number = clean(message.number, NUMBER) if message.number else ""
    if name is None or number is None or (role in _NUMBERED and not number):
        return None
    return Named(role, name, number)


_NUMBERED = frozenset({Role.OFFICER, Role.COOPERATING_OFFICER, Role.LAWYER})
"""Whoever stands for an office is named with the number that can be checked."""


def _with_how(named: Named, how: str | None) -> Named:
    return Named(named.role, named.name, named.number, named.person, how)


def _drop_person(session: "Session", endpoint: Endpoint, message: messages.DropPerson, now: datetime) -> list[Effect]:
    found = session.presence.find(message.present)
    others = rights(session, endpoint, now).host and not session.kind.privileged
    if found is None or (found[0] is not endpoint and not others):
        return _deny(endpoint, "no-such-person", "That person is not named here.")
    if found[0].custody and endpoint.role is EndpointRole.ROOM:
        return _deny(endpoint, "not-allowed", "This is not open to you in this session.")
    del found[0].persons[message.present]
    return [Record({"event": "person-dropped", "present": message.present, "by": endpoint.id})]


def _confirm_name(session: "Session", endpoint: Endpoint, message: messages.ConfirmName, now: datetime) -> list[Effect]:
    if endpoint.role is not EndpointRole.GUEST:
        return _deny(endpoint, "not-allowed", "This is not open to you in this session.")
    endpoint.name_confirmed = message.me
    effects: list[Effect] = [Record({"event": "name", "endpoint": endpoint.id, "me": message.me})]
    if message.me:
        return effects
    for person in endpoint.persons.values():
        identity.note_not_me(person)
    text = "The guest says that they are not the person named in the invitation. Please check before you go on."
    return [*effects, Tell("alarm", "wrong-person", text, to=identity.hosts(session))]


# The door


def _target(session: "Session", wanted: str, standing: Standing) -> Endpoint | None:
    other = session.presence.get(wanted)
    return other if other is not None and other.standing is standing else None


def _admit(session: "Session", endpoint: Endpoint, message: messages.Admit, now: datetime) -> list[Effect]:
    other = _target(session, message.endpoint, Standing.WAITING)
    if other is None:
        return _deny(endpoint, "not-waiting", "Nobody waits there any more.")
    if other.custody and not session.roster.custody_ready:
        return _deny(endpoint, "custody-steps", "The duty post has not yet confirmed that the person was brought.")
    if other.name_confirmed is False:
        return _deny(endpoint, "wrong-person", "This guest says that they are not the person named.")
    effects = session.admit(other, by=endpoint.id)
    if session.state is State.WAITING and session.may_begin(now):
        effects += session.begin(now)
    return effects


def _refuse(session: "Session", endpoint: Endpoint, message: messages.Refuse, now: datetime) -> list[Effect]:
    other = _target(session, message.endpoint, Standing.WAITING)
    if other is None:
        return _deny(endpoint, "not-waiting", "Nobody waits there any more.")
    text = "You cannot be let in now. If you think this is a mistake, please call the number on your invitation."
    return _send_away(other, "refused", text, message.reason, endpoint)


def _eject(session: "Session", endpoint: Endpoint, message: messages.Eject, now: datetime) -> list[Effect]:
    other = _target(session, message.endpoint, Standing.ADMITTED)
    if other is None or other is endpoint or other.role is session.kind.host:
        return _deny(endpoint, "no-such-endpoint", "That endpoint is not in the session.")
    if session.kind.privileged:
        return _deny(endpoint, "not-allowed", "Nobody is removed from a visit; it can only be ended, with its reason.")
    return _send_away(other, "ejected", "The host has removed you from the session.", message.reason, endpoint)


def withdraw(endpoint: Endpoint) -> list[Effect]:
    """What the endpoint came by has ended: it is out at once.

    It was not sent away by anybody: whoever comes with a new right to it is asked as at the first time, so that a host
    who signed out elsewhere can go on."""
    text = "Your access was withdrawn. If you think this is a mistake, please call the facility."
    effects = _send_away(endpoint, "withdrawn", text, "withdrawn", None)
    endpoint.standing = Standing.LEFT
    return effects


WAIT_OUTSIDE = "You cannot come in at this moment. Please stay where you are: somebody will come and help you."
"""The same for whoever is stopped; it does not say that there is a reason, let alone which."""


def keep_apart(session: "Session", endpoint_id: str | None) -> list[Effect]:
    """Two persons here must never meet: whoever came later is out at once, and the host side learns that much."""
    endpoint = session.presence.get(endpoint_id) if endpoint_id else None
    effects: list[Effect] = [Record({"event": "kept-apart", "endpoint": endpoint_id})]
    if endpoint is not None and endpoint.in_room:
        effects += _send_away(endpoint, "withdrawn", WAIT_OUTSIDE, "kept-apart", None)
    text = "Somebody was not let in, because of a statement that keeps persons apart. Please call the facility."
    return [*effects, Tell("alarm", "kept-apart", text, to=identity.hosts(session))]


def _send_away(other: Endpoint, word: str, text: str, reason: str, by: Endpoint | None) -> list[Effect]:
    other.standing, other.connected = Standing.SENT_AWAY, False
    other.publications.clear()
    return [
        events.RemoveMedia(other.id),
        Record({"event": word, "endpoint": other.id, "reason": reason, "by": by.id if by else "system"}),
        events.Dismiss(other.id, word, text),
    ]


def _leave(session: "Session", endpoint: Endpoint, message: messages.Leave, now: datetime) -> list[Effect]:
    endpoint.standing, endpoint.connected = Standing.LEFT, False
    endpoint.publications.clear()
    return [
        events.RemoveMedia(endpoint.id),
        Record({"event": "left", "endpoint": endpoint.id}),
        events.Dismiss(endpoint.id, "left", ""),
    ]


# The course of the session


def _start(session: "Session", endpoint: Endpoint, message: messages.Start, now: datetime) -> list[Effect]:
    return session.begin(now)


def _hold(session: "Session", endpoint: Endpoint, message: messages.Hold, now: datetime) -> list[Effect]:
    words = clean(message.reason, WORDS)
    if words is None:
        return _deny(endpoint, "reason-wanted", "Please say why, in at most 200 characters.")
    values = {"name": endpoint.shown_label, "words": words}
    return session.hold("stopped", now, values=values, public={"by": endpoint.id})


def _resume(session: "Session", endpoint: Endpoint, message: messages.Resume, now: datetime) -> list[Effect]:
    words = clean(message.reason, WORDS)
    if session.state is not State.HELD:
        return _deny(endpoint, "not-held", "The session is not held.")
    if words is None:
        return _deny(endpoint, "reason-wanted", "Please say why, in at most 200 characters.")
    if session.presence.missing(now):
        return _deny(endpoint, "person-missing", "Somebody who must be here is still missing.")
    if not session.relay:
        return _deny(endpoint, "relay-lost", "The media server cannot be reached yet. Please try again in a moment.")
    entry = Record({"event": "resume", "by": endpoint.id, "after": session.reason}, {"words": words})
    return [entry, *session.begin(now)]


def _end(session: "Session", endpoint: Endpoint, message: messages.End, now: datetime) -> list[Effect]:
    words = clean(message.reason, WORDS) if message.reason else ""
    if words is None:
        return _deny(endpoint, "reason-wanted", "Please say why, in at most 200 characters.")
    by_host = endpoint.role is session.kind.host
    if by_host and session.kind.privileged and not words:
        return _deny(endpoint, "reason-wanted", "Please say why, in at most 200 characters.")
    reason = "ended-by-host" if by_host else "ended-by-lawyer"
    return session.end(reason, now, by=endpoint.id, words=words)


def _extend(session: "Session", endpoint: Endpoint, message: messages.Extend, now: datetime) -> list[Effect]:
    if not 5 <= message.minutes <= 240 or message.minutes % 5:
        return _deny(endpoint, "bad-minutes", "Please choose between 5 and 240 minutes, in steps of five.")
    return [
        Record({"event": "time-asked", "minutes": message.minutes, "by": endpoint.id}),
        events.AskTime(endpoint.id, message.minutes),
    ]


# Words


def _chat(session: "Session", endpoint: Endpoint, message: messages.Chat, now: datetime) -> list[Effect]:
    text = clean(message.text, LINE)
    if text is None:
        return _deny(endpoint, "bad-text", "Please write between 1 and 2000 characters.")
    name = endpoint.shown_label
    return [
        Record({"event": "chat", "endpoint": endpoint.id}, {"name": name, "text": text}),
        events.Say(endpoint.id, name, text),
    ]


def _marker(session: "Session", endpoint: Endpoint, message: messages.Marker, now: datetime) -> list[Effect]:
    label = clean(message.label, WORDS)
    if label is None:
        return _deny(endpoint, "bad-text", "Please give the marker a short name.")
    if session.state is not State.LIVE:
        return _deny(endpoint, "not-live", "Markers can be set while the session is live.")
    return [Record({"event": "marker", "by": endpoint.id}, {"label": label})]


def _help(session: "Session", endpoint: Endpoint, message: messages.Help, now: datetime) -> list[Effect]:
    last = session.calls.get(endpoint.id)
    told = Tell("info", "help-called", "The duty post has been called.", to=frozenset({endpoint.id}))
    if last is not None and now - last < HELP_AGAIN:
        return [told]
    session.calls[endpoint.id] = now
    post = frozenset(e.id for e in session.presence.admitted() if e.role is EndpointRole.POST)
    alarm = Tell("alarm", "help", "{label} calls the duty post.", {"label": endpoint.shown_label}, to=post)
    call = events.CallPost(endpoint.id)
    return [Record({"event": "help", "endpoint": endpoint.id}), call, told, *([alarm] if post else [])]


def calls_answered(session: "Session", by: str) -> list[Effect]:
    """The duty post has seen the silent calls: those who called are told that somebody comes."""
    callers = frozenset(session.calls)
    session.calls.clear()
    if not callers:
        return []
    told = Tell("info", "help-answered", "The duty post has seen your call.", to=callers)
    return [Record({"event": "help-answered", "by": by}), told]


def _device(session: "Session", endpoint: Endpoint, message: messages.Device, now: datetime) -> list[Effect]:
    return devices.device(session, endpoint, message)


def _page(session: "Session", endpoint: Endpoint, message: messages.Page, now: datetime) -> list[Effect]:
    return devices.page(session, endpoint, message)


def _share(session: "Session", endpoint: Endpoint, message: messages.Share, now: datetime) -> list[Effect]:
    return devices.share(session, endpoint, message)


def _prefer(session: "Session", endpoint: Endpoint, message: messages.Prefer, now: datetime) -> list[Effect]:
    """A page says this by itself when its layout changes: what does not apply any more is no news to its reader."""
    source = session.presence.get(message.endpoint)
    if source is None or source is endpoint or message.publication not in source.publications:
        return []
    if not rights(session, endpoint, now).subscribe:
        return []
    return [events.PreferLayer(endpoint.id, source.id, message.publication, message.size)]


def _check_done(session: "Session", endpoint: Endpoint, message: messages.CheckDone, now: datetime) -> list[Effect]:
    figures = (message.loss, message.delay_ms)
    way = message.way if message.way in ("udp", "tcp", "turn-udp", "turn-tcp", "turn-tls") else "other"
    if not all(math.isfinite(f) for f in figures) or not (0 <= message.loss <= 1 and 0 <= message.delay_ms < 60_000):
        return _deny(endpoint, "bad-check", "The result of the device check cannot be read.")
    result = {"picture": message.picture, "microphone": message.microphone, "speaker": message.speaker, "way": way}
    line = {"loss": round(message.loss, 4), "delay_ms": round(message.delay_ms, 1)}
    return [Record({"event": "device-check", "endpoint": endpoint.id, **result, **line})]


_NOT_ALLOWED = {
    "chat": "There is no chat here now.",
    "share": "A screen cannot be shared from here.",
    "start": "It cannot start yet: somebody is missing, or it is too early.",
    "stop": "There is nothing to stop now.",
}

Handler = Callable[["Session", Endpoint, Any, datetime], list[Effect]]

_HANDLERS: dict[type, tuple[str | None, Handler]] = {
    messages.NamePerson: (None, _name_person),
    messages.DropPerson: (None, _drop_person),
    messages.ConfirmPerson: ("check", identity.confirm_person),
    messages.DoubtPerson: ("check", identity.doubt_person),
    messages.SkipIdentity: ("host", identity.skip),
    messages.AskStills: ("host", identity.ask_stills),
    messages.AnswerStills: (None, identity.answer_stills),
    messages.VerifyPerson: ("host", identity.verify),
    messages.ConfirmName: (None, _confirm_name),
    messages.Admit: ("host", _admit),
    messages.Refuse: ("host", _refuse),
    messages.Eject: ("host", _eject),
    messages.Start: ("start", _start),
    messages.Hold: ("stop", _hold),
    messages.Resume: ("host", _resume),
    messages.Extend: ("extend", _extend),
    messages.End: ("end", _end),
    messages.Leave: (None, _leave),
    messages.Chat: ("chat", _chat),
    messages.Marker: ("host", _marker),
    messages.Help: (None, _help),
    messages.Device: (None, _device),
    messages.Page: (None, _page),
    messages.Share: ("share", _share),
    messages.Prefer: (None, _prefer),
    messages.CheckDone: (None, _check_done),
}
"""Message → the right it needs (a member of ``Rights``; ``None``: checked in the handler), and what it does."""
