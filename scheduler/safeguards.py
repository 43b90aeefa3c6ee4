"""Rules that are kept by construction rather than judged: by a hold, a clock, a permission, what a view leaves out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Safeguard:
    """One rule, how it is kept, and the test that proves it."""

    id: str
    says: str
    source: str
    how: str
    proof: str


SAFEGUARDS: tuple[Safeguard, ...] = (
    Safeguard(
        "LV-1",
        "A start within 48 hours is offered; a breach goes to the resident prosecutor",
        "CPL 39, MPS 53",
        "Jobs enqueued with the request remind the post and tell the prosecutor",
        "tests/scheduler/test_clocks.py::test_an_unanswered_request_is_escalated_and_told_to_the_prosecutor",
    ),
    Safeguard(
        "LV-1",
        '"No capacity" is not an answer',
        "MPS 53",
        "Declining for lack of room is refused; the post offers another time, which is held",
        "tests/scheduler/test_clocks.py::test_no_capacity_is_not_an_answer",
    ),
    Safeguard(
        "LV-1",
        "The clock pauses only for an enumerated missing paper",
        "MPS 53",
        "Pauses are computed from refused papers and nothing else",
        "tests/scheduler/test_clocks.py::test_a_missing_paper_stops_the_clock_and_nothing_else_does",
    ),
    Safeguard(
        "LV-1",
        "No other paper may be demanded",
        "MPS 53",
        "The kinds of papers are enumerated",
        "tests/scheduler/test_papers.py::test_no_other_paper_can_be_demanded",
    ),
    Safeguard(
        "LV-3",
        "Police learn of a visit only that it took place, from when to when",
        "CPL 39(4)",
        "The view for officers of the case holds two instants",
        "tests/scheduler/test_day.py::test_police_learn_that_a_visit_took_place_from_when_to_when",
    ),
    Safeguard(
        "LV-5",
        "An interrogation never pre-empts a visit",
        "CPL 39",
        "The hold on the person in custody",
        "tests/scheduler/test_bookings.py::test_the_same_person_twice_is_refused_with_alternatives",
    ),
    Safeguard(
        "LV-5",
        "An officer's hold leaves a slot inside an open 48-hour clock",
        "CPL 39",
        "A booking that would take the last visit window from a waiting lawyer's client is refused",
        "tests/scheduler/test_waiting.py::test_an_interrogation_leaves_a_slot_for_a_waiting_visit",
    ),
    Safeguard(
        "LV-6",
        "The answer is the same whether or not the person is held there",
        "practice",
        "A first request makes a mandate with the same missing papers for a known and an unknown person",
        "tests/scheduler/test_papers.py::test_the_answer_is_the_same_whether_or_not_somebody_is_held",
    ),
    Safeguard(
        "LV-6",
        "A lawyer chooses among own checked clients and sees no other name",
        "practice",
        "The query reads own checked representations only; every other person gives one sentence",
        "tests/scheduler/test_bookings.py::test_a_lawyer_gets_one_answer_for_everybody_else",
    ),
    Safeguard(
        "IN-2b",
        "The facility fills brought and returned times",
        "MPS 202",
        "Steps in order, confirmed by the post of the facility alone",
        "tests/scheduler/test_running.py::test_only_the_post_of_the_facility_confirms_steps",
    ),
    Safeguard(
        "WS-2",
        "One officer is never in two overlapping sessions",
        "SPC 90(4)",
        "The hold on the officer; the database refuses overlaps",
        "tests/scheduler/test_bookings.py::test_my_own_other_session_is_named_as_mine",
    ),
)
