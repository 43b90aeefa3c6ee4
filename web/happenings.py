"""The log of a session in words: who came, who was confirmed, when it ran, stopped and why. Pure.

An entry's public part says what happened to which endpoint; names stand in its private part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.texts import msgid as m
from recordings.canonical import parse_instant
from signaling.states import REASONS
from web import words
from web.words import icon

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log. ``who`` is a name as given; ``detail`` a msgid, ``said`` words as they were written."""

    number: int
    at: datetime
    ms: int
    symbol: str
    text: str
    """msgid with the places ``{who}``, ``{role}``, ``{what}``, ``{minutes}``"""
    values: Mapping[str, object]
    detail: str = ""
    said: str = ""
    grave: bool = False
    event: str = ""
    """Word of the entry; of a change of state the state it came to."""
    also: tuple[str, ...] = ()
    """More msgids about it: how document and face were compared, and which document."""
    by: str = ""
    """Name of the officer who compared."""


_STATES: Mapping[str, tuple[str, str]] = {
    "waiting": (icon("door-open"), m("The waiting room opened")),
    "arming": (icon("hourglass-split"), m("The recorder was made ready")),
    "live": (icon("play-circle"), m("It ran")),
    "held": (icon("pause-circle"), m("It was stopped for a time")),
    "ended": (icon("stop-circle"), m("It ended")),
}
_STEPS: Mapping[str, str] = {
    "brought": m("The person was brought"),
    "identity_checked": m("The facility checked the person’s identity"),
    "escort_left": m("The escort left the room"),
    "returned": m("The person was returned"),
}
_PLAIN: Mapping[str, tuple[str, str]] = {
    "opened": (icon("journal-plus"), m("The log was opened")),
    "joined": (icon("box-arrow-in-right"), m("{who} came in ({role})")),
    "back": (icon("arrow-repeat"), m("{who} was back after a loss of connection")),
    "away": (icon("wifi-off"), m("{who} lost the connection")),
    "left": (icon("box-arrow-right"), m("{who} left")),
    "admitted": (icon("person-check"), m("{who} was let in")),
    "refused": (icon("person-x"), m("{who} was sent away")),
    "ejected": (icon("person-x"), m("{who} was removed")),
    "withdrawn": (icon("person-x"), m("The access of {who} was withdrawn")),
    "person": (icon("person"), m("{who} is present ({role})")),
    "person-confirmed": (icon("person-check"), m("{who} was confirmed")),
    "person-doubted": (icon("person-x"), m("It was not confirmed who {who} is")),
    "identity-skipped": (icon("person-x"), m("It went on although it was not verified who {who} is")),
    "identity-open": (icon("person-x"), m("After ten minutes it was still not verified who {who} is")),
    "identity-service": (icon("search"), m("The verification service was asked about {who}")),
    "stills-asked": (icon("camera-video"), m("{who} was asked for still pictures")),
    "stills-answered": (icon("camera-video"), m("{who} answered about still pictures")),
    "still-kept": (icon("person-badge"), m("A still picture of {who} arrived")),
    "person-dropped": (icon("person-dash"), m("{who} is no longer present")),
    "recorder-ready": (icon("record-circle"), m("The recorder was ready")),
    "recorder-failed": (icon("exclamation-triangle"), m("The recorder failed: nothing was transmitted")),
    "resume": (icon("play-circle"), m("{who} let it go on")),
    "marker": (icon("bookmark"), m("Marker")),
    "chat": (icon("chat-left-text"), m("{who} wrote")),
    "help": (icon("bell"), m("{who} called the duty post")),
    "window": (icon("clock-history"), m("The end was moved")),
    "warning": (icon("clock"), m("{minutes} minutes were left")),
    "share": (icon("display"), m("{who} shared a screen, or stopped")),
    "gap": (icon("exclamation-triangle"), m("Nothing could be kept of {who} for a moment")),
    "line-lost": (icon("reception-0"), m("No packets came from {who}")),
    "line-back": (icon("reception-4"), m("Packets came from {who} again")),
    "camera-changed": (icon("arrow-repeat"), m("{who} went on with another camera")),
    "microphone-changed": (icon("arrow-repeat"), m("{who} went on with another microphone")),
    "page-hidden": (icon("slash-square"), m("The page of {who} went into the background")),
    "page-shown": (icon("eye"), m("The page of {who} was in front again")),
    "camera-away": (icon("camera-video-off"), m("A camera of {who} was away")),
    "camera-back": (icon("camera-video"), m("A camera of {who} was back")),
    "camera-refused": (icon("camera-video-off"), m("A camera of the room tried to connect and was refused")),
    "taken-up": (icon("arrow-repeat"), m("The server took the session up again after a restart")),
    "return-not-confirmed": (icon("exclamation-triangle"), m("The return was not confirmed in time")),
    "end-words": (icon("chat-left-text"), m("Words at the end")),
    "closed": (icon("lock"), m("The record was closed and signed")),
}
_GRAVE = frozenset(
    {
        *("recorder-failed", "gap", "return-not-confirmed", "ejected", "refused", "withdrawn"),
        *("person-doubted", "identity-skipped", "identity-open", "not-me", "camera-away", "camera-refused"),
    }
)
_VIEWS: Mapping[str, str] = {"close": m("Close view"), "wide": m("Wide view")}
"""What a camera of a room shows."""
IDENTITY = frozenset(
    {
        *("person-confirmed", "person-doubted", "identity-skipped", "identity-open", "identity-service"),
        *("stills-asked", "stills-answered", "still-kept", "not-me"),
    }
)
"""Entries that tell how it was checked who somebody is."""
_CAUSES: Mapping[str, str] = {
    "wrong-person": m("Not the person expected"),
    "not-now": m("Not now"),
    "disturbance": m("Disturbance"),
    "other": m("Another reason"),
    "document": m("By a document shown"),
    "known": m("Known in person"),
    "facility": m("By the facility"),
    "account": m("By their own account"),
    "invitation": m("By the invitation, and by their own word"),
    "named": m("By the host"),
    "service": m("By the verification service"),
}


