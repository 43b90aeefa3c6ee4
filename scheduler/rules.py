"""Rules about who may meet whom, where and when: data, each with an id, its source, effective dates and words.

A rule looks at ``Facts`` and either is kept or returns the values of its breach. Pure: the same facts and day give the
same answer years later, so that "would this have been allowed on that day?" can be asked.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from core.refusals import Refused
from scheduler import checks
from scheduler.checks import Parameters
from scheduler.facts import Facts

Check = Callable[[Facts, Parameters], Mapping[str, object] | None]
"""Returns ``None`` when the rule is kept, else the values that fill its text."""

ALWAYS = date(1979, 7, 1)


class Severity(StrEnum):
    """What a breach does."""

    REFUSE = "refuse"
    """It cannot be booked."""
    HOLD = "hold"
    """It can be booked; the session is held while the breach lasts."""
    ALARM = "alarm"
    """It can be booked; somebody is told."""
    DEFECT = "defect"
    """It is noted in the record, because it weakens the evidence."""


@dataclass(frozen=True)
class Rule:
    """One rule in one version. A later version has the same id and the next effective date."""

    id: str
    title: str
    """msgid"""
    source: str
    kinds: frozenset[str]
    check: Check
    text: str
    """msgid for whoever asks; never tells of other people's sessions."""
    severity: Severity = Severity.REFUSE
    parameters: Parameters = field(default_factory=dict)
    exceptions: Mapping[str, str] = field(default_factory=dict)
    """Enumerated words, each with a msgid, by which somebody entitled may lift it."""
    since: date = ALWAYS
    until: date | None = None
    input: str | None = None
    """Form field the sentence belongs to."""
    timed: bool = False
    """Whether another time may keep it: a search leaves such times out instead of refusing altogether."""
    proofs: tuple[str, ...] = ()
    """Tests that prove it."""

    def in_force(self, day: date) -> bool:
        """Whether this version applies on a day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True)
class Breach:
    """A rule that is not kept, with the values of its sentence."""

    rule: Rule
    values: Mapping[str, object]

    def refused(self) -> Refused:
        """The breach as the value a use case returns."""
        return Refused(self.rule.id, self.rule.text, self.values, self.rule.input)


def judge(facts: Facts, rules: Iterable[Rule], day: date | None = None) -> list[Breach]:
    """Every rule in force on ``day`` (default: the day of the session) that ``facts`` break, in the table's order."""
    on = day or facts.start.date()
    found = []
    for rule in rules:
        if facts.kind.code not in rule.kinds or not rule.in_force(on):
            continue
        if any(f"{rule.id}:{word}" in facts.exceptions for word in rule.exceptions):
            continue
        values = rule.check(facts, rule.parameters)
        if values is not None:
            found.append(Breach(rule, values))
    return found


def first_refusal(facts: Facts, rules: Iterable[Rule], day: date | None = None) -> Refused | None:
    """The first breach that forbids the booking, or ``None`` when it is allowed."""
    return next((b.refused() for b in judge(facts, rules, day) if b.rule.severity is Severity.REFUSE), None)


