"""The kinds of session are consistent data."""

import pytest

from cases.kinds import KINDS, Edge, EndpointRole, Recording, Role


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_whoever_is_required_can_sit_somewhere(kind):
    """Each required role may be present at some endpoint of the kind."""
    seats = {role for roles in kind.roles_at.values() for role in roles}
    assert all(requirement.roles & seats for requirement in kind.requires)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_guests_and_rooms_never_share_a_screen(kind):
    """Nobody can be talked into showing their screen."""
    assert not kind.share & {EndpointRole.GUEST, EndpointRole.ROOM}


def test_a_privileged_kind_records_nothing_and_seats_no_officer():
    """No policy lets police hear a visit."""
    for kind in KINDS.values():
        if kind.privileged:
            seats = {role for roles in kind.roles_at.values() for role in roles}
            assert kind.recording is Recording.ATTENDANCE
            assert not seats & {Role.OFFICER, Role.COOPERATING_OFFICER}


def test_no_slot_cuts_a_questioning():
    """Only statutory clocks end it, and the break is on record too."""
    for code in ("interrogation", "statement"):
        assert KINDS[code].edge is Edge.NEVER
        assert KINDS[code].record_while_held


def test_a_proposed_length_is_among_the_choices_or_the_kind_is_a_rehearsal():
    """Pages offer what the kind proposes."""
    for kind in KINDS.values():
        assert kind.code == "rehearsal" or kind.duration in kind.choices
