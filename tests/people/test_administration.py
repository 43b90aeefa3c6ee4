"""Administrators act inside their own tree, at or below their own organisation, and never on themselves."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from core import ledger
from core.errors import Conflict, Denied, Invalid, NotFound
from people import administration, registry, store
from people.administration import Post, Registration
from people.models import Person
from people.principals import Role, Tree
from people.roles import ROLES_OF, check_grant
from tests.people.conftest import FACILITY, PASSWORD


async def entries(database) -> int:
    async with database.transaction(write=False) as tx:
        return (await tx.execute(select(func.count()).select_from(ledger.Entry))).scalar_one()


async def roles(database, person) -> set[str]:
    async with database.transaction(write=False) as tx:
        return {grant.role for grant in await store.grants(tx, person)}


async def test_an_administrator_grants_in_the_own_tree(database, clock, site):
    """A role of the police goes to a person of the police, with an entry in the ledger."""
    admin = await site.principal(database, "admin")
    before = await entries(database)
    await administration.grant_role(database, clock, admin, person=site.persons["officer"], role="reviewer")
    assert await roles(database, site.persons["officer"]) == {"officer", "reviewer"}
    assert await entries(database) == before + 1


@pytest.mark.parametrize(
    ("who", "whom", "role"),
    [
        ("admin", "lawyer", "lawyer"),
        ("admin", "lawyer", "officer"),
        ("admin.justice", "officer", "officer"),
        ("admin.justice", "officer", "lawyer"),
        ("admin.justice", "admin", "administrator"),
        ("officer", "duty", "officer"),
        ("lawyer", "lawyer", "administrator"),
        ("admin.branch", "reviewer", "officer"),
        ("admin.branch", "admin", "officer"),
        ("admin", "admin", "reviewer"),
    ],
)
async def test_nobody_grants_outside_the_own_tree(database, clock, site, who, whom, role):
    """Another tree, another branch, without the role, or to oneself: refused, nothing changed, nothing written."""
    principal, before = await site.principal(database, who), await entries(database)
    held = await roles(database, site.persons[whom])
    with pytest.raises(Denied):
        await administration.grant_role(database, clock, principal, person=site.persons[whom], role=role)
    assert await roles(database, site.persons[whom]) == held
    assert await entries(database) == before


@pytest.mark.parametrize("role", ["lawyer", "judge", "prosecutor", "guest", "terminal", "operator", "root", ""])
async def test_a_tree_has_no_roles_of_another(database, clock, site, role):
    """The police administrator cannot make a lawyer, a judge, or a device."""
    admin = await site.principal(database, "admin")
    with pytest.raises(Invalid):
        await administration.grant_role(database, clock, admin, person=site.persons["officer"], role=role)


@pytest.mark.parametrize("tree", list(Tree))
@pytest.mark.parametrize("role", list(Role))
def test_which_roles_a_tree_has(tree, role):
    """Exactly the roles listed for a tree can be granted in it."""
    facility = FACILITY if role is Role.DUTY_OFFICER else None
    if role in ROLES_OF[tree]:
        assert check_grant(role, tree, facility) is role
    else:
        with pytest.raises(Invalid):
            check_grant(role, tree, facility)


async def test_a_duty_officer_is_named_for_one_facility(database, clock, site):
    """The role needs a facility of the tree, and there is one post per person."""
    admin, person = await site.principal(database, "admin"), site.persons["officer"]

    async def on_duty(post):
        await administration.grant_role(database, clock, admin, person=person, role="duty_officer", post=post)

    with pytest.raises(Invalid):
        await on_duty(None)
    with pytest.raises(Denied):
        await on_duty(Post("g" * 22, site.justice))
    await on_duty(Post("g" * 22, site.branch))
    assert (await site.principal(database, "officer")).facility == "g" * 22
    with pytest.raises(Conflict):
        await on_duty(Post("h" * 22, site.branch))


async def test_a_revoked_role_is_gone_from_the_next_request(database, clock, site):
    """The principal no longer has it; the grant stays as history; taking it back twice is refused."""
    admin = await site.principal(database, "admin")
    async with database.transaction(write=False) as tx:
        grant = (await store.grants(tx, site.persons["officer"]))[0].id
    await administration.revoke_role(database, clock, admin, grant=grant)
    assert (await site.principal(database, "officer")).roles == frozenset()
    with pytest.raises(NotFound):
        await administration.revoke_role(database, clock, admin, grant=grant)


async def test_registering_opens_an_account_below(database, clock, door, site, enter):
    """A branch's administrator registers people of the branch, who can then sign in."""
    admin = await site.principal(database, "admin.branch")
    wanted = Registration(organisation=site.branch, name="李四", login="Li.Si", password="seven small green pears")
    person = await administration.register(database, clock, door, admin, wanted)
    async with database.transaction(write=False) as tx:
        assert (await tx.get_one(Person, person)).name == "李四"
    from people import logins

    _, principal = await logins.sign_in(
        database, clock, door, login="li.si", password="seven small green pears", address="192.0.2.9"
    )
    assert principal.roles == frozenset()