def untimed(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that no other time would keep."""
    return tuple(rule for rule in rules if not rule.timed)


def timed(facts: Facts, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules by which the time alone may forbid a session of this kind."""
    return tuple(r for r in rules if r.timed and r.severity is Severity.REFUSE and facts.kind.code in r.kinds)


def kept_at(facts: Facts, rules: tuple[Rule, ...], start: datetime, end: datetime) -> bool:
    """Whether ``rules``, those of ``timed``, allow the same session in ``[start, end)``."""
    return not rules or first_refusal(replace(facts, start=start, end=end), rules) is None


_VISIT = frozenset({"visit"})
_INTERROGATION = frozenset({"interrogation"})
_STATEMENT = frozenset({"statement"})

RULES: tuple[Rule, ...] = (
    Rule(
        id="LV-3",
        title="A visit is private",
        source="CPL 39(4), MPS 55",
        kinds=_VISIT,
        check=checks.nobody_else,
        text="Only lawyer, client and interpreter take part in a visit. Nobody else can be added.",
        input="officers",
        proofs=("tests/scheduler/test_rules.py::test_an_officer_in_a_visit_is_refused",),
    ),
    Rule(
        id="LV-2",
        title="A permit for visits in cases of national security or terrorism",
        source="CPL 39, MPS 52",
        kinds=_VISIT,
        check=checks.permit,
        text="In this case a visit during the investigation needs a permit. It is decided within three days of asking.",
        parameters={"days": 3},
        exceptions={"permit": "The permit was granted"},
        input="custody_person",
        proofs=("tests/scheduler/test_rules.py::test_a_grave_case_needs_a_permit_while_investigated",),
    ),
    Rule(
        id="LV-2b",
        title="A permit for an interpreter brought by the lawyer",
        source="MPS 54",
        kinds=_VISIT,
        check=checks.interpreter_permit,
        text="An interpreter needs a permit. Please hand it in with your papers; it is decided within three days.",
        parameters={"days": 3},
        exceptions={"permit": "The permit was granted"},
        input="interpreters",
        proofs=("tests/scheduler/test_papers.py::test_an_accepted_permit_lets_the_interpreter_come",),
    ),
    Rule(
        id="LV-P",
        title="A visit takes place where the client is held",
        source="MPS 53",
        kinds=_VISIT,
        check=checks.where_the_client_is,
        text="A visit can be booked where your client is held. Please call the facility to arrange one elsewhere.",
        input="room",
        proofs=("tests/scheduler/test_rules.py::test_a_visit_elsewhere_than_the_client_is_refused",),
    ),
    Rule(
        id="IN-1",
        title="Two officers throughout",
        source="CPL 118, 124; MPS 202, 210",
        kinds=_INTERROGATION | _STATEMENT,
        check=checks.enough_officers,
        text="At least {officers} officers take part. Please name another one.",
        parameters={"officers": 2},
        exceptions={"wholly-recorded": "Administrative questioning in case premises, recorded throughout"},
        input="officers",
        proofs=("tests/scheduler/test_rules.py::test_one_officer_alone_is_refused",),
    ),
    Rule(
        id="IN-2",
        title="The place follows custody",
        source="CPL 118(2), MPS 198, 202",
        kinds=_INTERROGATION,
        check=checks.place_by_custody,
        text=(
            "This place cannot be used for this person: before admission an interrogation room of the case premises, "
            "afterwards a room inside the detention centre."
        ),
        exceptions={
            "hospital": "Approved questioning in hospital",
            "home": "Approved questioning at home",
            "on-site": "Approved on-site questioning",
        },
        input="room",
        proofs=("tests/scheduler/test_rules.py::test_the_place_of_an_interrogation_follows_custody",),
    ),
    Rule(
        id="IN-2b",
        title="Inside a detention centre with a permit that names the officers",
        source="MPS 202, practice",
        kinds=_INTERROGATION,
        check=checks.permit_names_officers,
        text="The facility checks the interrogation permit and the {officers} officers it names. Please hand it in.",
        severity=Severity.ALARM,
        parameters={"officers": 2},
        input="officers",
        proofs=("tests/scheduler/test_papers.py::test_a_permit_that_names_both_officers_ends_the_warning",),
    ),
    Rule(
        id="IN-2n",
        title="Inside a detention centre at night only by approval",
        source="practice",
        kinds=_INTERROGATION,
        check=checks.not_at_night,
        timed=True,
        text="At night a questioning inside the detention centre needs approval. Without it, possible from {from}.",
        parameters={"from_hour": 22, "until_hour": 6},
        exceptions={"approved": "Approved by the head of the facility"},
        input="start",
        proofs=("tests/scheduler/test_rules.py::test_the_night_needs_approval",),
    ),
    Rule(
        id="IN-7",
        title="Minors with a guardian",
        source="CPL 281, MPS 323, 324",
        kinds=_INTERROGATION,
        check=checks.guardian,
        text="This person is a minor: please add a guardian or an appropriate adult.",
        exceptions={"substitute-present": "An appropriate adult comes to the room"},
        input="guests",
        proofs=("tests/scheduler/test_rules.py::test_a_minor_needs_a_guardian",),
    ),
    Rule(
        id="IN-7i",
        title="An interpreter where one is needed",
        source="MPS 204, SPC 94",
        kinds=_INTERROGATION,
        check=checks.interpreter,
        text="This person needs an interpreter: please add one.",
        exceptions={"interpreter-in-room": "An interpreter comes to the room"},
        input="interpreters",
        proofs=("tests/scheduler/test_rules.py::test_a_person_who_needs_an_interpreter_gets_one",),
    ),
    Rule(
        id="IN-7g",
        title="A girl is questioned with a female officer",
        source="CPL 281, MPS 324",
        kinds=_INTERROGATION,
        check=checks.girl,
        text="A girl is questioned in the presence of a female officer. Please make sure that one is there.",
        severity=Severity.ALARM,
        proofs=("tests/scheduler/test_rules.py::test_a_girl_calls_for_a_female_officer",),
    ),
    Rule(
        id="IN-6l",
        title="A summons lasts twelve hours at most",
        source="CPL 119, MPS 200",
        kinds=_INTERROGATION,
        check=checks.length_at_liberty,
        text="A person at liberty can be questioned for {hours} hours at most.",
        parameters={"hours": 12},
        exceptions={"approved-24h": "Extension to 24 hours approved by name"},
        input="end",
        proofs=("tests/scheduler/test_rules.py::test_a_summons_has_a_length_and_a_rest",),
    ),
    Rule(
        id="IN-6r",
        title="Rest between two summonses",
        source="CPL 119, MPS 200",
        kinds=_INTERROGATION,
        check=checks.rest_between,
        timed=True,
        text="Between two summonses lie at least {hours} hours of rest. Possible from {from}.",
        parameters={"hours": 12},
        input="start",
        proofs=("tests/scheduler/test_rules.py::test_a_summons_has_a_length_and_a_rest",),
    ),
    Rule(
        id="IN-6f",
        title="First questioning within a day of detention",
        source="CPL 86, 94; MPS 128, 144",
        kinds=_INTERROGATION,
        check=checks.first_in_time,
        text="The first questioning should take place by {latest}.",
        parameters={"hours": 24},
        severity=Severity.ALARM,
        proofs=("tests/scheduler/test_rules.py::test_the_first_questioning_within_a_day_is_watched",),
    ),
    Rule(
        id="LV-4c",
        title="Repeated no-shows close online booking, never the visit",
        source="practice",
        kinds=_VISIT,
        check=checks.few_no_shows,
        text="After several missed visits please book by telephone or at the facility for now. You can still visit.",
        parameters={"count": 3, "days": 90},
        exceptions={"lifted": "Opened again by the facility"},
        input="custody_person",
        proofs=(
            "tests/scheduler/test_rules.py::test_only_repeated_no_shows_close_online_booking",
            "tests/scheduler/test_reopening.py::test_the_post_opens_what_missed_visits_have_closed",
        ),
    ),
    Rule(
        id="LV-4w",
        title="Working days on which a facility takes visits",
        source="practice",
        kinds=_VISIT,
        check=checks.in_practice_days,
        timed=True,
        text=(
            "Here visits are booked online for the working days from {from} to {until}. For a visit sooner please "
            "call the facility: within 48 hours is your right."
        ),
        parameters={"first": 0, "last": 0},
        exceptions={"sooner": "A visit within 48 hours was arranged with the facility"},
        input="start",
        proofs=("tests/scheduler/test_practice.py::test_visits_are_taken_from_the_fourth_to_the_sixth_working_day",),
    ),
    Rule(
        id="LV-4b",
        title="Bands of the day in which a facility takes visits",
        source="practice",
        kinds=_VISIT,
        check=checks.in_bands,
        timed=True,
        text="Here a visit lies in one of these times, or in two that follow each other: {bands}.",
        parameters={"bands": "", "most": 2},
        input="start",
        proofs=("tests/scheduler/test_practice.py::test_a_visit_lies_in_bands_at_most_two_consecutive",),
    ),
    Rule(
        id="LV-4l",
        title="Lengths of a visit",
        source="practice",
        kinds=_VISIT,
        check=checks.of_length,
        text="Here a visit lasts {minutes} minutes. Please choose one of these lengths.",
        parameters={"minutes": ""},
        input="end",
        proofs=("tests/scheduler/test_practice.py::test_a_visit_has_one_of_the_lengths",),
    ),
    Rule(
        id="LV-4a",
        title="Arriving early",
        source="practice",
        kinds=_VISIT,
        check=checks.elsewhere,
        text="Please be there {minutes} minutes before the start.",
        severity=Severity.DEFECT,
        parameters={"minutes": 0},
        proofs=("tests/scheduler/test_practice.py::test_the_lawyer_is_told_how_early_to_come",),
    ),
    Rule(
        id="LV-4d",
        title="A visit given back late counts as missed",
        source="practice",
        kinds=_VISIT,
        check=checks.elsewhere,
        text="Less than {hours} hours are left: giving the time back now counts as a missed visit.",
        severity=Severity.DEFECT,
        parameters={"hours": 0},
        proofs=("tests/scheduler/test_practice.py::test_a_late_cancellation_counts_like_a_missed_visit",),
    ),
    Rule(
        id="LV-4n",
        title="Notice a facility needs",
        source="practice",
        kinds=_VISIT,
        check=checks.notice,
        timed=True,
        text="A visit needs some notice. Possible from {from}.",
        parameters={"hours": 0},
        input="start",
        proofs=("tests/scheduler/test_rules.py::test_notice_is_a_parameter",),
    ),
    Rule(
        id="LV-4s",
        title="Visits begin on the facility's grid",
        source="practice",
        kinds=_VISIT,
        check=checks.on_the_grid,
        timed=True,
        text="Visits begin every {minutes} minutes here. The next start is {from}.",
        input="start",
        proofs=("tests/scheduler/test_rules.py::test_visits_begin_on_the_facilitys_grid",),
    ),
    Rule(
        id="WS-1",
        title="One witness at a time",
        source="CPL 124, SPC 89",
        kinds=_STATEMENT,
        check=checks.one_interviewee,
        text="One witness or victim gives a statement at a time. Please name exactly one.",
        input="guests",
        proofs=("tests/scheduler/test_rules.py::test_two_witnesses_at_once_are_refused",),
    ),
    Rule(
        id="ES-1",
        title="Escorts of co-suspects are staggered",
        source="MPS 202, practice",
        kinds=_VISIT | _INTERROGATION,
        check=checks.staggered,
        text="Not available at that time. Please choose another.",
        parameters={"minutes": 0},
        input="start",
        proofs=("tests/scheduler/test_escorts.py::test_co_suspects_are_not_moved_at_the_same_time",),
    ),
    Rule(
        id="RM-1",
        title="The room serves the kind",
        source="practice",
        kinds=_VISIT | _INTERROGATION | _STATEMENT,
        check=checks.room_serves,
        text="{room} is not equipped for this. Please choose another room.",
        input="room",
        proofs=("tests/scheduler/test_rules.py::test_a_room_of_another_use_is_refused",),
    ),
    Rule(
        id="RM-2",
        title="The room has seats for everybody",
        source="practice",
        kinds=_VISIT | _INTERROGATION | _STATEMENT,
        check=checks.room_has_seats,
        text="{room} has {seats} seats, and {persons} people would sit there. Please choose another room.",
        input="room",
        proofs=(
            "tests/scheduler/test_rules.py::test_a_room_without_enough_seats_is_refused",
            "tests/scheduler/test_bookings.py::test_a_room_with_too_few_seats_is_passed_over",
        ),
    ),
)
"""In the order in which a person should learn of them. WS-2 (no officer in two sessions) is the hold on the officer."""
