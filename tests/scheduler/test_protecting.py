"""Marking, reading and giving up an alias: what is replaced, who may, and what the ledger holds of it."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select, text

from cases import volume
from cases.kinds import EndpointRole, Role
from cases.models import CustodyPerson, ProtectedPerson
from cases.protection import Ending, Ground, Purpose, Source, Standing
from core import ledger, migrate
from core.errors import Conflict, Denied, Invalid, NotFound, OperatorError, Unavailable
from core.vault import Purpose as Key
from core.vault import Vault
from people import resealing, screening
from people.models import Invitation
from people.permissions import Relation
from people.principals import Principal
from people.screening import Reason
from scheduler import bookings, covering, exclusion, invites, protecting, views
from scheduler.apart import guest_key
from scheduler.models import Booking, Party
from scheduler.protecting import Change, Marking
from scheduler.requests import GuestWish
from scheduler.roster import roster

NAME = "孙丽"


@pytest.fixture(autouse=True)
def vault(site, tmp_path):
    """The site's secrets behind its database."""
    site.db.vault = Vault(tmp_path / "secrets")
    site.db.vault.ensure(site.clock.now())
    return site.db.vault


def marking(site, **changes) -> Marking:
    wish = {"case": site.cases["0317"], "name": NAME, "ground": Ground.DANGER, "source": Source.OWN_REQUEST}
    return Marking(**{**wish, **changes})


def proved(site, principal: Principal) -> Principal:
    """The same person, who has just proved that it is them."""
    return replace(principal, proved=site.clock.now())


async def book(site, hours: float = 2, name: str = NAME) -> Booking:
    guest = (GuestWish(Role.WITNESS, name),)
    made = await bookings.request_booking(site.db, site.clock, site.who["officer"], site.statement(hours, guests=guest))
    assert isinstance(made, Booking), made
    return made


async def guest_of(site, booking: Booking) -> str:
    async with site.db.transaction(write=False) as tx:
        query = select(Party.name).where(Party.booking == booking.id, Party.role == Role.WITNESS)
        return (await tx.execute(query)).scalar_one()


async def protect(site, **changes) -> ProtectedPerson:
    site.clock.advance(1)  # so that the newest can be told
    await protecting.protect(site.db, site.clock, site.who["officer"], marking(site, **changes), ())
    async with site.db.transaction(write=False) as tx:
        return (await tx.execute(select(ProtectedPerson).order_by(ProtectedPerson.marked.desc()))).scalars().first()


async def everything(site) -> str:
    """Every column of every table, as text."""
    found = []
    async with site.db.transaction(write=False) as tx:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        if not site.db.is_sqlite:
            names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        for table in (await tx.execute(text(names))).scalars().all():
            found += [str(row) for row in await tx.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(found)


def is_in(name: str, said: str) -> bool:
    """Whether a name stands in a text, plainly or as JSON escapes it."""
    return name in said or name.encode("unicode_escape").decode() in said


async def test_marking_replaces_every_copy_of_the_name(site):
    """Booking, invitation, wish, title and who is kept apart; nothing in the database names the person any more."""
    first = await book(site)
    party = next(iter((await views.booking_view(site.db, site.clock, site.who["officer"], first.id)).parties[-1:])).id
    await invites.invite(site.db, site.clock, site.who["officer"], first.id, party)
    key = guest_key(site.cases["0317"], NAME)
    async with site.db.transaction() as tx:
        held = {Relation.OWN_CASE}
        other = site.persons["张伟民"]
        await screening.keep_apart(
            tx, site.clock, site.who["officer"], held, one=key, other=other, reason=Reason.THREAT
        )
    assert is_in(NAME, await everything(site))
    row = await protect(site)
    assert not is_in(NAME, await everything(site))
    assert await guest_of(site, first) == row.alias == "化名甲"
    async with site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(Invitation.name))).scalar_one() == row.alias
        pairs = await screening.pairs(tx, {guest_key(site.cases["0317"], row.alias)})
    assert {pair for pair in pairs if site.persons["张伟民"] in (pair.one, pair.other)}
    second = await book(site, 5, " 孙 丽 ")
    assert await guest_of(site, second) == row.alias
    assert not is_in(NAME, await everything(site))


async def test_another_case_and_another_name_are_left_alone(site):
    """The alias is of one case; a longer name that begins the same is somebody else."""
    row = await protect(site)
    assert await guest_of(site, await book(site, 2, "孙丽华")) == "孙丽华"
    wish = site.statement(4, case=site.cases["0408"], guests=(GuestWish(Role.WITNESS, NAME),))
    made = await bookings.request_booking(site.db, site.clock, site.who["officer"], wish)
    assert await guest_of(site, made) == NAME != row.alias


async def test_a_live_session_gets_the_veil_and_a_record_its_cover(site):
    """What a roster lays over what is said, and whom a composed picture masks."""
    made = await book(site)
    assert await covering.covers(site.db)(made.id) == covering.Cover()
    row = await protect(site)
    async with site.db.transaction(write=False) as tx:
        found = await roster(tx, made.id)
    assert found.veil.text(f"{NAME}在") == f"{row.alias}在"
    cover = await covering.covers(site.db)(made.id)
    assert (cover.masked, cover.expected) == ({row.alias}, True)


