"""An operator's token is shown once, ends, and carries the role of the operator alone."""

from datetime import timedelta

import pytest

from core.errors import NotFound
from people import tokens


async def test_a_token_is_the_operator(database, clock):
    """Its principal has one role and no place."""
    secret = await tokens.issue_token(database, clock, name="nightly rehearsal")
    principal = await tokens.authenticate_token(database, clock, secret)
    assert (principal.kind, principal.roles, principal.organisation) == ("token", {"operator"}, None)


async def test_a_token_expires(database, clock):
    """After its time it is nobody's."""
    secret = await tokens.issue_token(database, clock, name="short", lasts=timedelta(hours=1))
    clock.advance(3600)
    assert await tokens.authenticate_token(database, clock, secret) is None


async def test_a_revoked_token_is_out_at_once(database, clock):
    """Revoking works once and at once."""
    secret = await tokens.issue_token(database, clock, name="lost")
    token = (await tokens.tokens(database))[0].id
    await tokens.revoke_token(database, clock, token)
    assert await tokens.authenticate_token(database, clock, secret) is None
    with pytest.raises(NotFound):
        await tokens.revoke_token(database, clock, token)


@pytest.mark.parametrize("secret", [None, "", "x" * 5000, "é"])
async def test_a_strange_token_is_nobody(database, clock, secret):
    """Garbage in the header is the same as none."""
    assert await tokens.authenticate_token(database, clock, secret) is None
