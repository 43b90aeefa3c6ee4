"""The page a witness, victim or guardian opens from a link: who asks, how to check it, and the way in.

The secret stands behind ``#`` and reaches the server only in the body of a POST: to be looked at, which consumes
nothing, and to be accepted, which works once.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import NotFound
from core.texts import msgid as m
from people import invitation_codes, invitations
from people.invitations import InvitationView
from scheduler import choosing, protecting
from scheduler.models import State
from scheduler.roster import Roster, roster
from web import words
from web.context import CARRIER, VAULT, context, principal_of
from web.forms import json_body
from web.guards import remote_of
from web.identity import DOOR, set_cookie
from web.language import locale_of
from web.mistakes import sentence
from web.rendering import page, shown

_OFF = m("This conversation does not take place. You need do nothing.")
_NEVER = frozenset({State.DECLINED, State.WITHDRAWN, State.CANCELLED, State.NO_SHOW})
"""A session in one of these states does not take place any more."""
ASKED = "yj-asked"
"""Cookie of the browser a code was asked for in."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /i``: the same page for everybody; what is behind ``#`` never reaches this handler."""
    return page(request, "guest/guest.html")


async def look(request: web.Request) -> web.StreamResponse:
    """``POST /i/look`` ``{"secret"}``: who asks, for what, and how to check it."""
    found = context(request)
    invitation = await invitations.look(
        found.database,
        found.clock,
        request.config_dict[DOOR].throttle,
        await _secret(request),
        address=remote_of(request),
        vault=request.config_dict[VAULT],
    )
    return web.json_response(await _told(request, invitation))


async def accept(request: web.Request) -> web.StreamResponse:
    """``POST /i/accept`` ``{"secret", "me", "code"}``: this browser is the guest's from now on.

    Whoever says that they are not the person named gets no way in, and the link is void.
    """
    found, body = context(request), await json_body(request)
    secret, gate, vault = await _secret(request), request.config_dict[DOOR].throttle, request.config_dict[VAULT]
    address = remote_of(request)
    if body.get("me") is False:
        await invitations.deny(found.database, found.clock, gate, secret, address=address, vault=vault)
        return web.json_response({"next": None})
    cookie = await invitation_codes.accept(
        found.database,
        found.clock,
        gate,
        vault,
        secret,
        browser=request.cookies.get(ASKED, ""),
        code=str(body.get("code", ""))[:32],
        address=address,
    )
    guest = await invitations.authenticate_guest(found.database, found.clock, cookie)
    if guest is None:
        raise NotFound(
            "invitation-unknown", "This invitation is not known here. Check the address, or call the station."
        )
    await invitations.confirm_name(found.database, found.clock, guest, is_me=True)
    chooses = await choosing.can_choose(found.database, found.clock, guest)
    response = web.json_response({"next": "/i/time" if chooses else f"/sessions/{guest.session}/live?as=guest"})
    set_cookie(request, response, "guest", cookie)
    response.del_cookie(ASKED, path="/i")
    return response


async def send_code(request: web.Request) -> web.StreamResponse:
    """``POST /i/code`` ``{"secret"}``: a code goes to the guest's own phone or mail address; it is bound to this
    browser by a cookie and cannot be typed anywhere else."""
    found, config = context(request), request.config_dict
    browser = await invitation_codes.send_code(
        found.database,
        found.clock,
        config[DOOR].throttle,
        config[VAULT],
        config[CARRIER],
        await _secret(request),
        address=remote_of(request),
    )
    response = web.json_response({})
    secure = found.settings.base_url.startswith("https:")
    response.set_cookie(ASKED, browser, path="/i", max_age=600, httponly=True, secure=secure, samesite="Strict")
    return response


async def _secret(request: web.Request) -> str:
    value = (await json_body(request)).get("secret")
    return value if isinstance(value, str) else ""


async def _told(request: web.Request, invitation: InvitationView) -> dict[str, object]:
    async with context(request).database.transaction(write=False) as tx:
        booked = await roster(tx, invitation.session)
        looks = await protecting.looks_at(tx, booked.case or "", invitation.name) if booked else ()
    if booked is None:
        raise NotFound(
            "invitation-unknown", "This invitation is not known here. Check the address, or call the station."
        )
    guest = principal_of(request)
    mine = guest is not None and guest.kind == "guest" and guest.id == invitation.id
    return {
        "name": invitation.name,
        "alias": _alias(request, invitation.name, booked, looks),
        "role": sentence(request, words.word(words.ROLES, invitation.role), {}),
        "kind": sentence(request, words.word(words.KINDS, booked.kind), {}),
        "officer": invitation.officer_name,
        "number": invitation.officer_number,
        "unit": invitation.unit,
        "phone": invitation.unit_phone,
        "when": _when(request, booked),
        "off": sentence(request, _OFF, {}) if booked.state in _NEVER else "",
        "code_by": invitation.code_by,
        "next": f"/sessions/{invitation.session}/live?as=guest" if mine else None,
        "locale": locale_of(request),
    }


def _alias(request: web.Request, name: str, booked: Roster, looks: Sequence[protecting.Look]) -> str:
    """What a protected guest is told of the name they read, and of who has read their real one; else empty."""
    if name not in booked.veil.aliases.values():
        return ""
    text = m("You are called {alias} here, to protect you. Whoever reads your real name is noted: nobody has so far.")
    values: dict[str, object] = {"alias": name}
    if looks:
        text = m(
            "You are called {alias} here, to protect you. Whoever reads your real name is noted: {count} times so far, "
            "last on {day} by {unit}."
        )
        day = shown(request, ZoneInfo(booked.zone)).day(looks[0].at)
        values |= {"count": len(looks), "day": day, "unit": looks[0].unit}
    return sentence(request, text, values)


def _when(request: web.Request, booked: Roster) -> str:
    show = shown(request, ZoneInfo(booked.zone))
    start, end = show.local(booked.start), show.local(booked.end)
    return f"{show.day(booked.start)} {start:%H:%M}–{end:%H:%M}"


def routes() -> list[web.RouteDef]:
    return [
        web.get("/i", show),
        web.post("/i/look", look),
        web.post("/i/accept", accept),
        web.post("/i/code", send_code),
    ]
