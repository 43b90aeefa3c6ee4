"""Confirm, decline, withdraw, cancel, no-show: by whom, from which state, with which trace."""

import pytest
from sqlalchemy import func, select

from core import ledger
from core.errors import Conflict, Denied, Invalid, NotFound
from scheduler.bookings import request_booking
from scheduler.decisions import ACTS, cancel, confirm, decline, no_show, withdraw
from scheduler.models import Booking, BookingChange, Hold, State


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


@pytest.fixture
async def visit(site):
    """A requested visit."""
    return await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())


async def held(site):
    """How many holds there are."""
    async with site.db.transaction(write=False) as tx:
        return (await tx.execute(select(func.count()).select_from(Hold))).scalar()


async def test_the_duty_post_confirms(site, visit):
    """Confirming keeps the holds and says who decided when."""
    booking = await confirm(site.db, site.clock, site.who["duty"], visit.id)
    assert (booking.state, booking.decided_by) == (State.CONFIRMED, site.who["duty"].id)
    assert await held(site) == 3


async def test_declining_frees_everything_and_says_why(site, visit):
    """A declined request gives its holds back."""
    booking = await decline(site.db, site.clock, site.who["duty"], visit.id, "ill")
    assert (booking.state, booking.reason) == (State.DECLINED, "ill")
    assert await held(site) == 0


async def test_the_lawyer_withdraws_then_cancels(site, visit):
    """Before the answer it is withdrawn, after it cancelled with a reason."""
    with pytest.raises(Conflict):
        await cancel(site.db, site.clock, site.who["lawyer"], visit.id, "other-time")
    await withdraw(site.db, site.clock, site.who["lawyer"], visit.id)
    again = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await confirm(site.db, site.clock, site.who["duty"], again.id)
    booking = await cancel(site.db, site.clock, site.who["lawyer"], again.id, "other-time")
    assert booking.state is State.CANCELLED
    assert await held(site) == 0


async def test_nobody_else_confirms(site, visit):
    """Only the duty post of the facility where the client is held; to strangers there is no such visit."""
    with pytest.raises(Denied):
        await confirm(site.db, site.clock, site.who["lawyer"], visit.id)
    for login in ["lawyer2", "officer", "duty-west", "duty-centre", "admin", "reviewer"]:
        with pytest.raises(NotFound):
            await confirm(site.db, site.clock, site.who[login], visit.id)


async def test_another_lawyer_cannot_withdraw(site, visit):
    """A request belongs to whoever made it, and nobody else learns of it."""
    with pytest.raises(NotFound):
        await withdraw(site.db, site.clock, site.who["lawyer2"], visit.id)


async def test_a_stale_form_changes_nothing(site, visit):
    """Who acts on an older version is told that it has changed."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id, version=1)
    with pytest.raises(Conflict) as caught:
        await cancel(site.db, site.clock, site.who["lawyer"], visit.id, "not-needed", version=1)
    assert caught.value.code == "stale"
    assert (await site.booking(visit.id)).state is State.CONFIRMED


async def test_reasons_are_enumerated(site, visit):
    """Free text is no reason."""
    with pytest.raises(Invalid):
        await decline(site.db, site.clock, site.who["duty"], visit.id, "because")


async def test_a_no_show_has_a_cause_and_an_owner(site, visit):
    """Not before the start; the cause decides whose it was."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    with pytest.raises(Conflict):
        await no_show(site.db, site.clock, site.who["duty"], visit.id, "not-brought")
    site.clock.advance(2 * 3600)
    booking = await no_show(site.db, site.clock, site.who["duty"], visit.id, "not-brought")
    assert (booking.state, booking.owner) == (State.NO_SHOW, "facility")


async def test_every_act_leaves_a_version_and_a_ledger_entry(site, visit):
    """The history holds each version, the ledger each act, in order and unbroken."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await cancel(site.db, site.clock, site.who["lawyer"], visit.id, "ill")
    async with site.db.transaction(write=False) as tx:
        changes = (
            await tx.execute(
                select(BookingChange).where(BookingChange.booking == visit.id).order_by(BookingChange.version)
            )
        ).scalars()
        assert [(c.version, c.act, c.snapshot["state"]) for c in changes] == [
            (1, "requested", "requested"),
            (2, "confirmed", "confirmed"),
            (3, "cancelled", "cancelled"),
        ]
        tags = select(ledger.Entry.tag).where(ledger.Entry.subject == visit.id).order_by(ledger.Entry.number)
        assert list((await tx.execute(tags)).scalars()) == [
            "booking.requested",
            "booking.confirmed",
            "booking.cancelled",
        ]
        assert await ledger.check(tx) is None


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
async def test_state_by_act(sqlite_site, act, state):
    """Every state × act: what the table does not allow is a conflict and changes nothing."""
    site = sqlite_site
    booking = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    async with site.db.transaction() as tx:
        (await tx.get_one(Booking, booking.id)).state = state
    site.clock.advance(2 * 3600)
    who = site.who["lawyer"] if act.name in ("withdrawn", "cancelled") else site.who["duty"]
    call = {"confirmed": confirm, "declined": decline, "withdrawn": withdraw, "cancelled": cancel, "no_show": no_show}
    reason = {"declined": ("ill",), "cancelled": ("ill",), "no_show": ("ill",)}.get(act.name, ())
    if state in act.from_:
        assert (await call[act.name](site.db, site.clock, who, booking.id, *reason)).state is act.to
    else:
        with pytest.raises(Conflict):
            await call[act.name](site.db, site.clock, who, booking.id, *reason)
        assert (await site.booking(booking.id)).state is state


async def test_an_unknown_booking_is_not_found(site):
    """There is nothing to decide."""
    with pytest.raises(NotFound):
        await confirm(site.db, site.clock, site.who["duty"], "nothing")
