"""One table decides; what it does not hold is denied."""

from itertools import product

import pytest

from core.errors import Denied
from people.permissions import STEP_UP, TABLE, Action, Relation, allowed, relations, require
from people.principals import Principal, Role

POLICE_ONLY_PICTURE = (Action.VIEW_RECORD, Action.PLAY_RECORD, Action.EXPORT_RECORD, Action.UNSEAL_RECORD)


def somebody(*roles: str, **more) -> Principal:
    return Principal(kind="account", id="p1", name="王某", roles=frozenset(roles), **more)


def test_nobody_may_anything():
    """Without a principal, without a role, or with an invented role every action is denied."""
    everything = frozenset(Relation)
    for action, who in product(Action, (None, somebody(), somebody("root"))):
        assert not allowed(who, action, everything)


def test_every_role_has_its_row_and_every_action_an_owner():
    """Each role stands in the table; what sealing will ask for belongs to nobody yet."""
    assert set(TABLE) == set(Role)
    granted = {action for row in TABLE.values() for action in row}
    assert set(Action) - granted == {Action.UNSEAL_RECORD}


def test_a_role_without_relation_gets_only_what_needs_none():
    """With no relation to the object, only rules that ask for none apply."""
    for role, action in product(Role, Action):
        assert allowed(somebody(role), action) == (Relation.ANY in TABLE[role].get(action, ()))


def test_the_table_is_what_decides():
    """Role, action and relation together decide, exactly as the table says."""
    for role, action, relation in product(Role, Action, Relation):
        row = TABLE[role].get(action, frozenset())
        assert allowed(somebody(role), action, {relation}) == (relation in row or Relation.ANY in row)


def test_roles_add_up_and_never_subtract():
    """Somebody with two roles may what either may."""
    both = somebody("officer", "reviewer")
    assert allowed(both, Action.BOOK_STATEMENT, {Relation.OWN_CASE})
    assert allowed(both, Action.EXPORT_RECORD, {Relation.OWN_TREE})


@pytest.mark.parametrize("role", [Role.DUTY_OFFICER, Role.ADMINISTRATOR, Role.GUEST, Role.TERMINAL, Role.LAWYER])
@pytest.mark.parametrize("action", POLICE_ONLY_PICTURE)
def test_who_sees_presence_never_sees_pictures(role, action):
    """Duty post, administrators, guests, terminals and lawyers open no recording by any relation."""
    assert not allowed(somebody(role), action, frozenset(Relation))


@pytest.mark.parametrize("action", list(Action))
def test_the_operator_reaches_only_own_rehearsals(action):
    """A token never opens what others made: only its own objects, health, devices and new rehearsals."""
    foreign = frozenset(Relation) - {Relation.SELF, Relation.ANY}
    open_to_it = {Action.BOOK_REHEARSAL, Action.VIEW_HEALTH, Action.CHECK_DEVICES}
    assert allowed(somebody("operator"), action, foreign) == (action in open_to_it)


def test_an_officer_never_books_a_visit_and_a_lawyer_never_an_interrogation():
    """The two sides of custody stay apart (LV-3)."""
    everything = frozenset(Relation)
    assert not allowed(somebody("officer"), Action.BOOK_VISIT, everything)
    assert not allowed(somebody("lawyer"), Action.BOOK_INTERROGATION, everything)
    assert not allowed(somebody("lawyer"), Action.VIEW_DAY_LIST, everything)


def test_refusals_have_stable_codes():
    """Not signed in and not allowed are told apart; allowed returns the principal."""
    with pytest.raises(Denied) as caught:
        require(None, Action.JOIN)
    assert caught.value.code == "sign-in"
    with pytest.raises(Denied) as caught:
        require(somebody("lawyer"), Action.VIEW_LEDGER)
    assert caught.value.code == "not-allowed"
    lawyer = somebody("lawyer")
    assert require(lawyer, Action.JOIN, {Relation.PARTICIPANT}) is lawyer


def test_relations_follow_from_ids():
    """Each relation holds exactly when the ids say so."""
    officer = somebody("duty_officer", organisation="o2", facility="f1")
    assert relations(officer) == frozenset()
    assert relations(officer, owner="p1") == {Relation.SELF}
    assert relations(officer, facility="f1") == {Relation.OWN_FACILITY}
    assert relations(officer, facility="f2") == frozenset()
    assert relations(officer, line=("o2", "o1")) == {Relation.OWN_UNIT, Relation.OWN_TREE}
    assert relations(officer, line=("o3", "o2", "o1")) == {Relation.OWN_TREE}
    assert relations(officer, line=("o1",)) == frozenset()
    assert relations(officer, participants=("p1", "p2")) == {Relation.PARTICIPANT}


def test_missing_places_match_nothing():
    """Somebody without a place is not related to an object without one."""
    nobody = Principal(kind="guest", id="i1", name="", roles=frozenset({"guest"}), session="s1")
    assert relations(nobody, owner=None, facility=None, session=None, rooms=()) == frozenset()
    assert relations(nobody, session="s1") == {Relation.PARTICIPANT}
    assert relations(nobody, session="s2") == frozenset()


def test_grave_acts_ask_for_fresh_proof():
    """Export, release, unseal, delete and role change are in the step-up list."""
    assert {
        Action.EXPORT_RECORD, Action.RELEASE_ORIGINAL, Action.UNSEAL_RECORD, Action.DELETE_RECORD, Action.GRANT_ROLE,
    } <= STEP_UP  # fmt: skip
