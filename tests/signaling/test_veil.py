"""Somebody is protected while a session runs: from then on every screen, message and entry knows the alias alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cases.protection import Ground, Source
from core.texts import Texts
from core.vault import Vault
from people.veil import Veil
from scheduler import protecting
from scheduler.protecting import Marking
from signaling import events, messages, store
from signaling.identity import wanted_still
from signaling.views import view
from tests.signaling.acts import a_statement
from tests.signaling.rosters import Driver, live
from tests.signaling.world import World

NAME, ALIAS = "某乙", "化名甲"


def protected() -> Driver:
    """A statement that runs, whose witness has just been protected."""
    driver = live("statement")
    driver.effects.clear()
    driver.take(events.RosterChanged(replace(driver.session.roster, veil=Veil({NAME: ALIAS}))))
    return driver


def test_every_screen_says_the_alias() -> None:
    """Label and person, for everybody inside and for the witness."""
    driver = protected()
    for endpoint in driver.session.presence:
        shown = repr(view(driver.session, endpoint, 1, Texts("zh-CN"), driver.now))
        assert (NAME in shown, ALIAS in shown) == (False, True), endpoint.id


@pytest.mark.parametrize(
    "said",
    [
        messages.Chat(text=f"{NAME}，请坐"),
        messages.Marker(label=f"{NAME}指认"),
        messages.Hold(reason=f"{NAME}不舒服"),
        messages.NamePerson(role="guardian", name=f"{NAME} (母)", endpoint=None),
        messages.End(reason=f"{NAME}已离开"),
    ],
)
def test_what_is_typed_by_hand_is_kept_and_told_by_alias(said: object) -> None:
    """Chat, markers, reasons, names: no effect holds the name."""
    driver = protected()
    effects = driver.ask("guest" if isinstance(said, messages.NamePerson) else "host", said)
    assert any(ALIAS in repr(effect) for effect in effects)
    assert not any(NAME in repr(effect) for effect in effects)


def test_the_person_named_again_by_name_is_the_same() -> None:
    """The host cannot put the real name beside the alias."""
    driver = protected()
    driver.ask("guest", messages.NamePerson(role="witness", name=NAME))
    assert driver.denied() == ["already-named"]


def test_no_outside_service_is_asked_about_an_alias() -> None:
    """Neither the alias, which it does not know, nor the name, which it need not know."""
    driver = protected()
    person = next(iter(driver.session.presence.endpoints["guest"].persons))
    asked = messages.VerifyPerson(present=person, document="id-card", number="11010119900307001X")
    assert not any(isinstance(effect, events.AskService) for effect in driver.ask("host", asked))
    assert driver.denied() == ["protected-person"]


def test_no_still_picture_is_taken_of_somebody_protected() -> None:
    """Their document tells the name: none is asked for, and one agreed to before is not taken any more."""
    driver = live("statement")
    person = next(iter(driver.session.presence.endpoints["guest"].persons))
    driver.ask("host", messages.AskStills(present=person))
    driver.ask("guest", messages.AnswerStills(request="s1", consent=True))
    assert wanted_still(driver.session, "guest", "s1", "face") == ""
    driver.take(events.RosterChanged(replace(driver.session.roster, veil=Veil({NAME: ALIAS}))))
    assert wanted_still(driver.session, "guest", "s1", "face") == "no-request"
    driver.ask("host", messages.AskStills(present=person))
    assert driver.denied() == ["no-stills"]


@pytest.fixture
def vaulted(world: World, tmp_path: Path) -> Iterator[World]:
    """A running web process whose database can read the secret volume."""
    vault = Vault(tmp_path / "secrets")
    vault.ensure(world.clock.now())
    world.site.db.vault = vault
    yield world
    world.site.db.vault = None


async def test_a_running_session_is_told(vaulted: World) -> None:
    """The officer's screen and the log in the database, what was written before included."""
    world, name = vaulted, "孙丽"
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    guest = await world.join(await world.guest(session, None), session)
    await host.until(lambda m: m["type"] == "view" and name in repr(m))
    await world.written(session)
    wish = Marking(world.site.cases["0317"], name, Ground.DANGER, Source.OWN_REQUEST)
    officer = world.site.who["officer"]
    change = await protecting.protect(world.site.db, world.clock, officer, wish, (store.veil_log,))
    assert change.sessions == (session,)
    await world.hub.window_changed(session)
    told = await host.until(lambda m: m["type"] == "view" and ALIAS in repr(m))
    assert name not in repr(told)
    assert name not in repr(await guest.until(lambda m: m["type"] == "view" and ALIAS in repr(m)))
    await host.say(messages.Marker(label=f"{name}到了"))
    await world.written(session)
    entries = await _private(world, session)
    assert (name in entries, ALIAS in entries) == (False, True)


async def _private(world: World, session: str) -> str:
    async with world.site.db.transaction(write=False) as tx:
        found: list[Any] = [entry.private for entry in await store.entries(tx, session)]
    return repr(found)
