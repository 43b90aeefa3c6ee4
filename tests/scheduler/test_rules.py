"""Each rule, kept and broken; which version applies on which day."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from cases.kinds import INTERROGATION, STATEMENT, VISIT, Role
from cases.models import CustodyStatus, Offence, Stage
from scheduler.facts import Facts, RoomFacts
from scheduler.models import FacilityKind, RoomUse
from scheduler.rules import RULES, Severity, first_refusal, judge

NOW = datetime.fromisoformat("2026-03-02T04:00:00+00:00")


def room(use=RoomUse.INTERROGATION, facility="centre", kind=FacilityKind.DETENTION_CENTRE, id_="1"):
    """A room as the rules see it."""
    return RoomFacts(id_, "Room", use, facility, facility, kind, "unit", "Asia/Shanghai", timedelta(0), timedelta(0))


def facts(kind, roles, **more):
    """A plan of one hour in two hours."""
    base = Facts(kind=kind, now=NOW, start=NOW + timedelta(hours=2), end=NOW + timedelta(hours=3), roles=tuple(roles))
    return replace(base, **more)


VISITING = facts(
    VISIT,
    [Role.LAWYER, Role.DETAINEE],
    far=room(RoomUse.VISIT),
    custody_facility="centre",
    custody_status=CustodyStatus.DETAINED,
)
QUESTIONING = facts(
    INTERROGATION,
    [Role.OFFICER, Role.OFFICER, Role.DETAINEE],
    far=room(),
    custody_facility="centre",
    custody_status=CustodyStatus.DETAINED,
)
HEARING = facts(STATEMENT, [Role.OFFICER, Role.OFFICER, Role.WITNESS])


def refused(of):
    """The id of the first rule that refuses, or None."""
    found = first_refusal(of, RULES)
    return found.rule if found else None


@pytest.mark.parametrize("of", [VISITING, QUESTIONING, HEARING])
def test_an_ordinary_session_is_allowed(of):
    """Nothing is refused when all is as it should be."""
    assert refused(of) is None


@pytest.mark.parametrize("role", [Role.OFFICER, Role.COOPERATING_OFFICER, Role.DUTY_OFFICER, Role.WITNESS])
def test_an_officer_in_a_visit_is_refused(role):
    """Nobody but lawyer, client, interpreter and guardian takes part (LV-3)."""
    assert refused(replace(VISITING, roles=(*VISITING.roles, role))) == "LV-3"


def test_a_grave_case_needs_a_permit_while_investigated():
    """National security and terrorism, at investigation stage, without a permit (LV-2)."""
    grave = replace(VISITING, offence=Offence.SECURITY)
    assert refused(grave) == "LV-2"
    assert refused(replace(grave, has_permit=True)) is None
    assert refused(replace(grave, stage=Stage.TRIAL)) is None


def test_a_visit_elsewhere_than_the_client_is_refused():
    """A visit takes place where the client is held."""
    assert refused(replace(VISITING, far=room(RoomUse.VISIT, "elsewhere"))) == "LV-P"
    assert refused(replace(VISITING, far=None)) == "LV-P"


@pytest.mark.parametrize("of", [QUESTIONING, HEARING])
def test_one_officer_alone_is_refused(of):
    """Two officers throughout (IN-1); a co-operating officer at the other end counts."""
    alone = replace(of, roles=of.roles[1:])
    assert refused(alone) == "IN-1"
    assert refused(replace(alone, roles=(*alone.roles, Role.COOPERATING_OFFICER))) is None


@pytest.mark.parametrize(
    ("status", "where", "kept"),
    [
        (CustodyStatus.DETAINED, room(), True),
        (CustodyStatus.DETAINED, room(facility="other"), False),
        (CustodyStatus.DETAINED, room(facility="station", kind=FacilityKind.STATION), False),
        (CustodyStatus.NOT_ADMITTED, room(kind=FacilityKind.CASE_CENTRE), True),
        (CustodyStatus.NOT_ADMITTED, room(kind=FacilityKind.STATION), True),
        (CustodyStatus.NOT_ADMITTED, room(), False),
        (CustodyStatus.OUTSIDE, room(), False),
        (CustodyStatus.RELEASED, room(kind=FacilityKind.CASE_CENTRE), True),
        (CustodyStatus.RELEASED, room(), False),
        (CustodyStatus.DETAINED, None, False),
    ],
)
def test_the_place_of_an_interrogation_follows_custody(status, where, kept):
    """Before admission in case premises, afterwards inside the detention centre (IN-2)."""
    assert refused(replace(QUESTIONING, custody_status=status, far=where)) == (None if kept else "IN-2")


def test_an_approved_place_is_an_enumerated_exception():
    """Hospital, home and on-site lift IN-2; any other word does not."""
    outside = replace(QUESTIONING, custody_status=CustodyStatus.OUTSIDE)
    assert refused(replace(outside, exceptions=frozenset({"IN-2:hospital"}))) is None
    assert refused(replace(outside, exceptions=frozenset({"IN-2:because"}))) == "IN-2"


def test_a_minor_needs_a_guardian():
    """Under eighteen on the day of the session (IN-7)."""
    day = QUESTIONING.start.date()
    eighteen = date(day.year - 18, day.month, day.day)
    assert refused(replace(QUESTIONING, born=eighteen)) is None
    young = replace(QUESTIONING, born=eighteen + timedelta(days=1))
    assert refused(young) == "IN-7"
    assert refused(replace(young, roles=(*young.roles, Role.GUARDIAN))) is None


def test_a_person_who_needs_an_interpreter_gets_one():
    """Deaf, mute or speaking another language (IN-7i)."""
    needs = replace(QUESTIONING, needs_interpreter=True)
    assert refused(needs) == "IN-7i"
    assert refused(replace(needs, roles=(*needs.roles, Role.INTERPRETER))) is None


def test_two_witnesses_at_once_are_refused():
    """One witness or victim at a time, and never none (WS-1)."""
    assert refused(replace(HEARING, roles=(*HEARING.roles, Role.VICTIM))) == "WS-1"
    assert refused(replace(HEARING, roles=(Role.OFFICER, Role.OFFICER))) == "WS-1"


def test_a_room_of_another_use_is_refused():
    """A room serves the kinds it is made for (RM-1)."""
    assert refused(replace(VISITING, far=room(RoomUse.INTERROGATION))) == "RM-1"
    assert refused(replace(VISITING, own=room(RoomUse.EVIDENCE, id_="2"))) == "RM-1"


def test_the_version_of_the_day_applies():
    """A rule that ends and begins anew on a day is judged by the day that is asked for."""
    rule = next(r for r in RULES if r.id == "IN-1")
    change = date(2027, 1, 1)
    old = replace(rule, until=change)
    new = replace(rule, since=change, parameters={"officers": 3})
    assert not judge(QUESTIONING, (old, new), date(2026, 12, 31))
    breach = judge(QUESTIONING, (old, new), change)
    assert [b.values for b in breach] == [{"officers": 3}]


def test_only_severe_rules_forbid():
    """An alarm or defect is found but does not refuse."""
    rule = replace(next(r for r in RULES if r.id == "IN-1"), severity=Severity.ALARM)
    alone = replace(QUESTIONING, roles=QUESTIONING.roles[1:])
    assert judge(alone, (rule,))
    assert first_refusal(alone, (rule,)) is None


def test_rule_ids_and_dates_are_unambiguous():
    """Two versions of one rule are never in force on the same day."""
    for rule in RULES:
        others = [r for r in RULES if r.id == rule.id and r is not rule]
        assert not any(r.in_force(rule.since) for r in others)
