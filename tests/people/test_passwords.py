"""Hashing happens off the loop, in few threads, and outdated hashes are noticed."""

import asyncio

import pytest

from core.errors import Unavailable
from people.passwords import Passwords


@pytest.fixture
def cheap():
    made = Passwords(memory_kib=64, rounds=1)
    yield made
    made.close()


async def test_a_hash_verifies_its_password_only(cheap):
    """The right password passes, another does not, and the stored form is argon2id."""
    stored = await cheap.hash("four quiet river stones")
    assert stored.startswith("$argon2id$")
    assert await cheap.verify(stored, "four quiet river stones")
    assert not await cheap.verify(stored, "four quiet river stone")


async def test_nothing_stored_never_verifies(cheap):
    """An account without a password cannot be entered with one, nor a broken hash with any."""
    assert not await cheap.verify(None, "")
    assert not await cheap.verify("", "")
    assert not await cheap.verify("$argon2id$broken", "x")


async def test_the_same_characters_match_however_composed(cheap):
    """A password typed on another keyboard is the same password."""
    assert await cheap.verify(await cheap.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")


async def test_old_parameters_are_outdated():
    """A hash made more cheaply than today's is to be replaced at the next sign-in; the default is 64 MiB."""
    cheap, real = Passwords(memory_kib=64, rounds=1), Passwords()
    stored = await cheap.hash("four quiet river stones")
    assert real.outdated(stored)
    assert "m=65536" in await real.hash("x")


async def test_a_full_queue_says_so_at_once():
    """More callers than may wait are refused instead of piling up."""
    tight = Passwords(memory_kib=1024, rounds=1, parallel=1, waiting=2)
    results = await asyncio.gather(*(tight.hash("x") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, Unavailable) for result in results) == 7
    assert await tight.hash("x")
