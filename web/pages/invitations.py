"""Invitations of one session: a link and QR code that exist only at this moment, taken back, made anew."""

import io
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import segno
from aiohttp import web
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from cases import volume
from cases.kinds import EndpointRole
from core.errors import NotFound, PersonError
from core.texts import choose
from people import invitation_codes, invitations
from people.invitation_codes import ContactKind
from people.invitations import InvitationView, NewInvitation
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from scheduler import access, choosing
from scheduler import store as calendar
from scheduler.models import Booking, Party
from scheduler.views import booking_view
from web.context import CARRIER, VAULT, context
from web.forms import form, path_id, query
from web.identity import DOOR, account
from web.language import see_other
from web.lines import line
from web.localtime import end_of_day
from web.mistakes import Mistake, of_error, of_form
from web.rendering import page

AFTER = timedelta(hours=4)
"""How long after the planned end a link still opens: a questioning is never cut by its slot."""

CHOICE = timedelta(days=3)
"""How far beyond the time planned other times are offered, unless another day is typed."""


@dataclass(frozen=True, slots=True)
class Guest:
    """One person who comes by link, and the invitation they have."""

    party: Party
    invitation: InvitationView | None


@dataclass(frozen=True, slots=True)
class Link:
    """A new link, shown once."""

    name: str
    address: str
    qr: Markup
    short: str = ""
    """A code that stands for it, where one was asked for."""
    sent: str = ""
    """``sms`` or ``mail`` when the link was sent to the guest."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /bookings/{id}/invitations``."""
    return await _show(request, None, None)