@pytest.mark.parametrize("where", ["bureau", "other_branch", "justice"])
async def test_registering_elsewhere_is_refused(database, clock, door, site, where):
    """Above, beside and in another tree a branch's administrator registers nobody."""
    admin = await site.principal(database, "admin.branch")
    wanted = Registration(organisation=getattr(site, where), name="李四", login="li", password="seven small pears")
    with pytest.raises(Denied):
        await administration.register(database, clock, door, admin, wanted)


async def test_a_taken_login_is_refused_and_nothing_is_left(database, clock, door, site):
    """The person is not registered when the account cannot be opened."""
    admin, before = await site.principal(database, "admin"), await entries(database)
    wanted = Registration(organisation=site.bureau, name="李四", login=" OFFICER", password="seven small green pears")
    with pytest.raises(Conflict):
        await administration.register(database, clock, door, admin, wanted)
    assert await entries(database) == before


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\x00b", "a\nb"])
async def test_an_unusable_name_is_refused(database, clock, site, name):
    """Empty, overlong and control characters never reach a lobby."""
    async with database.transaction() as tx:
        with pytest.raises(Invalid):
            await registry.add_person(tx, clock, organisation=site.branch, name=name)


async def test_only_the_own_tree_suspends(database, clock, site):
    """Police never suspend a lawyer; the justice bureau does."""
    police, justice = await site.principal(database, "admin"), await site.principal(database, "admin.justice")
    with pytest.raises(Denied):
        await administration.suspend(database, clock, police, person=site.persons["lawyer"])
    await administration.suspend(database, clock, justice, person=site.persons["lawyer"])
    async with database.transaction(write=False) as tx:
        assert await store.account_principal(tx, site.persons["lawyer"]) is None


async def test_sign_in_history_is_for_the_own_tree_and_addresses_for_its_security_staff(database, clock, site, enter):
    """Where lawyers sign in from: the justice side's security staff alone, and their look is in the ledger."""
    await enter("lawyer")
    lawyer, justice = site.persons["lawyer"], await site.principal(database, "admin.justice")
    guard = replace(justice, roles=frozenset({"security"}))
    seen = {}
    for name, who in (("administrator", justice), ("security", guard)):
        seen[name] = [one.address for one in await administration.sign_ins(database, clock, who, person=lawyer)]
    assert seen == {"administrator": [""], "security": ["192.0.2.1"]}
    async with database.transaction(write=False) as tx:
        assert len(await ledger.find(tx, ledger.Wanted(tag="sign-ins.viewed", subjects=(lawyer,)))) == 1
    police = await site.principal(database, "admin")
    for who in (police, replace(police, roles=frozenset({"security"}))):
        with pytest.raises(Denied):
            await administration.sign_ins(database, clock, who, person=lawyer)


async def test_lists_show_the_own_subtree(database, clock, site):
    """A branch's administrator sees the branch, the bureau's all of the police, neither the lawyers."""
    names = {}
    for who in ("admin", "admin.branch"):
        found = await administration.people(database, await site.principal(database, who))
        names[who] = {person.id for person, _ in found}
    branch = {site.persons[login] for login in ("officer", "duty", "admin.branch")}
    assert names["admin.branch"] == branch
    assert names["admin"] == branch | {site.persons["admin"], site.persons["reviewer"]}
    with pytest.raises(Denied):
        await administration.people(database, await site.principal(database, "officer"))


async def test_search_finds_by_name_number_and_login(database, site):
    """A part of any of the three is enough; a pattern character is no pattern."""
    admin = await site.principal(database, "admin")
    for part, count in (("王offi", 1), ("n-duty", 1), ("REVIEW", 1), ("zzz", 0), ("%", 0), ("_", 0)):
        assert len(await administration.people(database, admin, search=part)) == count


async def test_a_reset_password_ends_all_logins(database, clock, door, site, enter):
    """After a reset the old password and the old browser are out."""
    from people import logins

    cookie, _ = await enter("officer")
    admin = await site.principal(database, "admin")
    await administration.reset_password(
        database, clock, door, admin, person=site.persons["officer"], password="seven small green pears"
    )
    assert await logins.authenticate(database, clock, cookie) is None
    with pytest.raises(Denied):
        await enter("officer", password=PASSWORD)
    await enter("officer", password="seven small green pears")


async def test_the_line_runs_from_a_node_to_its_root(database, site):
    """A branch stands under its bureau; nothing stands above a root; an unknown id has no line."""
    async with database.transaction(write=False) as tx:
        assert await store.line(tx, site.branch) == (site.branch, site.bureau)
        assert await store.line(tx, site.bureau) == (site.bureau,)
        assert await store.line(tx, "x" * 22) == ()
        assert set(await store.below(tx, site.bureau)) == {site.bureau, site.branch, site.other_branch}


async def test_roles_and_resets_need_fresh_proof(database, clock, door, site):
    """An administrator who left the screen open an hour ago is asked again; a suspension is never delayed."""
    admin = await site.principal(database, "admin")
    clock.advance(3600)
    person = site.persons["officer"]
    for act in (
        administration.grant_role(database, clock, admin, person=person, role="reviewer"),
        administration.reset_password(database, clock, door, admin, person=person, password="seven small green pears"),
    ):
        with pytest.raises(Denied) as caught:
            await act
        assert caught.value.code == "step-up"
    await administration.suspend(database, clock, admin, person=person)
