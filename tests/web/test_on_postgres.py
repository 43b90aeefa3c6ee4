"""Pages of booking on PostgreSQL: what the other modules prove on SQLite, a slice of it through the same doors."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from core.database import Database
from tests.scheduler.world import copy_database
from tests.web import (
    test_booking_pages,
    test_choosing_pages,
    test_duty,
    test_full_day,
    test_invitations,
    test_pages,
    test_papers_pages,
    test_planning,
)
from tests.web.world import World, seed, world

pytestmark = pytest.mark.postgres
PROMISES = (
    test_full_day.test_a_day_of_twenty_sessions_over_eight_rooms,
    test_duty.test_absence_and_approval_are_written_down_in_the_page,
    test_duty.test_another_time_is_offered_for_what_cannot_stay,
    test_duty.test_a_room_is_changed_in_two_taps_while_the_session_runs,
    test_invitations.test_the_guest_of_one_statement_is_offered_other_times,
    test_pages.test_custody_steps_are_confirmed_in_order_and_told_to_the_session,
    test_pages.test_calendar_file_names_nobody,
    test_papers_pages.test_naming_a_client_tells_nothing_of_custody,
    test_papers_pages.test_three_papers_are_handed_in_checked_and_used_again,
    test_papers_pages.test_the_waiting_list_is_joined_and_left,
    test_choosing_pages.test_each_witness_gets_a_time_a_link_and_a_choice,
    test_planning.test_a_closure_ahead_marks_what_stands_there,
    test_planning.test_a_rule_is_set_for_one_facility_and_replayed,
    test_planning.test_statistics_name_no_lawyer_and_leave_out_small_numbers,
    test_booking_pages.test_a_booking_is_moved_and_moved_again,
    test_booking_pages.test_a_taken_time_is_told_with_the_nearest,
    test_booking_pages.test_a_transfer_is_answered_in_one_tap,
    test_booking_pages.test_an_offered_time_is_taken_or_not,
)


@pytest.fixture(scope="module")
def seeded_pages(postgres_cluster) -> str:  # type: ignore[no-untyped-def]  # of the root conftest
    """Name of a seeded PostgreSQL database to be copied."""
    name = f"pages_{uuid4().hex}"
    asyncio.run(copy_database(postgres_cluster, name, "yuanjian_template"))
    asyncio.run(seed(Database(postgres_cluster.url(name))))
    return name


@pytest.fixture
async def site(postgres_cluster, seeded_pages: str, tmp_path: Path) -> AsyncIterator[World]:  # type: ignore[no-untyped-def]
    """The running application on PostgreSQL."""
    name = f"w{uuid4().hex}"
    await copy_database(postgres_cluster, name, seeded_pages)
    async with world(Database(postgres_cluster.url(name)), tmp_path) as made:
        yield made


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_kept_on_postgresql(site: World, promise) -> None:  # type: ignore[no-untyped-def]  # a test
    """The same pages, the same answers."""
    await promise(site)
