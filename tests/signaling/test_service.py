"""An officer's question to the outside service through the hub: who asked is in the ledger, the number is nowhere."""

import json

import pytest
from sqlalchemy import select

from core import ledger
from core.errors import Unavailable
from core.ledger import Wanted
from people.verification import Answer, Claim, Outcome
from signaling import messages
from signaling.models import SessionEvent
from tests.signaling.acts import a_statement
from tests.signaling.world import Peer, World

NUMBER = "110101199003070000"


class Service:
    """Answers as told; keeps what it was asked."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[Claim] = []

    async def verify(self, claim: Claim) -> Answer:
        self.asked.append(claim)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def ask(world: World, service: Service) -> tuple[str, Peer]:
    """A statement whose host asks the service about the witness."""
    world.hub.verifier = service
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    guest = await world.join(await world.guest(session, None), session)
    person = guest.of("view")[-1]["endpoints"][-1]["persons"][0]["id"]
    await host.say(messages.VerifyPerson(present=person, document="id-card", number=NUMBER))
    await host.until(
        lambda m: m["type"] == "view" and m["identity"] and m["identity"][0]["service"] not in ("", "asked")
    )
    await world.written(session)
    return session, host


async def test_a_match_verifies_and_the_number_is_kept_nowhere(world: World) -> None:
    """The service hears name, document and number; log and ledger hold who asked and what came of it."""
    service = Service(Answer(Outcome.MATCH, "R-1"))
    session, host = await ask(world, service)
    assert [(c.name, c.document, c.number) for c in service.asked] == [("孙丽", "id-card", NUMBER)]
    assert host.of("view")[-1]["identity"][0]["result"] == "match"
    async with world.site.db.transaction(write=False) as tx:
        entries = list(reversed(await ledger.find(tx, Wanted(tag="identity."))))
        logged = (await tx.execute(select(SessionEvent).where(SessionEvent.session == session))).scalars().all()
    officer = world.principals["officer"].id
    assert [(e.tag, e.actor) for e in entries] == [
        ("identity.service-asked", officer),
        ("identity.service-answered", "system"),
        ("identity.confirmed", "system"),
    ]
    kept = json.dumps([[e.details for e in entries], [[row.public, row.private] for row in logged]])
    assert "R-1" in kept
    assert NUMBER not in kept


@pytest.mark.parametrize("error", [Unavailable("away", "Away."), ValueError("boom")])
async def test_a_service_that_breaks_leaves_it_to_the_officers(world: World, error: Exception) -> None:
    """Whatever is raised: "no answer" is told, and nobody is verified by it."""
    _, host = await ask(world, Service(error))
    check = host.of("view")[-1]["identity"][0]
    assert (check["result"], check["service"]) == ("open", "unavailable")
