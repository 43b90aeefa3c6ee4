"""The identity check of a session: who compares document and face, still pictures with consent, what is held back.

Pure, like ``asks``, whose handlers of these messages stand here. The host checks anybody; a co-operating officer only
the person beside them, at the same screen or in the same room. Nothing of it exists in a visit (LV-3).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cases.kinds import Demand, EndpointRole, Role
from signaling import events, messages
from signaling.checks import PARTS, SETTLED, VERIFYING, Consent, Result, Stills
from signaling.events import Effect, Record, Tell
from signaling.presence import Endpoint, Present, Standing
from signaling.states import State

if TYPE_CHECKING:
    from signaling.session import Session

REMIND_AFTER = timedelta(minutes=10)
"""A session that has run so long without a result alarms the host, and its record says so."""
MOST_STILLS = 8
"""Requests for still pictures in one session."""
LONGEST_NUMBER = 32
HELD_BACK = frozenset({"chat", "share"})
"""What waits for the check, where the kind demands it: lines to the person, and screens. Everybody reads meanwhile."""
_OFFICERS = (Role.COOPERATING_OFFICER, Role.OFFICER)


# Who is checked, and by whom


def checked_persons(session: "Session") -> Iterator[tuple[Endpoint, Present]]:
    """Whose identity is verified in this session, as they are here now."""
    if session.kind.identity is None:
        return
    for endpoint in session.presence:
        for person in endpoint.persons.values() if endpoint.in_room else ():
            if person.role in session.kind.identity.roles:
                yield endpoint, person


def comes_first(session: "Session") -> bool:
    """Whether something is held back because it is not settled who somebody is."""
    wanted = session.kind.identity
    if wanted is None or wanted.demand is not Demand.BLOCK:
        return False
    return any(person.check.result not in SETTLED for _, person in checked_persons(session))


def holds_back(session: "Session", endpoint: Endpoint) -> bool:
    """Whether ``endpoint`` may show and write nothing yet; guests may always write."""
    return endpoint.role is not EndpointRole.GUEST and comes_first(session)


def may_check(session: "Session", endpoint: Endpoint, present: str | None = None) -> bool:
    """Whether ``endpoint`` may say who ``present`` (without it: anybody) is."""
    if endpoint.standing is not Standing.ADMITTED or session.state is State.ENDED:
        return False
    if endpoint.role is session.kind.host:
        return True
    here = list(checked_persons(session))
    return any(present in (None, person.id) and _is_beside(session, endpoint, at) for at, person in here)


def _is_beside(session: "Session", asker: Endpoint, at: Endpoint) -> bool:
    """A confirmed co-operating officer sits at the asker's screen, and the other person at the same or beside it."""
    helpers = [p for p in asker.persons.values() if p.role is Role.COOPERATING_OFFICER and p.how is not None]
    if not helpers or at.standing is not Standing.ADMITTED:
        return False
    if asker is at:
        return True
    if asker.role is not EndpointRole.PARTY or at.role not in (EndpointRole.ROOM, EndpointRole.GUEST):
        return False
    booked = {p.room for p in session.roster.parties if p.room and p.person in {h.person for h in helpers}}
    return at.room is None or not booked or at.room in booked


def _officer(endpoint: Endpoint, wanted: str | None) -> str:
    """The person present who compared: the one named, else the first officer at the screen."""
    if wanted in endpoint.persons:
        return str(wanted)
    found = sorted((p for p in endpoint.persons.values() if p.role in _OFFICERS), key=lambda p: _OFFICERS.index(p.role))
    return found[0].id if found else ""


# What officers say


def confirm_person(
    session: "Session", endpoint: Endpoint, message: messages.ConfirmPerson, now: datetime
) -> list[Effect]:
    """The person present is who was named."""
    found = session.presence.find(message.present)
    if found is None:
        return _no_such_person(endpoint)
    beside = endpoint.role is not session.kind.host
    if not may_check(session, endpoint, message.present) or (beside and message.how not in ("document", "known")):
        return _not_allowed(endpoint)
    more = _how_compared(session, endpoint, message) if message.how in VERIFYING else {}
    return session.confirm(message.present, message.how, by=endpoint.id, more=more)


