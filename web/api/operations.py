"""How a request becomes a call of one operation, and what it is answered. The table is in ``table``."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.errors import Denied, Invalid
from core.refusals import Refused
from people.principals import Principal, Role
from scheduler.refusals import Slot, Taken
from web.api.messages import Failure, Window
from web.context import WebContext, context, principal_of
from web.mistakes import of_refusal

LARGEST: Final = 64 * 1024
"""Bytes of a body."""


@dataclass(frozen=True, slots=True)
class Call:
    """One checked request."""

    found: WebContext
    principal: Principal
    path: Any
    query: Any
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing a system can ask. Everything the OpenAPI document says of it stands here."""

    name: str
    method: str
    path: str
    summary: str
    role: Role
    """Of the token that may ask; the permission table is asked again with the object."""
    do: Callable[[Call], Awaitable[BaseModel | Refused]] | None
    """``None``: the route is served elsewhere and only described here."""
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    path_: type[BaseModel] | None = None
    status: int = 200
    refusals: Sequence[int] = ()
    """Statuses of its own beside those of every operation."""


def handler(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of an operation."""
    do = operation.do
    assert do is not None

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = _system(request, operation.role)
        call = Call(
            found=context(request),
            principal=principal,
            path=_values(operation.path_, dict(request.match_info)),
            query=_query(operation.query, request),
            body=await _body(operation.body, request),
        )
        answer = await do(call)
        if isinstance(answer, Refused):
            return _refused(request, answer)
        return _json(answer, operation.status)

    return handle


def _system(request: web.Request, role: Role) -> Principal:
    """Whose token it is. A token of another sort is told so before anything of its request is looked at."""
    principal = principal_of(request)
    if principal is None or principal.kind != "token":
        raise Denied("sign-in", "Please send a valid token of a system.")
    if not principal.has(role):
        raise Denied("not-allowed", "This token is not for this part of the API.")
    return principal


def _values(model: type[BaseModel] | None, values: dict[str, str]) -> BaseModel | None:
    return _checked(model, lambda wanted: wanted.model_validate(values)) if model else None


def _query(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    values = dict(request.query)
    if model is None:
        if values:
            raise Invalid("unknown-field", "There is no such parameter.", field=next(iter(values)))
        return None
    if len(values) != len(request.query):
        raise Invalid(
            "bad-field", "This is given twice.", field=next(k for k in values if len(request.query.getall(k)) > 1)
        )
    return _values(model, values)


async def _body(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    if model is None:
        return None
    if request.content_type != "application/json":
        raise Invalid("not-json", "The request is not a JSON object.")
    data = await request.content.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise web.HTTPRequestEntityTooLarge(LARGEST, len(data))
    return _checked(model, lambda wanted: wanted.model_validate_json(data))


def _checked(model: type[BaseModel], read: Callable[[type[BaseModel]], BaseModel]) -> BaseModel:
    """Read, or raise ``Invalid`` that names the first member that cannot be used; never what was sent."""
    try:
        return read(model)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        if first["type"] == "json_invalid" or field is None:
            raise Invalid("not-json", "The request is not a JSON object.") from None
        if first["type"] == "missing":
            raise Invalid("field-missing", "Please fill in this field.", field=field) from None
        if first["type"] == "extra_forbidden":
            raise Invalid("unknown-field", "There is no such parameter.", field=field[:100]) from None
        raise Invalid(
            "bad-field", "This value cannot be used here. The API's document says what can.", field=field
        ) from None


def _refused(request: web.Request, refused: Refused) -> web.Response:
    mistake = of_refusal(request, refused)
    nearest = [window(slot) for slot in refused.alternatives] if isinstance(refused, Taken) else None
    failure = Failure(code=mistake.code, text=str(mistake.text), field=mistake.field, alternatives=nearest)
    return _json(failure, mistake.status)


def window(slot: Slot) -> Window:
    """A free window as it is sent."""
    return Window(
        start=slot.start,
        end=slot.end,
        room=slot.room,
        room_name=slot.room_name,
        facility=slot.facility,
        facility_name=slot.facility_name,
        own_room=slot.own_room,
    )


def _json(answer: BaseModel, status: int) -> web.Response:
    return web.Response(body=answer.model_dump_json().encode(), status=status, content_type="application/json")
