"""What a sign-in still owes: the whole table of ways, in milliseconds; and which ways in may be given up."""

from datetime import timedelta
from itertools import product

import pytest

from core.errors import Conflict
from people.owing import WEAK, Method, Owes, owes
from people.ways import Ways, check_left
from tests.conftest import NOON


@pytest.mark.parametrize(("method", "issued", "needed"), list(product(Method, (None, NOON), (True, False))))
def test_what_is_owed(method, issued, needed):
    """A link owes a way, an issued password an own one, a password alone a second factor where one is needed."""
    expected = Owes.NOTHING
    if needed and method in WEAK:
        expected = Owes.FACTOR
    if issued and method is not Method.PASSKEY:
        expected = Owes.PASSWORD
    if method is Method.LINK:
        expected = Owes.WAY
    assert owes(method, issued, second_factor=needed) is expected


@pytest.mark.parametrize("left", [Ways(*ways) for ways in product((True, False), (True, False), (0, 1), (True, False))])
@pytest.mark.parametrize("needed", [True, False])
def test_the_last_way_in_stays(left, needed):
    """Something must be left by which its owner comes in again, as strong as the site asks for."""
    enough = left.passkeys or left.outside or (left.password and (left.app or not needed))
    if enough:
        check_left(left, second_factor=needed)
    else:
        with pytest.raises(Conflict):
            check_left(left, second_factor=needed)


async def test_a_link_lasts_three_days(database, clock, site, door):
    """On the fourth it is refused in the words of every other dead link."""
    from core.errors import Denied
    from people import administration, enrolment

    admin = await site.principal(database, "admin.branch")
    secret = await administration.invite(database, clock, admin, person=site.persons["officer"])
    clock.advance(timedelta(days=3).total_seconds())
    with pytest.raises(Denied) as caught:
        await enrolment.enter(database, clock, door, secret=secret)
    assert caught.value.code == "enrolment-over"