def doubt_person(session: "Session", endpoint: Endpoint, message: messages.DoubtPerson, now: datetime) -> list[Effect]:
    """Document and face do not fit, the check was refused, or "not me"."""
    found = session.presence.find(message.present)
    if found is None:
        return _no_such_person(endpoint)
    if not may_check(session, endpoint, message.present):
        return _not_allowed(endpoint)
    entry = {"event": "person-doubted", "present": message.present, "why": message.why, "by": endpoint.id}
    entry |= _how_compared(session, endpoint, message)
    note_doubt(found[1], entry)
    text = "It is not confirmed who {name} is. Nobody should be questioned before that is clear."
    return [Record(entry), Tell("alarm", "person-doubted", text, {"name": found[1].name}, to=hosts(session))]


def _how_compared(
    session: "Session", endpoint: Endpoint, message: messages.ConfirmPerson | messages.DoubtPerson
) -> dict[str, str]:
    """By whom, how and where document and face were compared, for the log; ids only."""
    if session.kind.identity is None:
        return {}
    sent = any(s.present == message.present and not s.missing for s in session.stills.values())
    way = "beside" if endpoint.role is not session.kind.host else "stills" if sent else "sight"
    said = {"way": way, "officer": _officer(endpoint, message.officer), "document": message.document or ""}
    return {name: value for name, value in (*said.items(), ("room", endpoint.room or "")) if value}


def skip(session: "Session", endpoint: Endpoint, message: messages.SkipIdentity, now: datetime) -> list[Effect]:
    """Go on without a check, for a stated reason."""
    found = next((person for _, person in checked_persons(session) if person.id == message.present), None)
    if found is None:
        return _no_such_person(endpoint)
    entry = {"event": "identity-skipped", "present": found.id, "reason": message.reason, "by": endpoint.id}
    entry["officer"] = _officer(endpoint, None)
    note_skip(found, entry)
    text = "It goes on although it was not verified who {name} is. The reason stands in the record."
    return [Record(entry), Tell("warn", "identity-skipped", text, {"name": found.name}, to=hosts(session))]


# Still pictures


def ask_stills(session: "Session", endpoint: Endpoint, message: messages.AskStills, now: datetime) -> list[Effect]:
    """Put the question to the guest."""
    found = next(((at, p) for at, p in checked_persons(session) if p.id == message.present), None)
    if found is None or not _may_be_pictured(session, found[0]):
        text = "No still pictures can be asked for here. Please compare document and face on the screen."
        return _deny(endpoint, "no-stills", text)
    if any(
        s.endpoint == found[0].id and s.consent in (Consent.ASKED, Consent.GRANTED) for s in session.stills.values()
    ):
        return _deny(endpoint, "stills-asked", "They have been asked and have not finished yet.")
    if len(session.stills) >= MOST_STILLS:
        return _deny(endpoint, "too-many-stills", "They have been asked often enough. Please compare on the screen.")
    request = Stills(f"s{len(session.stills) + 1}", found[1].id, found[0].id, endpoint.id)
    session.stills[request.id] = request
    entry = {"event": "stills-asked", "request": request.id, "present": request.present, "endpoint": request.endpoint}
    return [Record({**entry, "by": endpoint.id})]


def _may_be_pictured(session: "Session", at: Endpoint) -> bool:
    """Only a guest at their own device takes pictures of themselves: a terminal shows a room, not a document.

    Nobody who is protected: the document would tell the name that the alias hides.
    """
    wanted, hidden = session.kind.identity, set(session.roster.veil.aliases.values())
    if wanted is None or not wanted.stills or session.kind.privileged or at.role is not EndpointRole.GUEST:
        return False
    return not any(person.name in hidden for person in at.persons.values())


def answer_stills(
    session: "Session", endpoint: Endpoint, message: messages.AnswerStills, now: datetime
) -> list[Effect]:
    """The guest's yes, no, or no after all."""
    stills = session.stills.get(message.request)
    if stills is None or stills.endpoint != endpoint.id or stills.consent in (Consent.REFUSED, Consent.WITHDRAWN):
        return _deny(endpoint, "no-stills-asked", "Nobody asks for pictures now.")
    if message.consent and stills.consent is not Consent.ASKED:
        return _deny(endpoint, "no-stills-asked", "Nobody asks for pictures now.")
    pictures = tuple(stills.kept.values())
    entry = {"event": "stills-answered", "request": stills.id, "consent": message.consent, "endpoint": endpoint.id}
    note_answer(stills, message.consent)
    effects: list[Effect] = [Record({**entry, "present": stills.present})]
    if message.consent:
        return effects
    text = "{name} does not want still pictures. The check can go on by sight."
    told = Tell("info", "stills-refused", text, {"name": endpoint.shown_label}, to=hosts(session))
    return [*effects, told, *([events.RemoveStills(pictures)] if pictures else [])]