async def test_the_name_is_read_after_the_ledger_holds_it(site, monkeypatch):
    """Who, what for; when the ledger cannot hold it nothing is told."""
    row = await protect(site)
    officer = site.who["officer2"]
    officer = proved(site, officer)

    async def read() -> str:
        return await protecting.read_name(site.db, site.clock, officer, row.id, Purpose.SERVICE)

    assert await read() == NAME
    found, _ = await protecting.person(site.db, site.who["officer"], row.id)
    assert [(look.name, look.purpose) for look in found.looks] == [(officer.name, "service")]

    async def broken(*_args, **_values):
        raise OSError("no space")

    monkeypatch.setattr(ledger, "append", broken)
    with pytest.raises(Unavailable):
        await read()
    site.clock.advance(3600)
    monkeypatch.undo()
    with pytest.raises(Denied) as refused:
        await read()
    assert refused.value.code == "step-up"


async def test_nobody_without_the_case_marks_or_finds_anybody(site):
    """Not the post, not the lawyer, not an officer of another case; the reviewer sees the alias and reads no name."""
    row = await protect(site)
    for login in ("duty", "lawyer", "interpreter", "prosecutor", "inspector", "admin"):
        with pytest.raises((Denied, NotFound)):
            await protecting.protect(site.db, site.clock, site.who[login], marking(site, name="李四"), ())
        with pytest.raises((Denied, NotFound)):
            await protecting.overview(site.db, site.who[login])
        with pytest.raises((Denied, NotFound)):
            await protecting.read_name(site.db, site.clock, site.who[login], row.id, Purpose.COURT)
    (case,) = await protecting.overview(site.db, site.who["reviewer"])
    assert [(one.alias, one.name, one.may) for one in case.persons] == [(row.alias, "", frozenset())]
    with pytest.raises(Denied):
        await protecting.read_name(site.db, site.clock, site.who["reviewer"], row.id, Purpose.COURT)


async def test_one_person_has_one_alias_in_a_case(site):
    """Marked twice, by real name or by alias: refused, and nothing changes."""
    row = await protect(site)
    for name in (NAME, "孙 丽", row.alias):
        with pytest.raises(Conflict):
            await protecting.protect(site.db, site.clock, site.who["officer"], marking(site, name=name), ())
    with pytest.raises(Invalid):
        await protecting.protect(
            site.db, site.clock, site.who["officer"], marking(site, name="赵六", alias="张伟民"), ()
        )
    await book(site)
    for name in ("张伟民", "周 建平"):
        with pytest.raises(Invalid) as refused:
            await protecting.protect(site.db, site.clock, site.who["officer"], marking(site, name=name), ())
        assert refused.value.code == "not-a-guest"
    other = await protect(site, name="赵六六", alias="证人甲")
    assert other.alias == "证人甲"


async def test_an_alias_ends_when_another_person_approves(site):
    """The officer asks, the reviewer approves with fresh proof; the name stands again, the alias is never used anew."""
    made, told = await book(site), []

    async def beyond(_tx, change: Change) -> None:
        told.append(change)

    row, officer, reviewer = await protect(site), site.who["officer"], site.who["reviewer"]
    with pytest.raises(Denied):
        await protecting.decide_end(site.db, site.clock, officer, row.id, approve=True, beyond=(beyond,))
    await protecting.ask_end(site.db, site.clock, officer, row.id, Ending.DANGER_OVER)
    assert await guest_of(site, made) == row.alias
    with pytest.raises(Denied) as refused:
        await protecting.decide_end(site.db, site.clock, reviewer, row.id, approve=True, beyond=(beyond,))
    assert refused.value.code == "step-up"
    fresh = proved(site, reviewer)
    await protecting.decide_end(site.db, site.clock, fresh, row.id, approve=True, beyond=(beyond,))
    assert await guest_of(site, made) == NAME
    assert [(change.sessions, bool(change.veil)) for change in told] == [((made.id,), False)]
    with pytest.raises(Conflict):
        await protecting.read_name(site.db, site.clock, proved(site, officer), row.id, Purpose.COURT)
    assert (await protect(site)).alias == "化名乙"
    async with site.db.transaction(write=False) as tx:
        tags = [e.tag for e in await ledger.find(tx, ledger.Wanted(subjects=(row.id,)))]
    assert sorted(tags) == ["person.protected", "person.protection-end-asked", "person.protection-ended"]


async def test_a_refused_request_leaves_the_alias(site):
    """The reviewer refuses; it can be asked for again."""
    row, reviewer = await protect(site), site.who["reviewer"]
    fresh = proved(site, reviewer)
    await protecting.ask_end(site.db, site.clock, site.who["officer"], row.id, Ending.MISTAKE)
    with pytest.raises(Conflict):
        await protecting.ask_end(site.db, site.clock, site.who["officer"], row.id, Ending.MISTAKE)
    assert await protecting.decide_end(site.db, site.clock, fresh, row.id, approve=False, beyond=()) is None
    found, _ = await protecting.person(site.db, site.who["officer"], row.id)
    assert found.state is Standing.STANDING