def read(entries: Iterable[Entry]) -> list[Happening]:
    """The lines worth reading, in order. Attendance statements, device reports and the like are left to the chain."""
    found: list[Happening] = []
    names: dict[str, str] = {}
    roles: dict[str, str] = {}
    for entry in entries:
        public, private = entry["public"], entry["private"] or {}
        _learn(public, private, names, roles)
        line = _line(entry, public, private, names, roles)
        if line is not None:
            found.append(line)
    return found


_DOUBTS = {
    "no-match": m("Document and face do not match"),
    "refused": m("The check was refused"),
    "not-me": m("Said: that is not me"),
}
"""Why it was not confirmed who somebody is."""


_WAYS: Mapping[str, str] = {
    "sight": m("On the screen"),
    "beside": m("Beside the person"),
    "stills": m("With still pictures"),
    "service": m("By the verification service"),
}
_DOCUMENTS: Mapping[str, str] = {
    "id-card": m("Identity card"),
    "passport": m("Passport"),
    "permit": m("Travel or residence permit"),
    "licence": m("Driving licence"),
    "other": m("Another document"),
}
_SKIPS: Mapping[str, str] = {
    "no-document": m("No document at hand"),
    "guardian": m("A minor without a document; the guardian says who it is"),
    "urgent": m("Waiting would be dangerous"),
    "later": m("It is made up for in person"),
}
_OUTCOMES: Mapping[str, str] = {
    "match": m("Name and document belong together"),
    "no-match": m("Name and document do not belong together"),
    "unsure": m("The service cannot say"),
    "unavailable": m("No answer"),
}
_PICTURES: Mapping[str, str] = {"face": m("Face"), "document": m("Document")}


def _detail(event: str, public: Entry) -> str:
    """msgid of why or how, by the word of the entry."""
    table, member = {
        "refused": (_CAUSES, "reason"),
        "ejected": (_CAUSES, "reason"),
        "person-confirmed": (_CAUSES, "how"),
        "person-doubted": (_DOUBTS, "why"),
        "identity-skipped": (_SKIPS, "reason"),
        "identity-service": (_OUTCOMES, "outcome"),
        "still-kept": (_PICTURES, "part"),
    }.get(event, ({}, ""))
    if event == "stills-answered":
        return m("Agreed") if public.get("consent") else m("Did not agree, or no longer")
    return table.get(str(public.get(member)), "")


def labels(entries: Iterable[Entry]) -> dict[str, str]:
    """What each endpoint is called: the first person present there, else its own label."""
    names: dict[str, str] = {}
    for entry in entries:
        _learn(entry["public"], entry["private"] or {}, names, {})
    return names


def _learn(public: Entry, private: Entry, names: dict[str, str], roles: dict[str, str]) -> None:
    endpoint = str(public.get("endpoint", ""))
    if public.get("event") == "joined":
        roles.setdefault(endpoint, str(public.get("role", "")))
        if private.get("label"):
            names.setdefault(endpoint, str(private["label"]))
    if public.get("event") == "person":
        names[str(public["present"])] = str(private.get("name", ""))
        roles[str(public["present"])] = str(public.get("role", ""))


def _line(
    entry: Entry, public: Entry, private: Entry, names: Mapping[str, str], roles: Mapping[str, str]
) -> Happening | None:
    event = str(public.get("event", ""))
    subject = str(public.get("present") or public.get("endpoint") or public.get("by") or "")
    symbol, text, detail = _PLAIN.get(event, ("", ""))[0], _PLAIN.get(event, ("", ""))[1], ""
    if event == "state":
        symbol, text = _STATES.get(str(public.get("to")), ("", ""))
        detail = REASONS.get(str(public.get("reason", "")), "")
    elif event == "custody":
        symbol, text = icon("shield-check"), _STEPS.get(str(public.get("step")), "")
    elif event in ("device", "track") and public.get("alarm"):
        symbol, text = icon("camera-video-off"), m("Camera or microphone of {who} failed")
    elif event in ("camera-away", "camera-back", "camera-refused"):
        detail = _VIEWS.get(str(public.get("view")), "")
    elif event == "name" and public.get("me") is False:
        event, symbol, text = "not-me", icon("person-x"), m("{who} said: that is not me")
    else:
        detail = _detail(event, public)
    if not text:
        return None
    values = {
        "who": names.get(subject) or m("somebody"),
        "role": words.word({**words.ROLES, **words.ENDPOINTS}, roles.get(subject, "")),
        "minutes": public.get("minutes", ""),
        "name": private.get("name", ""),
        "words": private.get("words", ""),
    }
    said = str(private.get("text") or private.get("label") or "") if event in ("chat", "marker") else ""
    if event in ("resume", "end-words"):
        said = str(private.get("words", ""))
    return Happening(
        int(entry["number"]), parse_instant(entry["at"]), int(entry["ms"]), symbol, text, values, detail, said,
        grave=event in _GRAVE or bool(public.get("alarm")),
        event=str(public.get("to")) if event == "state" else event,
        also=tuple(filter(None, (_WAYS.get(str(public.get("way"))), _DOCUMENTS.get(str(public.get("document")))))),
        by=names.get(str(public.get("officer", "")), "") if event in IDENTITY else "",
    )  # fmt: skip


def grave(lines: Sequence[Happening]) -> int:
    """How many lines a reviewer should look at first."""
    return sum(line.grave for line in lines)