def wanted_still(session: "Session", endpoint: str, request: str, part: str) -> str:
    """Nothing when this still picture may come now, else why not: ``no-request``, ``not-granted``, ``already-sent``."""
    stills, at = session.stills.get(request), session.presence.get(endpoint)
    if stills is None or stills.endpoint != endpoint or at is None or not _may_be_pictured(session, at):
        return "no-request"
    if part in stills.kept:
        return "already-sent"
    if stills.consent is not Consent.GRANTED or session.state is State.ENDED:
        return "not-granted"
    return ""


def still_kept(session: "Session", event: events.StillKept) -> list[Effect]:
    """A picture was stored. One that came although it is no longer wanted is deleted at once."""
    if wanted_still(session, event.endpoint, event.request, event.part):
        return [events.RemoveStills((event.still,))]
    stills = session.stills[event.request]
    note_still(stills, event.part, event.still)
    entry = {"event": "still-kept", "request": stills.id, "part": event.part, "still": event.still}
    effects: list[Effect] = [
        Record({**entry, "digest": event.digest, "endpoint": event.endpoint, "present": stills.present})
    ]
    if stills.missing:
        return effects
    text = "The pictures have come. Please compare document and face."
    return [*effects, Tell("info", "stills-sent", text, to=hosts(session))]


# The outside service


def verify(session: "Session", endpoint: Endpoint, message: messages.VerifyPerson, now: datetime) -> list[Effect]:
    """Ask the outside service; the number goes there and nowhere else."""
    found = next((person for _, person in checked_persons(session) if person.id == message.present), None)
    number = "".join(message.number.split())
    if found is None:
        return _no_such_person(endpoint)
    if not (4 <= len(number) <= LONGEST_NUMBER and number.isascii() and number.isalnum()):
        return _deny(endpoint, "bad-number", "Please type the number as it stands on the document.")
    if found.name in session.roster.veil.aliases.values():
        text = "The name of a protected person is not sent to an outside service. Please compare document and face."
        return _deny(endpoint, "protected-person", text)
    if found.check.service == "asked":
        return _deny(endpoint, "service-asked", "The service has been asked and has not answered yet.")
    found.check.service = "asked"
    entry = Record({"event": "identity-asked", "present": found.id, "document": message.document, "by": endpoint.id})
    return [entry, events.AskService(found.id, found.name, message.document, number, endpoint.id)]


def service_answered(session: "Session", event: events.ServiceAnswered) -> list[Effect]:
    """A match verifies; anything else leaves the comparison to the officers, and a clear no reopens it."""
    found = next((person for _, person in checked_persons(session) if person.id == event.present), None)
    if found is None:
        return []
    entry = {"event": "identity-service", "present": found.id, "outcome": event.outcome, "reference": event.reference}
    note_service(found, event.outcome)
    effects: list[Effect] = [Record(entry)]
    if event.outcome == "match":
        return [*effects, *session.confirm(found.id, "service", by="system", more={"way": "service"})]
    level, text = _ANSWERS.get(event.outcome, _ANSWERS["unavailable"])
    told = Tell(level, f"service-{event.outcome}", text, {"name": found.name}, to=hosts(session))
    return [*effects, told]


_ANSWERS: dict[str, tuple[events.Level, str]] = {
    "no-match": ("alarm", "The service says that name and document of {name} do not belong together."),
    "unsure": ("warn", "The service cannot say whether this is {name}. Please compare document and face yourself."),
    "unavailable": ("warn", "The service gives no answer now. Please compare document and face yourself."),
}


# What a log entry changes: in the session that writes it, and in one rebuilt from its log


def note_confirmed(person: Present, entry: Mapping[str, Any]) -> None:
    """Somebody was confirmed; only some ways verify who they are."""
    person.how = entry["how"]
    if person.how in VERIFYING:
        person.check.result = Result.MATCH
        person.check.way = entry.get("way", "") if person.how in ("document", "service") else person.how
        person.check.officer, person.check.document = entry.get("officer", ""), entry.get("document", "")


def note_doubt(person: Present, entry: Mapping[str, Any]) -> None:
    person.how = None
    person.check.result, person.check.way = Result(entry["why"]), entry.get("way", "")
    person.check.officer, person.check.document = entry.get("officer", ""), entry.get("document", "")


