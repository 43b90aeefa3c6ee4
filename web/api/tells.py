"""What systems tell: cases and custody events."""

from dataclasses import fields

from scheduler import integration
from scheduler.integration import KnownPerson
from web.api.messages import Case, CasePath, CustodyEvent, Marked, Person, Taken
from web.api.operations import Call


def _person(person: Person) -> KnownPerson:
    return KnownPerson(**{field.name: getattr(person, field.name) for field in fields(KnownPerson)})


async def put_case(call: Call) -> Taken:
    """A case as it stands in the other system."""
    path: CasePath = call.path
    case: Case = call.body
    event = integration.CaseEvent(
        external=path.external,
        number=case.number,
        title=case.title,
        organisation=case.organisation,
        offence=case.offence,
        stage=case.stage,
        officers=tuple(case.officers),
        suspects=tuple(_person(one) for one in case.suspects),
    )
    return Taken(case=await integration.take_case(call.found.database, call.found.clock, call.principal, event))


async def post_custody_event(call: Call) -> Marked:
    """Somebody is somewhere else from now, or from then, on."""
    sent: CustodyEvent = call.body
    event = integration.CustodyEvent(
        external=sent.external,
        person=_person(sent.person),
        status=sent.status,
        facility=sent.facility,
        since=sent.since,
    )
    marked = await integration.take_custody(call.found.database, call.found.clock, call.principal, event)
    return Marked(review=marked)