async def _show(request: web.Request, link: Link | None, mistake: Mistake | None) -> web.Response:
    principal, found, session = account(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        found_booking, held = await _mine(tx, principal, session)
        guests = await _guests(tx, session)
        aliases = {row.alias for row in await volume.standing(tx, found_booking.case or "")}
    booking = await booking_view(found.database, found.clock, principal, session)
    zone = ZoneInfo(booking.zone)
    # whoever gives a statement chooses; who only comes along, such as a guardian, does not
    may_choose = "amend" in booking.may and str(booking.state) == "confirmed" and not booking.kind_entry.custody
    return page(
        request,
        "invitations/invitations.html",
        status=mistake.status if mistake else 200,
        zone=zone,
        booking=booking,
        line=line(booking, principal, found.hub),
        guests=guests,
        aliases=aliases,
        may_protect=allowed(principal, Action.PROTECT_PERSON, held),
        link=link,
        check=f"{found.settings.base_url}/real",
        reference_of=invitation_codes.reference,
        told=query(request).raw("told"),
        may_choose=may_choose and len(guests) == 1,
        times=await choosing.offered(found.database, found.clock, principal, session),
        until=((booking.start + CHOICE).astimezone(zone)).date().isoformat(),
        error=mistake,
    )


async def let_choose(request: web.Request) -> web.StreamResponse:
    """``POST /bookings/{id}/guest-times``: the guest chooses among what is free for the officers until a day."""
    principal, found, session, typed = account(request), context(request), path_id(request), await form(request)
    try:
        booking = await booking_view(found.database, found.clock, principal, session)
        until = end_of_day(typed, "until", ZoneInfo(booking.zone))
        await choosing.offer_free(found.database, found.clock, principal, session, until=until, zone=booking.zone)
    except PersonError as error:
        return await _show(request, None, of_form(request, error))
    return see_other(f"/bookings/{session}/invitations?told=times")


async def _mine(tx: AsyncSession, principal: Principal, session: str) -> tuple[Booking, frozenset[Relation]]:
    booking = await calendar.booking(tx, session)
    if booking is None:
        raise access.no_booking()
    return booking, await access.may(tx, principal, Action.INVITE_GUEST, booking)


async def _guests(tx: AsyncSession, session: str) -> list[Guest]:
    """Everybody who comes by link, each with the newest invitation that is not withdrawn, else with a withdrawn one."""
    parties = [p for p in await calendar.parties(tx, [session]) if p.endpoint_role is EndpointRole.GUEST]
    newest: dict[str, InvitationView] = {}
    sent = await invitations.of_session(tx, session)
    owner = {view.id: party for view in sent for party in parties if party.name == view.name}
    for view in sent:
        party = owner.get(view.id)
        if party is not None and (party.id not in newest or view.state != "revoked"):
            newest[party.id] = view
    return [Guest(party, newest.get(party.id)) for party in parties]


async def create(request: web.Request) -> web.StreamResponse:
    """``POST /bookings/{id}/invitations``: invite a party, by ``way``: a link to hand over, a link sent to ``contact``
    and guarded by a code that goes there, or a short code. The answer is the only time the link is shown."""
    principal, found, session = account(request), context(request), path_id(request)
    typed = await form(request)
    wanted = typed.id("party")
    way = typed.raw("way") if typed.raw("way") in ("contact", "short") else "link"
    try:
        contact = typed.text("contact", longest=120) if way == "contact" else ""
        async with found.database.transaction() as tx:
            booking, held = await _mine(tx, principal, session)
            guest = next((g for g in await _guests(tx, session) if g.party.id == wanted), None)
            if guest is None:
                raise NotFound("no-guest", "This person does not come by link.")
            if guest.invitation is not None:
                invitation = guest.invitation.id
                secret = await invitations.reissue(tx, found.clock, principal, held, invitation)
                await invitations.extend(tx, session, _until(booking.end, found.clock.now()))
            else:
                invitation, secret = await _invite(tx, request, principal, held, booking, guest.party)
            short = await _further(tx, request, principal, held, invitation, way, contact)
        link = replace(_link(request, guest.party.name, secret), short=short)
        if way == "contact":
            link = replace(link, sent=await _send(request, invitation, link.address, contact))
    except PersonError as error:
        if error.status >= 500 and error.code != "not-sent":
            raise
        return await _show(request, None, of_error(request, error))
    return await _show(request, link, None)


def _kind(contact: str) -> ContactKind:
    return "mail" if "@" in contact else "sms"


async def _further(
    tx: AsyncSession,
    request: web.Request,
    principal: Principal,
    held: frozenset[Relation],
    invitation: str,
    way: str,
    contact: str,
) -> str:
    """What belongs to the way chosen; the short code where one was asked for."""
    clock, vault = context(request).clock, request.config_dict[VAULT]
    if way == "contact":
        kind = _kind(contact)
        locale = choose((await form(request)).raw("locale"), None)
        await invitation_codes.set_contact(
            tx, clock, vault, principal, held, invitation, kind=kind, address=contact, locale=locale
        )
    if way == "short":
        return await invitation_codes.make_short(tx, clock, vault, principal, held, invitation)
    return ""


async def _send(request: web.Request, invitation: str, link: str, contact: str) -> ContactKind:
    found, config = context(request), request.config_dict
    check = f"{found.settings.base_url}/real"
    gate, vault, carrier = config[DOOR].throttle, config[VAULT], config[CARRIER]
    await invitation_codes.send_link(found.database, gate, vault, carrier, invitation, link=link, check=check)
    return _kind(contact)


async def _invite(
    tx: AsyncSession,
    request: web.Request,
    principal: Principal,
    held: frozenset[Relation],
    booking: Booking,
    party: Party,
) -> tuple[str, str]:
    clock = context(request).clock
    wanted = NewInvitation(
        session=booking.id,
        role=party.role.value,
        name=party.name[:64],
        valid_until=_until(booking.end, clock.now()),
        party=party.id,
    )
    return await invitations.create(tx, clock, principal, held, wanted)


def _until(end: datetime, now: datetime) -> datetime:
    return max(end, now) + AFTER


def _link(request: web.Request, name: str, secret: str) -> Link:
    address = f"{context(request).settings.base_url}/i#{secret}"
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, nl=False, border=2, omitsize=True)
    return Link(name, address, Markup(drawn.getvalue().decode()))  # noqa: S704  drawn by us from our own address


async def revoke(request: web.Request) -> web.StreamResponse:
    """``POST /bookings/{id}/invitations/revoke``."""
    principal, found, session = account(request), context(request), path_id(request)
    wanted = (await form(request)).id("invitation")
    async with found.database.transaction() as tx:
        _, held = await _mine(tx, principal, session)
        if wanted not in {view.id for view in await invitations.of_session(tx, session)}:
            raise NotFound("invitation-unknown", "There is no such invitation.")
        await invitations.revoke(tx, found.clock, principal, held, wanted)
    return see_other(f"/bookings/{session}/invitations?told=revoked")


def routes() -> list[web.RouteDef]:
    return [
        web.get("/bookings/{id}/invitations", show),
        web.post("/bookings/{id}/invitations", create),
        web.post("/bookings/{id}/invitations/revoke", revoke),
        web.post("/bookings/{id}/guest-times", let_choose),
    ]
