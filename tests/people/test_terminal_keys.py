"""A terminal with a key pair proves itself at every start; its cookie alone opens nothing."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.errors import Denied, Invalid
from people import terminal_keys, terminals
from people.terminals import Place
from tests.people.conftest import FACILITY, ROOM

PLACE = Place(room=ROOM, facility=FACILITY, label="会见室 1")


def spki(key) -> str:
    raw = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def sign(key, asked: str, message: bytes = terminal_keys.MESSAGE) -> str:
    """What ``crypto.subtle.sign`` gives: r and s, 32 bytes each."""
    r, s = decode_dss_signature(key.sign(message + asked.encode(), ec.ECDSA(SHA256())))
    return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


@pytest.fixture
def device():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def pair(database, clock, door, site, device):
    async def go():
        pairing = await terminals.begin(database, clock, door.throttle, public_key=spki(device))
        duty = await site.principal(database, "duty")
        await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=PLACE)
        return await terminals.collect(database, clock, pairing.device)

    return go


@pytest.fixture
def start(database, clock):
    async def go(key, device, message=terminal_keys.MESSAGE):
        secret, asked = await terminal_keys.challenge(database, clock, key)
        signature = sign(device, asked, message)
        return await terminal_keys.start(database, clock, key, secret=secret, signature=signature)

    return go


async def refused(awaitable):
    with pytest.raises(Denied) as caught:
        await awaitable
    return caught.value.code


async def test_a_proved_start_is_the_terminal(database, pair, start, device):
    """Cookie and proved start together; neither alone."""
    key = await pair()
    assert await terminals.authenticate_terminal(database, key) is None
    cookie = await start(key, device)
    assert (await terminals.authenticate_terminal(database, key, cookie)).room == ROOM
    assert await terminals.authenticate_terminal(database, "other", cookie) is None


async def test_the_newest_start_ends_the_one_before(database, pair, start, device):
    """After a power cut the terminal is back by itself, once."""
    key = await pair()
    first = await start(key, device)
    second = await start(key, device)
    assert await terminals.authenticate_terminal(database, key, first) is None
    assert await terminals.authenticate_terminal(database, key, second)


async def test_a_copied_cookie_without_the_key_starts_nothing(database, pair, start, device):
    """Another key, another message, and the running start goes on."""
    key = await pair()
    good = await start(key, device)
    thief = ec.generate_private_key(ec.SECP256R1())
    assert await refused(start(key, thief)) == "terminal-refused"
    assert await refused(start(key, device, b"something else\n")) == "terminal-refused"
    assert await terminals.authenticate_terminal(database, key, good)


async def test_a_challenge_is_answered_once_and_soon(database, clock, pair, device):
    """A signature overheard is worth nothing; after a minute neither."""
    key = await pair()
    secret, asked = await terminal_keys.challenge(database, clock, key)
    answer = {"secret": secret, "signature": sign(device, asked)}
    await terminal_keys.start(database, clock, key, **answer)
    assert await refused(terminal_keys.start(database, clock, key, **answer)) == "challenge-over"
    secret, asked = await terminal_keys.challenge(database, clock, key)
    clock.advance(60)
    late = {"secret": secret, "signature": sign(device, asked)}
    assert await refused(terminal_keys.start(database, clock, key, **late)) == "challenge-over"


@pytest.mark.parametrize("signature", ["", "x", "AAAA", base64.b64encode(bytes(64)).decode(), "A" * 5000])
async def test_garbage_is_no_signature(database, clock, pair, signature):
    """Whatever is sent gets the same answer."""
    key = await pair()
    secret, _ = await terminal_keys.challenge(database, clock, key)
    trying = terminal_keys.start(database, clock, key, secret=secret, signature=signature)
    assert await refused(trying) == "terminal-refused"


@pytest.mark.parametrize(
    "public_key",
    [
        "garbage",
        "AAAA",
        spki(ec.generate_private_key(ec.SECP384R1())),
        spki(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    ],
)
async def test_only_p256_keys_are_taken(database, clock, door, site, public_key):
    """Another curve, another kind of key, or none at all is refused at pairing."""
    with pytest.raises(Invalid):
        await terminals.begin(database, clock, door.throttle, public_key=public_key)


async def test_a_revoked_or_unknown_terminal_is_asked_nothing(database, clock, site, pair, start, device):
    """No challenge for a key that opens nothing."""
    key = await pair()
    cookie = await start(key, device)
    terminal = await terminals.authenticate_terminal(database, key, cookie)
    await terminals.revoke(database, clock, await site.principal(database, "duty"), terminal.id)
    assert await refused(terminal_keys.challenge(database, clock, key)) == "terminal-unknown"
    assert await refused(terminal_keys.challenge(database, clock, "x" * 5000)) == "terminal-unknown"
    assert await terminals.authenticate_terminal(database, key, cookie) is None