def note_not_me(person: Present) -> None:
    """The guest says that it is somebody else: whatever was found before counts no more."""
    person.how = None
    person.check.result, person.check.way, person.check.officer = Result.NOT_ME, "", ""


def note_skip(person: Present, entry: Mapping[str, Any]) -> None:
    person.check.result, person.check.way = Result.SKIPPED, entry["reason"]
    person.check.officer, person.check.document = entry.get("officer", ""), ""


def note_service(person: Present, outcome: str) -> None:
    person.check.service = outcome
    if outcome == "no-match":
        person.check.result, person.check.way, person.check.officer = Result.NO_MATCH, "service", ""


def note_answer(stills: Stills, consent: bool) -> None:
    if consent:
        stills.consent = Consent.GRANTED
        return
    stills.consent = Consent.REFUSED if stills.consent is Consent.ASKED else Consent.WITHDRAWN
    stills.kept.clear()


def note_still(stills: Stills, part: str, still: str) -> None:
    stills.kept[part] = still
    if not stills.missing:
        stills.consent = Consent.SENT


# As it is shown


def shown(session: "Session", viewer: Endpoint) -> tuple[messages.IdentityView, ...]:
    """The checks that ``viewer`` carries out."""
    if not may_check(session, viewer):
        return ()
    return tuple(
        _shown(session, viewer, at, person)
        for at, person in checked_persons(session)
        if may_check(session, viewer, person.id)
    )


def _shown(session: "Session", viewer: Endpoint, at: Endpoint, person: Present) -> messages.IdentityView:
    check, officer = person.check, session.presence.find(person.check.officer)
    stills = next((s for s in reversed(session.stills.values()) if s.present == person.id), None)
    none = "none" if _may_be_pictured(session, at) else "barred"
    sees = stills is not None and viewer.role is not EndpointRole.ROOM  # a terminal has no account to see them by
    return messages.IdentityView(
        present=person.id,
        result=check.result.value,
        way=check.way,
        document=check.document,
        by=officer[1].name if officer else "",
        service=check.service,
        stills=stills.consent.value if stills else none,  # type: ignore[arg-type]  # words of Consent, or of the view
        pictures=tuple(stills.kept[part] for part in PARTS if part in stills.kept) if stills and sees else (),
    )


def asked_of(session: "Session", viewer: Endpoint) -> messages.StillsView | None:
    """What still pictures are asked of ``viewer`` itself."""
    open_ = (Consent.ASKED, Consent.GRANTED, Consent.SENT)
    mine = [s for s in session.stills.values() if s.endpoint == viewer.id and s.consent in open_]
    if not mine or session.state is State.ENDED:
        return None
    stills, asker = mine[-1], session.presence.get(mine[-1].by)
    officer = asker.persons.get(_officer(asker, None)) if asker else None
    return messages.StillsView(
        request=stills.id,
        state=stills.consent.value,  # type: ignore[arg-type]  # one of the three above
        sent=tuple(part for part in PARTS if part in stills.kept),
        by=" ".join(filter(None, (officer.name, officer.number))) if officer else "",
    )


# Time


def due(session: "Session", now: datetime) -> list[Effect]:
    """Once, when a session has run for long without a result: alarm the host and write it down."""
    if session.state is not State.LIVE or session.started is None or now - session.started < REMIND_AFTER:
        return []
    effects: list[Effect] = []
    for _, person in checked_persons(session):
        if person.check.result in SETTLED or person.id in session.reminded:
            continue
        session.reminded.add(person.id)
        text = "It is still not verified who {name} is. Please compare document and face before you go on."
        alarm = Tell("alarm", "identity-open", text, {"name": person.name}, to=hosts(session))
        effects += [Record({"event": "identity-open", "present": person.id}), alarm]
    return effects


def hosts(session: "Session") -> frozenset[str]:
    """Endpoints of the host that are in the session."""
    return frozenset(e.id for e in session.presence.admitted() if e.role is session.kind.host)


def _deny(endpoint: Endpoint, code: str, text: str) -> list[Effect]:
    return [events.Deny(endpoint.id, code, text)]


def _no_such_person(endpoint: Endpoint) -> list[Effect]:
    return _deny(endpoint, "no-such-person", "That person is not named here.")


def _not_allowed(endpoint: Endpoint) -> list[Effect]:
    return _deny(endpoint, "not-allowed", "This is not open to you in this session.")
