"""The live page: everything before and around a session that the browser needs before it has a connection.

Whether somebody may really enter is decided when they ask for a ticket; this page says beforehand what it can.
"""

from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from cases.kinds import EndpointRole, Role
from core.errors import NotFound
from core.refusals import Refused
from core.texts import Texts
from people import invitations
from people.principals import Principal
from scheduler.roster import Roster, RosterParty, endpoint_for, roster
from scheduler.windows import may_enter
from web.context import context
from web.identity import signed_in
from web.language import locale_of
from web.rendering import Shown, page, shown
from web.scripts import imported

_LEADS = frozenset({EndpointRole.HOST, EndpointRole.PARTY, EndpointRole.POST})


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /sessions/{session}/live``: for those who belong to the session, nothing here for anybody else."""
    principal = signed_in(request)
    found = context(request)
    async with found.database.transaction(write=False) as tx:
        booked = await roster(tx, request.match_info["session"])
    role = endpoint_for(booked, principal) if booked else None
    if booked is None or role is None or role is EndpointRole.ROOM:
        raise NotFound("no-session", "There is no session for you at this address.")
    zone = ZoneInfo(booked.zone)
    values = facts(booked, principal, role, Texts(locale_of(request)), shown(request, zone), running=_runs(request))
    settings = context(request).settings
    values |= {"stillHours": settings.still_hours, "verification": bool(settings.verification_url)}
    never = await _inviter(request, principal)
    return page(request, "live/live.html", zone=zone, page=values, modules=imported("live.js"), never=never)


async def _inviter(request: web.Request, principal: Principal) -> dict[str, str] | None:
    """For a guest: who invited them and how to check it (ON-4)."""
    if principal.kind != "guest":
        return None
    seen = await invitations.view(context(request).database, principal)
    return {"officer": seen.officer_name, "number": seen.officer_number, "unit": seen.unit, "phone": seen.unit_phone}


def _runs(request: web.Request) -> bool:
    hub = context(request).hub
    return hub is not None and hub.snapshot(request.match_info["session"]) is not None


def facts(
    booked: Roster, principal: Principal, role: EndpointRole, texts: Texts, times: Shown, *, running: bool
) -> dict[str, Any]:
    """What the scripts of the page are told, as JSON values; people only as this viewer may know them."""
    kind = booked.kind_entry
    entry = may_enter(kind, booked.start, booked.end, booked.state, times.now, running=running)
    return {
        "session": booked.session,
        "asKind": principal.kind,
        "endpointRole": role,
        "locale": texts.locale,
        "zone": booked.zone,
        "now": times.now.isoformat(),
        "kind": kind.code,
        "title": texts(kind.name),
        "policy": kind.recording,
        "start": booked.start.isoformat(),
        "end": booked.end.isoformat(),
        "opens": (booked.start - kind.join_early).isoformat(),
        "closed": _closed(entry, texts, times),
        "meet": [_meeting(party, booked) for party in _others(booked, principal, role)],
        "rolesHere": _roles_here(booked, role),
        "rolesInRoom": _roles_here(booked, EndpointRole.ROOM) if role is kind.host else [],
        "candidates": _candidates(booked, principal, role),
        "back": "/",
    }


def _closed(entry: object, texts: Texts, times: Shown) -> dict[str, str] | None:
    """Why nobody can enter any more; that it is still too early is told with a clock instead."""
    if not isinstance(entry, Refused) or entry.rule == "too-early":
        return None
    return {"code": entry.rule, "text": texts(entry.text, **times.words(entry.values))}


def _others(booked: Roster, principal: Principal, role: EndpointRole) -> list[RosterParty]:
    """Who the viewer will meet. A guest is told who leads the session, not who else is asked."""
    if principal.kind == "guest":
        return [party for party in booked.parties if party.endpoint_role in _LEADS]
    return [party for party in booked.parties if party.person is None or party.person != principal.id]


def _meeting(party: RosterParty, booked: Roster) -> dict[str, str]:
    room = next((room for room in booked.rooms if room.id == party.room), None)
    place = f"{room.facility_name} · {room.name}" if room else ""
    return {"name": party.name, "role": party.role, "number": party.number, "place": place}


def _roles_here(booked: Roster, role: EndpointRole) -> list[Role]:
    """As what somebody may be named at this very screen; who is in custody is named by the booking alone."""
    if role is EndpointRole.POST:
        return []
    return [at for at in booked.kind_entry.roles_at.get(role, ()) if at is not Role.DETAINEE]


def _candidates(booked: Roster, principal: Principal, role: EndpointRole) -> list[dict[str, str]]:
    """Those booked who may sit at this very screen, or by the host's word in the room at the other end."""
    roles = {*_roles_here(booked, role), *_roles_here(booked, EndpointRole.ROOM)}
    if principal.kind == "guest":
        return []
    return [
        {"person": party.person, "name": party.name, "role": party.role, "number": party.number}
        for party in booked.parties
        if party.person is not None and party.person != principal.id and party.role in roles
    ]


def routes() -> list[web.RouteDef]:
    return [web.get("/sessions/{session}/live", show)]
