"""Two persons who must never meet are found, whoever comes first, wherever they could."""

from datetime import timedelta

import pytest

from core.errors import Denied, Invalid, NotFound
from people import screening
from people.permissions import Relation
from people.screening import Pair, Reason, Stay, meeting, too_close
from tests.conftest import NOON

APART = frozenset({Pair.of("b", "a"), Pair.of("c", "d")})
OWN = frozenset({Relation.OWN_CASE})


@pytest.mark.parametrize(
    ("arriving", "present", "found"),
    [
        (["a"], ["b"], Pair("a", "b")),
        (["b"], ["a"], Pair("a", "b")),
        (["a", "b"], [], Pair("a", "b")),
        (["x", "d"], ["y", "c"], Pair("c", "d")),
        (["a"], ["c", "d", "x"], None),
        (["a"], ["a"], None),
        (["x"], ["a", "b"], None),
        ([], ["a", "b"], None),
        (["a"], [], None),
    ],
)
def test_a_meeting_is_found(arriving, present, found):
    """In either order, arriving together too; a meeting that stands already is not the newcomer's."""
    assert meeting(APART, arriving, present) == found


@pytest.mark.parametrize(
    ("minutes", "place", "person", "close"),
    [
        (0, "p", "b", True),
        (59, "p", "b", True),
        (60, "p", "b", True),
        (89, "p", "b", True),
        (90, "p", "b", False),
        (-89, "p", "b", True),
        (-90, "p", "b", False),
        (0, "q", "b", False),
        (0, "p", "c", False),
        (0, "p", "a", False),
    ],
)
def test_stays_too_close_at_one_place(minutes, place, person, close):
    """Overlapping or within half an hour of coming and going, at the same place only."""
    hour = timedelta(hours=1)
    new = Stay("a", "p", NOON, NOON + hour)
    start = NOON + timedelta(minutes=minutes)
    other = Stay(person, place, start, start + hour)
    assert (too_close(APART, new, [other]) == other) is close


async def test_a_statement_stands_until_lifted(database, clock, site):
    """Found from either person; said twice it is one; lifted it is gone."""
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        stated = await screening.keep_apart(tx, clock, officer, OWN, one="z", other="y", reason=Reason.CO_SUSPECTS)
        again = await screening.keep_apart(tx, clock, officer, OWN, one="y", other="z", reason=Reason.THREAT)
        assert stated == again
        assert await screening.pairs(tx, ["y"]) == await screening.pairs(tx, ["z", "x"]) == {Pair("y", "z")}
        await screening.lift(tx, clock, officer, OWN, stated)
        assert await screening.pairs(tx, ["y", "z"]) == frozenset()
        with pytest.raises(NotFound):
            await screening.lift(tx, clock, officer, OWN, stated)


async def test_who_may_state_it(database, clock, site):
    """The officer of the case or the facility's post; nobody else, and never of one person."""
    async with database.transaction() as tx:
        for who in ("lawyer", "admin", "reviewer"):
            principal = await site.principal(database, who)
            with pytest.raises(Denied):
                await screening.keep_apart(
                    tx, clock, principal, frozenset(Relation), one="y", other="z", reason=Reason.THREAT
                )
        officer = await site.principal(database, "officer")
        with pytest.raises(Denied):
            await screening.keep_apart(tx, clock, officer, (), one="y", other="z", reason=Reason.THREAT)
        with pytest.raises(Invalid):
            await screening.keep_apart(tx, clock, officer, OWN, one="y", other="y", reason=Reason.THREAT)
