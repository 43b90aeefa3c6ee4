"""What the other modules prove on SQLite, once through on PostgreSQL: every query of the calendar runs there too."""

import pytest

from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from tests.scheduler import (
    test_choosing,
    test_day,
    test_decisions,
    test_escorts,
    test_integration,
    test_notices,
    test_papers,
    test_places,
    test_registers,
    test_reviews,
    test_roster,
    test_rulebook,
    test_statistics,
    test_waiting,
)

ALONE = (
    test_choosing.test_many_witnesses_get_times_one_after_the_other,
    test_day.test_a_lawyer_sees_own_clients_alone,
    test_day.test_an_officer_sees_own_cases_and_colleagues,
    test_escorts.test_without_the_setting_nothing_is_staggered,
    test_integration.test_a_case_is_taken_once_and_brought_up_to_date,
    test_integration.test_results_tell_of_a_visit_only_that_it_took_place,
    test_integration.test_a_message_is_signed_and_tried_again,
    test_notices.test_each_side_is_told_of_the_others_acts_and_not_of_its_own,
    test_papers.test_an_accepted_permit_lets_the_interpreter_come,
    test_papers.test_a_permit_that_names_both_officers_ends_the_warning,
    test_places.test_an_offer_can_be_booked_and_is_gone_then,
    test_places.test_an_urgent_room_is_decided_by_the_post_and_reviewed,
    test_places.test_the_week_board_has_seven_days,
    test_roster.test_officers_host_an_interrogation_and_the_post_stays_out,
    test_rulebook.test_an_old_booking_is_judged_by_the_rules_of_any_day,
    test_rulebook.test_a_granted_exception_lifts_one_rule_for_one_person,
    test_statistics.test_waiting_time_is_told_only_from_five_sessions_on,
    test_statistics.test_room_use_counts_open_time,
    test_statistics.test_distance_to_the_nearest_lawyers_room,
    test_waiting.test_an_interrogation_leaves_a_slot_for_a_waiting_visit,
)
WITH_A_REQUEST = (test_decisions.test_every_act_leaves_a_version_and_a_ledger_entry,)
WITH_A_VISIT = (
    test_registers.test_a_late_entry_is_marked_and_checked,
    test_registers.test_a_shift_is_handed_over_with_what_is_open,
    test_reviews.test_a_transfer_marks_and_proposes_slots_at_the_new_place,
    test_reviews.test_a_broken_room_marks_its_sessions_and_takes_no_new_ones,
    test_roster.test_the_custody_room_waits_for_the_post,
)
pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("test", ALONE, ids=lambda test: test.__name__)
async def test_alone(postgres_site, test):
    """The same promise, kept on PostgreSQL."""
    await test(postgres_site)


@pytest.mark.parametrize("test", WITH_A_REQUEST, ids=lambda test: test.__name__)
async def test_with_a_request(postgres_site, test):
    """The same promise about a requested visit, kept on PostgreSQL."""
    site = postgres_site
    await test(site, await request_booking(site.db, site.clock, site.who["lawyer"], site.visit()))


@pytest.mark.parametrize("test", WITH_A_VISIT, ids=lambda test: test.__name__)
async def test_with_a_visit(postgres_site, test):
    """The same promise about a confirmed visit, kept on PostgreSQL."""
    site = postgres_site
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await test(site, await confirm(site.db, site.clock, site.who["duty"], booking.id))
