"""The cameras of a room beside its terminal: add one, show its key once, give it another key or address, end it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from core.errors import Denied, Invalid, PersonError
from people import cameras
from people.cameras import View, Way, Wish
from people.terminals import Place
from scheduler.facilities import place_of
from web.context import VAULT, context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.mistakes import Mistake, of_error
from web.rendering import page

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Made:
    """A key that is shown this once, and the address its encoder sends to."""

    camera: str
    key: str


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /rooms/{id}/cameras``."""
    return await _show(request, await _place(request))


async def _show(
    request: web.Request,
    place: Place,
    *,
    mistake: Mistake | None = None,
    typed: Form | None = None,
    made: Made | None = None,
) -> web.Response:
    principal, found = account(request), context(request)
    there = await cameras.of_room(found.database, principal, place)
    return page(
        request,
        "cameras/cameras.html",
        status=mistake.status if mistake else 200,
        place=place,
        cameras=there,
        free=[view.value for view in View if view.value not in {row.view for row in there}],
        may_manage=cameras.may_manage(principal, place),
        administers="administrator" in principal.roles,
        made=made,
        told=query(request).raw("told"),
        error=mistake,
        values={name: typed.raw(name)[:64] if typed else "" for name in ("name", "view", "way")},
    )


async def add(request: web.Request) -> web.StreamResponse:
    """``POST /rooms/{id}/cameras``: the key of an encoder is shown once, on the page that answers."""
    place, typed = await _place(request), await form(request)
    principal, found = account(request), context(request)
    try:
        wish = Wish(typed.raw("name"), _one(typed, "view", View), _one(typed, "way", Way), typed.raw("address"))
        camera, key = await cameras.add(
            found.database,
            found.clock,
            request.config_dict[VAULT],
            principal,
            place,
            wish,
            found.settings.camera_networks,
        )
    except PersonError as error:
        return await _failed(request, place, error, typed)
    return await _show(request, place, made=Made(camera, key)) if key else see_other(f"{_here(place)}?told=added")


async def rotate(request: web.Request) -> web.StreamResponse:
    """``POST /rooms/{id}/cameras/{camera}/key``: another key, shown once; a stream by the old one stops."""
    place, camera = await _place(request), path_id(request, "camera")
    principal, found = account(request), context(request)
    try:
        key = await cameras.rotate(found.database, found.clock, principal, place, camera)
    except PersonError as error:
        return await _failed(request, place, error)
    return await _show(request, place, made=Made(camera, key))


async def readdress(request: web.Request) -> web.StreamResponse:
    """``POST /rooms/{id}/cameras/{camera}/address``: where the camera is read from now on."""
    place, camera, typed = await _place(request), path_id(request, "camera"), await form(request)
    principal, found = account(request), context(request)
    vault, networks = request.config_dict[VAULT], found.settings.camera_networks
    try:
        await cameras.readdress(
            found.database, found.clock, vault, principal, place, camera, typed.raw("address"), networks
        )
    except PersonError as error:
        return await _failed(request, place, error)
    return see_other(f"{_here(place)}?told=address")


async def revoke(request: web.Request) -> web.StreamResponse:
    """``POST /rooms/{id}/cameras/{camera}/revoke``: out of use at once; twice is once."""
    place, camera = await _place(request), path_id(request, "camera")
    principal, found = account(request), context(request)
    try:
        await cameras.revoke(found.database, found.clock, principal, place, camera)
    except PersonError as error:
        if error.code != "camera-unknown":
            raise
    return see_other(f"{_here(place)}?told=revoked")


async def _place(request: web.Request) -> Place:
    account(request)
    return await place_of(context(request).database, path_id(request))


async def _failed(request: web.Request, place: Place, error: PersonError, typed: Form | None = None) -> web.Response:
    """The page again with what was typed, but for the address, which may hold a password."""
    if error.status >= 500 or isinstance(error, Denied):
        raise error
    return await _show(request, place, mistake=of_error(request, error), typed=typed)


def _one(typed: Form, name: str, words: type[E]) -> E:
    if typed.raw(name) not in {word.value for word in words}:
        raise Invalid("field-choose", "Please choose one of the entries.", field=name)
    return words(typed.raw(name))


def _here(place: Place) -> str:
    return f"/rooms/{place.room}/cameras"


def routes() -> list[web.RouteDef]:
    return [
        web.get("/rooms/{id}/cameras", show),
        web.post("/rooms/{id}/cameras", add),
        web.post("/rooms/{id}/cameras/{camera}/key", rotate),
        web.post("/rooms/{id}/cameras/{camera}/address", readdress),
        web.post("/rooms/{id}/cameras/{camera}/revoke", revoke),
    ]
