"""A mistake as a form shows it: the sentence in the visitor's language, and the field it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from core.errors import PersonError
from core.refusals import Refused
from core.texts import translate
from web.language import locale_of
from web.rendering import shown

REFUSED = "refused"
"""Under which a request keeps the code of the mistake its page shows, for the log."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """``code`` for programs, ``text`` for the person, ``field`` for the input it stands beside."""

    code: str
    text: str
    field: str | None = None
    status: int = 422
    """Of the page that shows it."""


def of_error(request: web.Request, error: PersonError) -> Mistake:
    """The mistake an error tells of."""
    request[REFUSED] = error.code
    status = 422 if error.field and error.status == 404 else error.status
    return Mistake(error.code, sentence(request, error.text, error.values), error.field, status)


def of_form(request: web.Request, error: PersonError) -> Mistake:
    """The mistake that a form is shown again with. What no typing mends, a closed door or an outage, is raised."""
    if error.status not in (409, 422):
        raise error
    return of_error(request, error)


def of_refusal(request: web.Request, refused: Refused) -> Mistake:
    """The mistake a refusal tells of."""
    request[REFUSED] = refused.rule
    return Mistake(refused.rule, sentence(request, refused.text, refused.values), refused.input, 409)


def of_rule(request: web.Request, rule: str, text: str) -> Mistake:
    """The mistake of a rule whose sentence has no places."""
    return of_refusal(request, Refused(rule, text))


def sentence(request: web.Request, text: str, values: Mapping[str, object]) -> str:
    """``text`` in the visitor's language with its places filled, instants as local day and time."""
    return translate(locale_of(request), text, shown(request).words(values))
