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
    permit_named=2,
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
    assert refused(replace(grave, exceptions=frozenset({"LV-2:permit"}))) is None
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


def found(of):
    """Ids of everything the rules find, refusing or not."""
    return [breach.rule.id for breach in judge(of, RULES)]


def test_a_room_without_enough_seats_is_refused():
    """Each side's room; one room for both holds both; facts kept from before this was looked at are not judged by it
    (RM-2)."""
    small = replace(room(), capacity=2)
    assert refused(replace(QUESTIONING, far=small, far_persons=2)) is None
    assert refused(replace(QUESTIONING, far=small, far_persons=3)) == "RM-2"
    other = replace(room(id_="2"), capacity=2)
    assert refused(replace(QUESTIONING, far=small, far_persons=1, own=other, own_persons=2)) is None
    assert refused(replace(QUESTIONING, far=small, far_persons=1, own=other, own_persons=3)) == "RM-2"
    assert refused(replace(QUESTIONING, far=small, far_persons=1, own=small, own_persons=2)) == "RM-2"
    assert refused(replace(QUESTIONING, far=room(), far_persons=99)) is None


def test_a_permit_naming_one_officer_is_a_warning():
    """The facility checks it on the spot: nothing is refused (IN-2b)."""
    assert found(replace(QUESTIONING, permit_named=1)) == ["IN-2b"]
    assert (
        found(replace(QUESTIONING, permit_named=1, far=room(kind=FacilityKind.CASE_CENTRE), custody_status=None)) == []
    )


def test_a_girl_calls_for_a_female_officer():
    """A minor girl raises an alarm that refuses nothing (IN-7g)."""
    girl = replace(QUESTIONING, sex="female", born=date(2012, 1, 1), roles=(*QUESTIONING.roles, Role.GUARDIAN))
    assert found(girl) == ["IN-7g"]
    assert refused(girl) is None
    assert found(replace(girl, born=date(1990, 1, 1))) == []


def test_a_summons_has_a_length_and_a_rest():
    """At liberty: twelve hours, twenty-four with approval, twelve between two (IN-6)."""
    free = replace(QUESTIONING, custody_status=CustodyStatus.RELEASED, far=room(kind=FacilityKind.CASE_CENTRE))
    start = free.start
    assert refused(replace(free, end=start + timedelta(hours=12))) is None
    long = replace(free, end=start + timedelta(hours=13))
    assert refused(long) == "IN-6l"
    assert refused(replace(long, exceptions=frozenset({"IN-6l:approved-24h"}))) is None
    assert refused(replace(free, last_questioned=start - timedelta(hours=11))) == "IN-6r"
    assert refused(replace(free, last_questioned=start - timedelta(hours=12))) is None
    assert refused(replace(QUESTIONING, last_questioned=start - timedelta(hours=1))) is None


def test_the_first_questioning_within_a_day_is_watched():
    """Later than a day after detention is an alarm, once questioned none (IN-6f)."""
    late = replace(QUESTIONING, custody_since=QUESTIONING.start - timedelta(hours=25))
    assert found(late) == ["IN-6f"]
    assert found(replace(late, questioned_before=True)) == []
    assert found(replace(late, custody_since=QUESTIONING.start - timedelta(hours=24))) == []


def test_only_repeated_no_shows_close_online_booking():
    """Two are forgiven, three close the page until the facility opens it (LV-4c)."""
    assert refused(replace(VISITING, lawyer_no_shows=2)) is None
    often = replace(VISITING, lawyer_no_shows=3)
    assert refused(often) == "LV-4c"
    assert refused(replace(often, exceptions=frozenset({"LV-4c:lifted"}))) is None


def test_notice_is_a_parameter():
    """Without notice by default; a deployment that asks for three hours refuses two (LV-4n)."""
    rule = next(r for r in RULES if r.id == "LV-4n")
    assert not judge(VISITING, (rule,))
    assert judge(VISITING, (replace(rule, parameters={"hours": 3}),))


def test_the_night_needs_approval():
    """From ten to six by the clock of the place, unless set otherwise, a questioning there is refused unless approved;
    elsewhere not."""
    rule = next(r for r in RULES if r.id == "IN-2n")
    unset = replace(rule, parameters={"from_hour": 0, "until_hour": 0})
    late = replace(QUESTIONING, start=NOW + timedelta(hours=9, minutes=30), end=NOW + timedelta(hours=10, minutes=30))
    assert [breach.values["from"] for breach in judge(late, (rule,))] == [NOW + timedelta(hours=18)]
    early = replace(QUESTIONING, start=NOW + timedelta(hours=17), end=NOW + timedelta(hours=18))
    assert judge(early, (rule,))
    assert not judge(replace(early, start=NOW + timedelta(hours=18), end=NOW + timedelta(hours=19)), (rule,))
    assert not judge(replace(late, exceptions=frozenset({"IN-2n:approved"})), (rule,))
    assert not judge(replace(late, far=room(kind=FacilityKind.CASE_CENTRE)), (rule,))
    assert not judge(late, (unset,))


def test_visits_begin_on_the_facilitys_grid():
    """A facility with hourly bands refuses a quarter past and names the next start, by its own clock (LV-4)."""
    rule = next(r for r in RULES if r.id == "LV-4s")
    hourly = replace(VISITING, far=replace(VISITING.far, slot_minutes=60))
    assert not judge(hourly, (rule,))
    late = replace(hourly, start=hourly.start + timedelta(minutes=15), end=hourly.end + timedelta(minutes=15))
    assert [breach.values["from"] for breach in judge(late, (rule,))] == [hourly.start + timedelta(hours=1)]
    kathmandu = replace(late, far=replace(late.far, zone="Asia/Kathmandu"))
    assert not judge(kathmandu, (rule,))


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