async def test_a_minor_guest_is_named_to_the_officers_of_the_case_alone(site):
    """Beside the alias, on the booking; the post of the room reads the alias, and the volume holds the birthday."""
    made = await book(site)
    row = await protect(site, ground=Ground.MINOR, source=Source.DOCUMENT, born=date(2012, 5, 1))
    assert row.alias == "未成年人甲"
    assert "2012-05-01" not in await everything(site)
    shown = await views.booking_view(site.db, site.clock, site.who["officer2"], made.id)
    assert f"{row.alias}（{NAME}）" in [party.name for party in shown.parties]
    async with site.db.transaction(write=False) as tx:
        found = await tx.get_one(Booking, made.id)
        (unnamed,) = await views.views(tx, site.who["duty"], [found], site.clock.now())
    assert NAME not in str(unnamed)


async def test_a_minor_in_custody_is_named_where_they_are_held_and_defended(site):
    """Kept under no name; told to officer, post and lawyer, to no interpreter and no post elsewhere."""
    async with site.db.transaction() as tx:
        (await tx.get_one(CustodyPerson, site.persons["张伟民"])).born = date(2010, 1, 1)
    wish = site.interrogation(
        guests=(GuestWish(Role.GUARDIAN, "张父"),), interpreters=(site.who["interpreter"].id,), start=site.at(2)[0]
    )
    made = await bookings.request_booking(site.db, site.clock, site.who["officer"], wish)
    assert isinstance(made, Booking), made
    async with site.db.transaction(write=False) as tx:
        kept = (await tx.execute(select(Party.name).where(Party.custody_person.is_not(None)))).scalar_one()
        found = await roster(tx, made.id)
    assert kept == "未成年人"
    assert found.veil.text("张伟民到了") == "未成年人到了"
    for login, named in (("officer", True), ("duty", True), ("interpreter", False)):
        shown = await views.booking_view(site.db, site.clock, site.who[login], made.id)
        assert any(party.name == "张伟民" for party in shown.parties) is named, login
    assert next(p for p in found.parties if p.custody_person).endpoint_role is EndpointRole.ROOM


async def test_without_the_secrets_nothing_goes_on(site, vault):
    """A program that was not handed the vault books nobody in such a case, rather than somebody by name."""
    await protect(site)
    site.db.vault = None
    with pytest.raises(OperatorError, match="secrets"):
        await book(site)


async def test_a_rotated_key_of_the_volume_opens_nothing_old(site, vault):
    """Everything is sealed anew, then the old key can go."""
    row = await protect(site)
    resealing.ELSEWHERE[Key.NAMES] = volume.reseal
    _, changed = await resealing.rotate(site.db, site.clock, vault, Key.NAMES)
    assert (changed, len(vault.keys(Key.NAMES))) == (1, 1)
    async with site.db.transaction(write=False) as tx:
        assert volume.real_name(tx, await tx.get_one(ProtectedPerson, row.id)) == NAME
    with pytest.raises(OperatorError):
        vault.unseal(row.sealed, f"protected-person:{row.id}", Key.SEAL)


async def test_an_upgrade_names_no_minor_in_custody_and_going_back_does_again(site):
    """Bookings made before: of a minor under no name, of others as they were, both ways; the guards are there after."""
    minor, adult = site.persons["张伟民"], site.persons["李秋生"]
    async with site.db.transaction() as tx:
        (await tx.get_one(CustodyPerson, minor)).born = date(2010, 1, 1)
    guardian = (GuestWish(Role.GUARDIAN, "张父"),)
    first = await bookings.request_booking(
        site.db, site.clock, site.who["officer"], site.interrogation(guests=guardian)
    )
    second = await bookings.request_booking(
        site.db, site.clock, site.who["officer"], site.interrogation(4, person="李秋生", number="0408")
    )
    assert isinstance(first, Booking), first
    assert isinstance(second, Booking), second

    async def names() -> dict[str, str]:
        query = text("SELECT custody_person, name FROM parties WHERE custody_person IS NOT NULL")
        async with site.db.transaction(write=False) as tx:
            return {row[0]: row[1] for row in await tx.execute(query)}

    assert await names() == {minor: "未成年人", adult: "李秋生"}
    await migrate.downgrade(site.db, "0019")
    assert await names() == {minor: "张伟民", adult: "李秋生"}
    await migrate.upgrade(site.db, (ledger.GUARD, exclusion.GUARD))
    await migrate.check(site.db, (ledger.GUARD, exclusion.GUARD))
    assert await names() == {minor: "未成年人", adult: "李秋生"}


async def test_nobody_goes_back_while_somebody_is_protected(site):
    """The table is the only place that knows whose the alias is."""
    await protect(site)
    with pytest.raises(RuntimeError, match="protected"):
        await migrate.downgrade(site.db, "0019")
    found = await protecting.overview(site.db, site.who["officer"])
    assert [one.alias for case in found for one in case.persons] == ["化名甲"]
