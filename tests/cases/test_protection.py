"""Who is known by an alias, by which one, who is told the name, who is masked: the table."""

from datetime import date

import pytest

from cases.kinds import KINDS, Role
from cases.protection import (
    Ground,
    Source,
    check_alias,
    check_marking,
    is_masked,
    is_minor,
    next_alias,
    tells_held_minor,
    tells_name,
)
from core.errors import Invalid
from people.permissions import STEP_UP, TABLE, Action, Relation
from people.principals import Principal
from people.principals import Role as Office

TODAY = date(2026, 3, 2)


def somebody(role: str) -> Principal:
    return Principal(kind="account", id="x", name="x", roles=frozenset({role}))


@pytest.mark.parametrize("office", list(Office))
@pytest.mark.parametrize("ground", list(Ground))
def test_no_page_tells_a_protected_name_and_minors_are_told_to_case_officers_and_prosecutors(office, ground):
    """Of every role, relation and ground: only these two, only minors."""
    for relation in Relation:
        told = tells_name(somebody(office), ground, {relation})
        expected = ground is Ground.MINOR and (office, relation) in {
            (Office.OFFICER, Relation.OWN_CASE),
            (Office.PROSECUTOR, Relation.PARTICIPANT),
        }
        assert told == expected, (relation, told)


@pytest.mark.parametrize("office", list(Office))
def test_a_minor_in_custody_is_named_to_those_who_hold_and_defend(office):
    """Besides officers and prosecutors the facility's own post and the lawyer who takes part, nobody."""
    allowed = {
        (Office.OFFICER, Relation.OWN_CASE),
        (Office.PROSECUTOR, Relation.PARTICIPANT),
        (Office.DUTY_OFFICER, Relation.OWN_FACILITY),
        (Office.LAWYER, Relation.SELF),
        (Office.LAWYER, Relation.PARTICIPANT),
    }
    for relation in Relation:
        assert tells_held_minor(somebody(office), {relation}) == ((office, relation) in allowed), relation


def test_reading_a_name_and_ending_protection_need_fresh_proof():
    """Only officers of the case read it, only another person's reviewer ends it, both after proof."""
    assert {Action.REVEAL_ALIAS, Action.END_PROTECTION} <= STEP_UP
    holders = {action: {r: set(row[action]) for r, row in TABLE.items() if action in row} for action in Action}
    assert holders[Action.REVEAL_ALIAS] == {Office.OFFICER: {Relation.OWN_CASE}}
    assert holders[Action.SEE_UNMASKED] == {Office.OFFICER: {Relation.OWN_CASE}}
    assert holders[Action.END_PROTECTION] == {Office.REVIEWER: {Relation.OWN_TREE}}


@pytest.mark.parametrize(
    ("kind", "ground", "role", "masked"),
    [
        ("statement", Ground.DANGER, Role.WITNESS, True),
        ("statement", Ground.PRIVACY, Role.VICTIM, True),
        ("statement", Ground.MINOR, Role.WITNESS, True),
        ("statement", Ground.MINOR, Role.GUARDIAN, False),
        ("interrogation", Ground.DANGER, Role.GUARDIAN, True),
        ("interrogation", Ground.MINOR, Role.DETAINEE, False),
        ("rehearsal", Ground.MINOR, Role.WITNESS, False),
    ],
)
def test_who_is_masked(kind, ground, role, masked):
    """Protected persons always; minors as the kind says, never whoever is questioned."""
    assert is_masked(KINDS[kind], ground, role) is masked


@pytest.mark.parametrize(
    ("born", "minor"),
    [(date(2008, 3, 2), False), (date(2008, 3, 3), True), (date(2008, 2, 29), False), (None, False)],
)
def test_a_minor_until_the_eighteenth_birthday(born, minor):
    """The day itself counts as of age; an unknown date makes nobody a minor."""
    assert is_minor(born, TODAY) is minor


def test_aliases_follow_one_another_and_are_never_used_again():
    """Ten stems, then numbers; minors have a word of their own."""
    taken: set[str] = set()
    for _ in range(12):
        taken.add(next_alias(Ground.DANGER, taken))
    assert {"化名甲", "化名癸", "化名甲2", "化名乙2"} <= taken
    assert len(taken) == 12
    assert next_alias(Ground.MINOR, taken) == "未成年人甲"


@pytest.mark.parametrize("alias", ["王", "王秀兰", "王某", "王姐", "秀兰", "王 秀 兰", "", "李四", "二\n三"])
def test_an_alias_that_tells_something_is_refused(alias):
    """Part of the name, the family name, somebody else's name, one character, a line break."""
    with pytest.raises(Invalid):
        check_alias(alias, "王秀兰", {"李四"})


def test_an_alias_that_tells_nothing_is_taken():
    """As it was typed, without outer blanks."""
    assert check_alias(" 证人A1 ", "王秀兰", {"李四"}) == "证人A1"


@pytest.mark.parametrize(
    ("name", "ground", "source", "born", "code"),
    [
        ("王", Ground.DANGER, Source.OWN_REQUEST, None, "name"),
        ("王秀兰", Ground.DANGER, Source.STATEMENT, None, "source"),
        ("王秀兰", Ground.MINOR, Source.UNIT_DECISION, None, "source"),
        ("王秀兰", Ground.MINOR, Source.DOCUMENT, None, "born"),
        ("王秀兰", Ground.MINOR, Source.DOCUMENT, date(2008, 3, 2), "not-minor"),
        ("王秀兰", Ground.MINOR, Source.STATEMENT, date(2026, 3, 3), "born"),
    ],
)
def test_a_marking_that_contradicts_itself_is_refused(name, ground, source, born, code):
    """Each with its own code, at its own field."""
    with pytest.raises(Invalid) as refused:
        check_marking(name, ground, source, born, TODAY)
    assert refused.value.code == code
